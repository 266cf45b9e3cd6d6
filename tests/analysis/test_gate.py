from dataclasses import replace
from typing import Any

import pytest

from bench.analysis.compare import compare
from bench.analysis.gate import gated, judge
from bench.domain.comparison import Accepted, Comparison, Contrast, Ending, Verdict
from bench.domain.metric import Better, Metric, Unit
from bench.domain.outcome import Outcome, ReasonCode
from tests.support.builders import a_case, a_failure, a_metric, an_amount, of_seconds

ACCEPTED = Accepted(case="tiny-gpt2", metric="forward", up_to=1.1, reason="exact softmax", date="2026-11-25")


def a_row(metric: Metric | str = "forward", verdict: Verdict = Verdict.SLOWER, ratio: float | None = 1.05, **axes: Any) -> Contrast:
    declared = a_metric(metric) if isinstance(metric, str) else metric
    return Contrast(case=a_case(**axes), metric=declared, base=1.0, head=ratio, ratio=ratio, low=1.01, high=1.09, verdict=verdict)


def of_rows(*rows: Contrast, endings: tuple[Ending, ...] = ()) -> Comparison:
    return Comparison(base=("a",), head=("b",), rows=rows, endings=endings)


def test_a_slower_gated_time_fails_with_its_ratio_and_interval() -> None:
    gate = judge(of_rows(a_row()))
    assert not gate.passed
    assert [(one.metric, one.what) for one in gate.failures] == [("forward", "slower, ratio 1.05 [1.01, 1.09]")]


@pytest.mark.parametrize(
    ("metric", "axes", "is_gated"),
    [
        ("forward", {}, True),
        ("tpot", {}, True),
        ("train.step", {}, True),
        ("first_call", {}, False),
        ("load.read", {"page_cache": "warm"}, False),
        ("load.total", {}, False),
        ("load.total", {"page_cache": "warm"}, True),
        ("parity.kl", {}, True),
    ],
)
def test_what_a_gate_is_about(metric: str, axes: dict[str, Any], is_gated: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    assert gated(a_row(metric, **axes)) is is_gated
    assert judge(of_rows(a_row(metric, **axes))).passed is not is_gated


def test_faster_equal_and_equivalent_pass_without_a_note() -> None:
    gate = judge(of_rows(*(a_row(verdict=one) for one in (Verdict.FASTER, Verdict.EQUAL, Verdict.EQUIVALENT))))
    assert (gate.passed, gate.failures, gate.notes) == (True, (), ())


@pytest.mark.parametrize(
    ("better", "verdict", "passed"),
    [
        (Better.LOWER, Verdict.LARGER, False),
        (Better.LOWER, Verdict.SMALLER, True),
        (Better.HIGHER, Verdict.SMALLER, False),
        (Better.HIGHER, Verdict.LARGER, True),
        (Better.NONE, Verdict.LARGER, True),
    ],
)
def test_a_deterministic_metric_fails_in_its_worse_direction(better: Better, verdict: Verdict, passed: bool) -> None:  # noqa: FBT001
    gate = judge(of_rows(a_row(replace(an_amount("params.bytes"), better=better), verdict)))
    assert gate.passed is passed
    assert len(gate.notes) == passed


def test_a_changed_count_of_tokens_fails_since_times_then_compare_nothing() -> None:
    gate = judge(of_rows(a_row(an_amount("realised_new_tokens", Unit.ONE), Verdict.SMALLER, 0.9)))
    assert not gate.passed


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE])
def test_what_cannot_be_told_is_a_note_unless_the_gate_is_strict(verdict: Verdict) -> None:
    comparison = of_rows(replace(a_row(verdict=verdict), reason="why"))
    assert judge(comparison).passed
    assert [one.what for one in judge(comparison).notes] == [f"{verdict.value}: why"]
    assert not judge(comparison, strict=True).passed


def test_a_case_that_finished_in_base_only_fails_once() -> None:
    base = of_seconds(1.0, 1.1)
    head = (a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "too slow", run="head"),)
    gate = judge(compare(base, head))
    assert [(one.metric, one.what) for one in gate.failures] == [(None, "finished in base, timeout in head: too slow")]


def test_a_case_without_its_hardware_is_a_note_unless_the_gate_is_strict() -> None:
    head = (a_failure(a_case(), Outcome.UNSUPPORTED, ReasonCode.NO_DEVICE, "there is no cuda", run="head"),)
    comparison = compare(of_seconds(1.0, 1.1), head)
    assert judge(comparison).passed
    assert not judge(comparison, strict=True).passed


def test_a_case_gone_from_head_fails_and_a_new_one_is_a_note() -> None:
    comparison = compare(of_seconds(1.0, 1.1), of_seconds(1.0, 1.1, case=a_case("other"), run="head"))
    gate = judge(comparison)
    assert [one.what for one in gate.failures] == ["finished in base, is not in head"]
    assert [one.what for one in gate.notes] == ["is not in base, finished in head"]


def test_a_metric_gone_from_head_fails_and_one_gone_from_base_does_not() -> None:
    gone = replace(a_row(verdict=Verdict.MISSING, ratio=None), reason="head has no such metric")
    assert [one.what for one in judge(of_rows(gone)).failures] == ["missing: head has no such metric"]
    assert judge(of_rows(replace(gone, head=1.0, base=None))).passed


def test_an_accepted_change_is_a_note_up_to_its_ratio() -> None:
    gate = judge(of_rows(a_row()), [ACCEPTED])
    assert gate.passed
    assert "accepted on 2026-11-25 up to 1.1: exact softmax" in gate.notes[0].what
    assert not judge(of_rows(a_row(ratio=1.2)), [ACCEPTED]).passed
    assert not judge(of_rows(a_row("e2e")), [ACCEPTED]).passed
    assert not judge(of_rows(a_row(batch_size=2)), [ACCEPTED]).passed
    assert judge(of_rows(a_row()), [replace(ACCEPTED, case=a_case().id)]).passed


def test_a_change_from_zero_is_accepted_up_to_a_value() -> None:
    row = replace(a_row("forward"), base=0.0, head=1e-4, ratio=None)
    assert not judge(of_rows(row), [ACCEPTED]).passed
    gate = judge(of_rows(row), [replace(ACCEPTED, up_to=None, up_to_value=2e-4)])
    assert gate.passed
    assert "accepted on 2026-11-25 up to the value 0.0002: exact softmax" in gate.notes[0].what
    assert not judge(of_rows(row), [replace(ACCEPTED, up_to=None, up_to_value=5e-5)]).passed


def test_an_accepted_change_that_is_gone_is_to_be_taken_out_of_the_file() -> None:
    gate = judge(of_rows(a_row(verdict=Verdict.EQUIVALENT, ratio=1.0)), [ACCEPTED])
    assert [one.what for one in gate.notes] == ["the change accepted on 2026-11-25 is not there any more: take it out of the file"]
