"""What an A/B run arranges before its first pair: how its nurseries start, and the sampling plan of its pairs."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import pytest

from bench.analysis.paired import LOOKS
from bench.domain.procedure import Procedure, StartMethod
from bench.execution.executors.local import Local
from bench.execution.pairs import NURSERIES, Couple
from bench.protocol.messages import Capabilities
from bench.workflow import contests
from bench.workflow.contenders import Setting, of_pair
from tests.support.cases import a_trial

PLANNED = a_trial().planned
READY = Capabilities(version=1, python="3.11", libraries={}, start_method=StartMethod.SPAWN)


def test_nurseries_start_one_of_each_side_at_a_time_and_either_side_first_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    course: list[tuple[str, str]] = []

    def start(self: Local, method: StartMethod) -> str:
        del method
        course.append(("start", self.python))
        return self.python

    def ready(self: Local, nursery: str) -> Capabilities:
        assert nursery == self.python
        course.append(("ready", self.python))
        return READY

    monkeypatch.setattr(Local, "start", start)
    monkeypatch.setattr(Local, "ready", ready)
    settings = (Setting(python="base"), Setting(python="head", env={"A": "1"}))
    with ExitStack() as undo:
        flanks = contests._open(settings, [Couple(base=PLANNED, head=PLANNED)], undo, print)
    assert [flank.start["set_variables"] for flank in flanks] == [{}, {"A": "1"}]
    assert [side for what, side in course if what == "start"] == ["base", "head", "head", "base"] * (NURSERIES // 2)
    for number in range(NURSERIES):  # both have started before either is waited for, and both are ready before the next two
        assert [what for what, _ in course[4 * number : 4 * number + 4]] == ["start", "start", "ready", "ready"]


@pytest.mark.parametrize(
    ("number", "seconds", "calls"), [(0, 0.2, 4), (LOOKS[0] - 1, 0.2, 4), (LOOKS[0], 1.0, 10), (LOOKS[-1] - 1, 1.0, 10)]
)
def test_pairs_up_to_the_first_look_are_short_and_later_ones_long(number: int, seconds: float, calls: int) -> None:
    plan = of_pair(Procedure(min_seconds=0.5, min_iterations=10), number)
    assert plan.min_seconds == pytest.approx(seconds)
    assert plan.min_iterations == calls


def test_a_short_pair_has_at_least_one_call() -> None:
    assert of_pair(Procedure(min_iterations=1), 0).min_iterations == 1


def test_settings_reach_the_nurseries(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, Mapping[str, str]]] = []

    def start(self: Local, method: StartMethod) -> None:
        del method
        made.append((self.python, self.env))

    monkeypatch.setattr(Local, "start", start)
    monkeypatch.setattr(Local, "ready", lambda *_: READY)
    settings: Sequence[Setting] = (Setting(python="base"), Setting(python="head", env={"OMP_WAIT_POLICY": "ACTIVE"}))
    with ExitStack() as undo:
        contests._open(settings, [Couple(base=PLANNED, head=PLANNED)], undo, print)
    assert {python: env["OMP_WAIT_POLICY"] for python, env in made} == {"base": "PASSIVE", "head": "ACTIVE"}
