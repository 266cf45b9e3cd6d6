"""What an A/B run arranges before its first pair: how its nurseries start, and the sampling plan of its pairs."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench.analysis.paired import LOOKS
from bench.domain.comparison import Rules
from bench.domain.plan import PlannedCase
from bench.domain.procedure import Procedure, StartMethod
from bench.domain.record import Paired, Record, Side
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.execution.pairs import NURSERIES, Couple
from bench.protocol.messages import Capabilities
from bench.store import runs
from bench.workflow import contests
from bench.workflow.contenders import Setting, of_pair
from tests.support.builders import a_record, samples
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


def told_of(*couples: tuple[Mapping[str, Json], Mapping[str, Json]]) -> list[str]:
    """Give what is said before pairs of cases that ask for these axes, base's and head's."""
    told: list[str] = []

    def asking(axes: Mapping[str, Json]) -> PlannedCase:
        return replace(PLANNED, case=replace(PLANNED.case, requested={**PLANNED.case.requested, **axes}))

    contests._warn_of_full_cores([Couple(base=asking(base), head=asking(head)) for base, head in couples], told.append)
    return told


@pytest.mark.parametrize(
    ("threads", "cores", "warned"),
    [("auto", 2, True), (2, 2, True), (1, 2, False), (3, 4, False), (1, 1, False), ("auto", 1, False)],
)
def test_cases_that_leave_no_core_to_anyone_else_are_told(
    monkeypatch: pytest.MonkeyPatch, threads: int | str, cores: int, *, warned: bool
) -> None:
    monkeypatch.setattr("bench.execution.carry_out.available_cores", lambda: tuple(range(cores)))
    told = told_of(*[({"threads": count}, {"threads": count}) for count in (threads, 1)])
    if warned:
        (line,) = told
        assert line.startswith(f"1 of 2 cases use all {cores} cores")
        assert line.endswith(f"(--base-set threads={cores - 1} --head-set threads={cores - 1})")
    else:
        assert told == []


@pytest.mark.parametrize(
    ("base", "head"),
    [
        pytest.param({"threads": 2}, {"threads": 1}, id="threads are what is asked about"),
        pytest.param({"device": "cuda"}, {"device": "cuda"}, id="the model runs elsewhere"),
    ],
)
def test_no_threads_are_advised_where_that_would_not_fit(
    monkeypatch: pytest.MonkeyPatch, base: Mapping[str, Json], head: Mapping[str, Json]
) -> None:
    monkeypatch.setattr("bench.execution.carry_out.available_cores", lambda: (0, 1))
    assert told_of(({"threads": "auto", **base}, {"threads": "auto", **head})) == []


@pytest.mark.parametrize(
    ("number", "seconds", "calls"), [(0, 0.2, 4), (LOOKS[0] - 1, 0.2, 4), (LOOKS[0], 1.0, 10), (LOOKS[-1] - 1, 1.0, 10)]
)
def test_pairs_up_to_the_first_look_are_short_and_later_ones_long(number: int, seconds: float, calls: int) -> None:
    plan = of_pair(Procedure(min_seconds=0.5, min_iterations=10), number)
    assert plan.min_seconds == pytest.approx(seconds)
    assert plan.min_iterations == calls


def test_a_short_pair_has_at_least_one_call() -> None:
    assert of_pair(Procedure(min_iterations=1), 0).min_iterations == 1


@pytest.mark.parametrize(
    ("caller", "head", "expected"),
    [
        pytest.param({}, {}, [dict(contests.WAITING)] * 2, id="nobody says how idle threads wait"),
        pytest.param({}, {"A": "1"}, [dict(contests.WAITING), {**contests.WAITING, "A": "1"}], id="a side sets something else"),
        pytest.param({}, {"OMP_WAIT_POLICY": "ACTIVE"}, [{}, {"OMP_WAIT_POLICY": "ACTIVE"}], id="that is what is compared"),
        pytest.param({}, {"GOMP_SPINCOUNT": "5"}, [{}, {"GOMP_SPINCOUNT": "5"}], id="that is, by its other name"),
        pytest.param({"OMP_WAIT_POLICY": "ACTIVE"}, {"A": "1"}, [{}, {"A": "1"}], id="the caller's environment says it"),
    ],
)
def test_how_idle_threads_wait_is_set_where_nobody_else_says_it(
    monkeypatch: pytest.MonkeyPatch, caller: Mapping[str, str], head: Mapping[str, str], expected: list[dict[str, str]]
) -> None:
    made: list[tuple[str, Mapping[str, str]]] = []

    def start(self: Local, method: StartMethod) -> None:
        del method
        made.append((self.python, self.env))

    for name in contests.WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in caller.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Local, "start", start)
    monkeypatch.setattr(Local, "ready", lambda *_: READY)
    with ExitStack() as undo:
        contests._open(
            (Setting(python="base"), Setting(python="head", env=head)), [Couple(base=PLANNED, head=PLANNED)], undo, print
        )
    assert [dict(made)[side] for side in ("base", "head")] == expected


def test_the_next_look_is_told_by_what_pairs_took_since_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    other = replace(PLANNED, case=replace(PLANNED.case, id="other"))
    couples = [Couple(base=one, head=one) for one in (PLANNED, other)]
    heard: list[tuple[int | None, float] | None] = []
    run = runs.create(tmp_path, "ab", [], 2, [])
    course = contests._Course(
        contested=contests.Contested(base=run, head=run),
        couples=couples,
        rules=Rules(),
        watcher=cast("contests.Watcher", SimpleNamespace(closes_in=lambda *told: heard.append(told[-1]))),
        budget_s=None,
        began=now,
    )
    monkeypatch.setattr(contests._Course, "_goes_on", lambda *_: True)

    def pair(couple: Couple, number: int, seconds: float) -> None:
        nonlocal now
        assert course.goes_on(couple, number)
        now += seconds
        course.took(couple)

    pair(couples[0], 0, 2.0)
    assert heard.pop() is None  # of the other case nothing is known
    pair(couples[1], 0, 4.0)
    assert heard.pop() == (8, 7 * 2.0 + 7 * 4.0)
    for number in range(1, 8):
        pair(couples[0], number, 2.0)
        pair(couples[1], number, 4.0)
    assert heard.pop() == (8, 0.0)
    pair(couples[0], 8, 10.0)
    assert heard.pop() is None  # later pairs are longer
    pair(couples[1], 8, 20.0)
    assert heard.pop() == (16, 7 * 10.0 + 7 * 20.0)
    course.budget_s = now + 5.0
    pair(couples[0], 9, 4.0)
    assert heard.pop() == (None, 1.0)  # the budget ends before
    monkeypatch.setattr(contests._Course, "_goes_on", lambda _, couple, __: couple is couples[0])
    course.budget_s = None
    assert not course.goes_on(couples[1], 9)
    pair(couples[0], 10, 10.0)
    assert heard.pop() == (16, 5 * 8.0)  # a case that has ended is not waited for


@pytest.mark.parametrize(("effect", "pairs", "goes_on"), [(1.2, 8, False), (1.2, 7, True), (1.0, 8, True), (1.0, 24, False)])
def test_a_clear_case_ends_at_a_look_and_that_is_said(tmp_path: Path, effect: float, pairs: int, *, goes_on: bool) -> None:
    def of(side: Side, number: int) -> Record:
        seconds = (1.0 if side is Side.BASE else effect) * (1.0 + 0.001 * number * (side is Side.HEAD))
        place = Paired(ab="one", side=side, number=number, base_case=PLANNED.case.id)
        return a_record(PLANNED.case, number, run=side.value, paired=place, samples=(samples("forward", seconds),), observed={})

    told: list[str] = []
    run = runs.create(tmp_path, "ab", [], 1, [])
    before, after = ([of(side, number) for number in range(pairs)] for side in Side)
    course = contests._Course(
        contested=contests.Contested(base=run, head=run, before=before, after=after),
        couples=[Couple(base=PLANNED, head=PLANNED)],
        rules=Rules(),
        watcher=cast("contests.Watcher", SimpleNamespace(said=told.append)),
        budget_s=None,
    )
    assert course.goes_on(course.couples[0], pairs) is goes_on
    assert told == ([f"{PLANNED.case.label}: clear after 8 pairs"] if (effect, pairs) == (1.2, 8) else [])
