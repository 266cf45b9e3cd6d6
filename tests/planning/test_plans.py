"""From suites and what is known of their models to one plan."""

import gc
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.errors import SuiteError, UsageError
from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import Plan, Suite
from bench.domain.procedure import Limits, Procedure
from bench.domain.values import Json
from bench.planning.plans import Filter, Source, draw_up, read_filter
from bench.planning.suites import Draft
from tests.support.suites import IMAGE, a_matrix, facts

WRITER, SEER = facts("writer"), facts("seer", IMAGE, "image-classification")
TOO_LARGE = Refusal(reason="a batch of 2 is too large", reason_code=ReasonCode.INPUT_MISMATCH)


def nothing_against(_facts: ModelFacts, _requested: Mapping[str, Json]) -> Refusal | None:
    return None


def a_source(suite: Suite | None = None, models: tuple[ModelFacts, ...] = (WRITER,)) -> Source:
    return Source(suite=suite or a_matrix(models, batch_size=[1, 2, 4]), draft=Draft("x.yaml"), models=models)


def sizes(plan: Plan) -> list[Json]:
    return [planned.case.requested["batch_size"] for planned in plan.cases]


def test_what_the_judge_refuses_is_skipped_with_its_reason() -> None:
    plan = draw_up([a_source()], lambda _facts, requested: TOO_LARGE if requested["batch_size"] == 2 else None, Filter())
    assert sizes(plan) == [1, 4]
    assert [(one.case.requested["batch_size"], one.refusal) for one in plan.skipped] == [(2, TOO_LARGE)]


def test_findings_become_problems_of_the_suite_with_a_line() -> None:
    suite = a_matrix([WRITER], exclude=[{"batch_size": 9}], batch_size=[1])
    with pytest.raises(SuiteError, match=r"^x.yaml:1: this exclude entry matches no case$"):
        draw_up([a_source(suite)], nothing_against, Filter())


def test_remarks_say_whose_they_are_where_there_are_several_suites() -> None:
    one, two = a_matrix([SEER], new_tokens=[1]), replace(a_matrix([SEER]), name="y")
    alone = draw_up([a_source(one, (SEER,))], nothing_against, Filter())
    assert alone.remarks == ("new_tokens does not apply to seer and was dropped",)
    both = draw_up([a_source(one, (SEER,)), a_source(two, (SEER,))], nothing_against, Filter())
    assert both.remarks == ("x: new_tokens does not apply to seer and was dropped",)
    assert [planned.suite.name for planned in both.cases] == ["x", "y"]


def test_a_filter_keeps_the_cases_that_have_all_its_values() -> None:
    plan = draw_up(
        [a_source(models=(WRITER, SEER))],
        nothing_against,
        read_filter(["model=seer,batch_size=2", "task=image-classification"], None),
    )
    assert [planned.case.label for planned in plan.cases] == ["seer batch_size=2"]


def test_shards_part_the_cases_so_that_each_is_in_one() -> None:
    parts = [draw_up([a_source()], nothing_against, read_filter([], f"{number}/2")) for number in (1, 2)]
    assert [sizes(part) for part in parts] == [[1, 4], [2]]


@pytest.mark.parametrize("options", [(["batch_size=9"], None), ([], "4/4")])
def test_a_filter_that_leaves_nothing_is_told(options: tuple[list[str], str | None]) -> None:
    with pytest.raises(UsageError, match="no case is left: --where or --shard leaves out all of them"):
        draw_up([a_source()], nothing_against, read_filter(*options))


def test_a_suite_may_have_no_case_of_its_own_accord() -> None:
    plan = draw_up([a_source(a_matrix([WRITER], exclude=[{"model": "writer"}]))], nothing_against, Filter())
    assert (plan.cases, plan.skipped) == ((), ())


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("dtype", "--where 'dtype': write axis=value, such as dtype=float32"),
        ("dtyp=float32", '--where: axis "dtyp" is not known'),
        ("dtype=float32,,", "--where '': write axis=value"),
    ],
)
def test_a_filter_that_cannot_be_understood_is_told(where: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_filter([where], None)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/", "-1/2", "²/3"])
def test_a_shard_that_cannot_be_understood_is_told(shard: str) -> None:
    with pytest.raises(UsageError, match="write i/n with i from 1 to n, such as 2/4"):
        read_filter([], shard)


def test_a_filter_may_name_values_that_are_no_words() -> None:
    suite = a_matrix([WRITER], quantization=[{"method": "bnb-nf4"}, "none"])
    plan = draw_up([a_source(suite)], nothing_against, Filter(where=(("quantization", '{"method":"bnb-nf4"}'),)))
    assert len(plan.cases) == 1


def test_the_digest_is_of_suites_procedure_limits_and_cases() -> None:
    suite = a_matrix([WRITER], batch_size=[1, 2])

    def digest(changed: Suite = suite, refusal: Refusal | None = None, wanted: Filter | None = None) -> str:
        return draw_up([a_source(changed)], lambda _facts, _requested: refusal, wanted or Filter()).digest

    digests = [
        digest(),
        digest(replace(suite, digest="other")),
        digest(replace(suite, name="y")),
        digest(replace(suite, procedure=Procedure(trials=6))),
        digest(replace(suite, limits=Limits(host_memory_bytes=1))),
        digest(a_matrix([WRITER], batch_size=[1, 3])),
        digest(refusal=TOO_LARGE),
        digest(wanted=Filter(of=2)),
    ]
    assert len(set(digests)) == len(digests)
    assert digest() == digest(replace(suite, file="elsewhere.yaml"))


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was_found(*, enabled: bool) -> None:
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        draw_up([a_source()], nothing_against, Filter())
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if before else gc.disable()


def test_a_problem_found_late_stands_at_its_line(tmp_path: Path) -> None:
    from tests.support.suites import HEAD, problems

    assert problems(tmp_path, f"{HEAD}axes: {{batch_size: [1]}}\nexclude:\n  - {{batch_size: 1}}\n  - {{batch_size: 2}}\n") == [
        (7, "this exclude entry matches no case")
    ]
