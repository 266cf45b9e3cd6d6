"""Axes that the command line sets for one side of an A/B run."""

from dataclasses import replace

import pytest

from bench.domain.errors import UsageError
from bench.domain.model import ModelFacts
from bench.domain.plan import Plan
from bench.domain.values import Json
from bench.planning.plans import Filter, Source, draw_up
from bench.planning.settings import couples, read_settings, with_settings
from bench.planning.suites import Draft
from tests.support.suites import a_matrix, facts

WRITER = facts("writer")


def a_plan(settings: dict[str, Json], **axes: list[Json]) -> Plan:
    suite = replace(a_matrix((WRITER,)), axes={name: tuple(values) for name, values in axes.items()})
    source = Source(suite=suite, draft=Draft("x.yaml"), models=(WRITER,))
    return draw_up(with_settings([source], settings), _nothing, Filter())


def _nothing(_facts: ModelFacts, _requested: object) -> None:
    return None


def test_values_are_read_as_a_suite_writes_them() -> None:
    assert read_settings("--head-set", ["threads=2", "attention=sdpa:math", 'quantization={"method": "bnb-nf4"}']) == {
        "threads": 2,
        "attention": "sdpa:math",
        "quantization": "bnb-nf4",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("attention", "write axis=value"),
        ("attenton=eager", 'Did you mean "attention"'),
        ("attention=eagre", 'Did you mean "eager"'),
        ("batch_size=0", "batch_size"),
    ],
)
def test_what_is_no_axis_or_value_is_told(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_settings("--base-set", [given])


def test_a_set_axis_takes_the_place_of_the_suites_values() -> None:
    plan = a_plan({"attention": "eager"}, attention=["sdpa"], batch_size=[1, 2])
    assert [(one.case.requested["attention"], one.case.requested["batch_size"]) for one in plan.cases] == [
        ("eager", 1),
        ("eager", 2),
    ]


def test_cases_are_coupled_by_all_their_other_axes() -> None:
    base, head = (a_plan({"attention": name}, batch_size=[1, 2]) for name in ("eager", "sdpa"))
    found = [
        [one.case.requested[axis] for one in pair for axis in ("attention", "batch_size")]
        for pair in couples(base, head, ["attention"])
    ]
    assert found == [["eager", 1, "sdpa", 1], ["eager", 2, "sdpa", 2]]


def test_an_axis_with_several_values_cannot_be_set_on_one_side_only() -> None:
    base, head = a_plan({}, attention=["eager", "sdpa"]), a_plan({"attention": "sdpa"}, attention=["eager", "sdpa"])
    with pytest.raises(UsageError, match="the suite has several values of attention"):
        couples(base, head, ["attention"])
