import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.summarize import merged, summarize
from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import Procedure
from bench.domain.record import Phase, Record
from bench.domain.summary import Estimate, Row, TrialsEnd
from tests.support.builders import SUITE, a_case, a_failure, a_metric, a_record, an_amount, forward, generation, of_seconds, samples

SLOWER = (1.0, 1.04, 0.97, 1.01, 0.99)


def row_of(*records: Record) -> Row:
    [row] = summarize(records).rows
    return row


def test_no_records_give_an_empty_summary() -> None:
    summary = summarize((), ("a line was skipped",))
    assert (summary.runs, summary.rows, summary.remarks) == ((), (), ("a line was skipped",))


def test_a_row_is_finished_when_all_its_trials_are() -> None:
    row = row_of(*of_seconds(1.0, 2.0, 4.0))
    assert (row.outcome, row.reason, row.reason_code, row.planned, row.finished) == (Outcome.FINISHED, None, None, 3, 3)
    assert row.metrics["forward"].value == pytest.approx(2.0)
    assert (row.metrics["forward"].n, row.metrics["forward"].trials) == (3, 3)
    assert (row.metrics["forward"].least, row.metrics["forward"].most) == (1.0, 4.0)


def test_the_first_other_outcome_by_trial_is_the_row_s_with_metrics_of_the_finished() -> None:
    case = a_case()
    records = (
        a_failure(case, Outcome.KILLED, ReasonCode.SIGNAL, "killed by SIGKILL", 2),
        *of_seconds(1.0, case=case),
        a_failure(case, Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "too slow", 1, samples=(samples("forward", 99.0),)),
    )
    row = row_of(*records)
    assert (row.outcome, row.reason, row.reason_code) == (Outcome.TIMEOUT, "too slow", ReasonCode.TIME_LIMIT)
    assert (row.metrics["forward"].value, row.metrics["forward"].trials, row.finished, row.planned) == (1.0, 1, 1, 3)


def test_a_skipped_case_is_a_row_without_trials() -> None:
    row = row_of(a_failure(a_case(), Outcome.SKIPPED, ReasonCode.NO_DEVICE, "no GPU", None))
    assert (row.outcome, row.planned, row.finished, row.metrics) == (Outcome.SKIPPED, 0, 0, {})


def test_rows_and_runs_stand_in_the_order_of_their_first_records() -> None:
    late, early = a_case("b"), a_case("a")
    records = (forward(late, 1), forward(early, 0), forward(late, 0), forward(early, 0, run="second", started_at="2027"))
    summary = summarize([*records])
    assert [(row.run[:6], row.case.requested["model"]) for row in summary.rows] == [
        ("202611", "b"),
        ("202611", "a"),
        ("second", "a"),
    ]
    assert [run.id[:6] for run in summary.runs] == ["202611", "second"]


def test_the_same_case_of_two_suites_is_two_rows() -> None:
    other = replace(SUITE, name="other", digest="d2", commit=None)
    summary = summarize((a_record(), a_record(suite=other)))
    assert [row.suite for row in summary.rows] == ["two-models", "other"]
    assert (summary.runs[0].suites, summary.runs[0].commits) == (("two-models", "other"), ("6038592",))


def test_a_deterministic_metric_that_differs_between_trials_is_an_error_that_names_it() -> None:
    size = an_amount("params.bytes")
    row = row_of(
        a_record(trial=0, samples=(samples(size, 1000), samples("forward", 1.0))),
        a_record(trial=1, samples=(samples(size, 1004), samples("forward", 1.0))),
    )
    assert (row.outcome, row.reason_code) == (Outcome.ERROR, ReasonCode.DIFFERS_BETWEEN_TRIALS)
    assert row.reason == "params.bytes must be the same in every trial and is not: 1000, 1004"
    assert row.metrics.keys() == {"forward"}


def test_a_part_that_differs_or_is_missing_is_an_error_too() -> None:
    size = an_amount("params.bytes")
    row = row_of(
        a_record(trial=0, samples=(samples(size, 9), samples(size, 4, part="component=vision"))),
        a_record(trial=1, samples=(samples(size, 9),)),
    )
    assert row.reason == "params.bytes of component=vision must be the same in every trial and is not: 4, none"


def test_in_a_row_that_failed_anyway_such_a_metric_is_a_remark() -> None:
    size = an_amount("params.bytes")
    row = row_of(
        a_record(trial=0, samples=(samples(size, 1),)),
        a_record(trial=1, samples=(samples(size, 2),)),
        a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "too slow", 2),
    )
    assert row.outcome is Outcome.TIMEOUT
    assert any("params.bytes" in remark for remark in row.remarks)


def test_two_definitions_of_a_metric_are_never_summarised_together() -> None:
    newer = a_metric("forward", definition="forward.v2")
    row = row_of(a_record(trial=0, samples=(samples("forward", 1.0),)), a_record(trial=1, samples=(samples(newer, 2.0),)))
    assert row.outcome is Outcome.ERROR
    assert row.reason == "forward is declared in 2 ways by trials of the same case (forward.v1, forward.v2)"
    assert row.metrics == {}


def test_a_deterministic_metric_has_no_interval() -> None:
    size = an_amount("params.bytes")
    estimate = row_of(*(a_record(trial=number, samples=(samples(size, 8),)) for number in range(6))).metrics["params.bytes"]
    assert (estimate.value, estimate.low, estimate.high, estimate.least, estimate.most) == (8, None, None, 8, 8)


def test_observed_facts_that_differ_are_listed_and_remarked() -> None:
    row = row_of(
        *(
            a_record(trial=number, observed={"dtype": "float32", "page_cache": state})
            for number, state in enumerate(("warm", "cold"))
        )
    )
    assert row.observed == {"dtype": "float32", "page_cache": ["warm", "cold"]}
    assert "page_cache was not observed to be the same in every trial: all values are listed" in row.remarks


def test_readings_of_the_machine_differ_without_a_remark() -> None:
    row = row_of(*(a_record(trial=number, observed={"host_baseline_bytes": number}) for number in range(2)))
    assert row.observed == {"host_baseline_bytes": [0, 1]}
    assert not any("host_baseline_bytes" in remark for remark in row.remarks)


def test_a_row_without_finished_trials_shows_what_the_others_observed() -> None:
    row = row_of(
        a_failure(a_case(), Outcome.UNSUPPORTED, ReasonCode.NOT_AS_REQUESTED, "eager was got", observed={"attention": "eager"})
    )
    assert row.observed == {"attention": "eager"}


def test_merging_keeps_what_is_equal_and_lists_what_is_not() -> None:
    assert merged(({"a": 1, "b": [1]}, {"a": 1, "b": [2], "c": 0})) == ({"a": 1, "b": [[1], [2]], "c": 0}, ("b",))


GROWING = Procedure(trials=2, max_trials=10, target_interval=0.02)
STEADY, WIDE = [1.0] * 8, [1.0, 1.5, 0.5, 1.2, 0.8] * 2


@pytest.mark.parametrize(
    ("values", "procedure", "end"),
    [
        ([1.0] * 5, Procedure(), TrialsEnd.COUNT),
        ([1.0] * 4, Procedure(), TrialsEnd.CUT_OFF),
        (STEADY, GROWING, TrialsEnd.TARGET),
        (WIDE, GROWING, TrialsEnd.CAP),
        (WIDE[:9], GROWING, TrialsEnd.CUT_OFF),
        ([1.0] * 6, replace(GROWING, max_trials=6), TrialsEnd.CAP),
    ],
)
def test_why_there_were_no_more_trials_is_told(values: list[float], procedure: Procedure, end: TrialsEnd) -> None:
    assert row_of(*of_seconds(*values, procedure=procedure)).trials_stopped_by is end


def test_a_trial_that_failed_ends_its_set_and_a_case_that_never_began_has_no_end() -> None:
    failed = a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "slow")
    assert row_of(failed).trials_stopped_by is TrialsEnd.FAILURE
    assert row_of(replace(failed, trial=None)).trials_stopped_by is None


def test_the_reasons_why_sampling_ended_are_kept_by_phase() -> None:
    ends = ("count", "cap", "count")
    records = [
        a_record(
            trial=number, phases=(Phase(name="measure.forward", started_s=0.0, stopped_by=end), Phase(name="load", started_s=0.0))
        )
        for number, end in enumerate(ends)
    ]
    assert row_of(*records).stopped_by == {"measure.forward": ("count", "cap")}


def test_disturbed_trials_are_counted_and_kept() -> None:
    row = row_of(*of_seconds(1.0), *(replace(one, trial=1, noise={"marks": ["3 major page faults"]}) for one in of_seconds(3.0)))
    assert (row.marked, row.finished, row.metrics["forward"].trials) == (1, 2, 2)


def test_parts_and_phases_of_a_metric_are_summarised() -> None:
    row = row_of(*(generation(a_case(), number) for number in range(2)))
    assert row.metrics["params.count"].parts == {"component=language": 70_000, "component=embeddings": 32_714}
    assert row.metrics["memory.host_peak"].phases["probe.attention_kernel"] == pytest.approx(90 * 2**20)
    assert row.metrics["memory.host_peak"].value == pytest.approx(30 * 2**20)


def test_latencies_have_percentiles_and_loads_have_none() -> None:
    metrics = row_of(*(generation(a_case(), number, slower) for number, slower in enumerate(SLOWER))).metrics
    assert [found.share for found in metrics["itl"].percentiles] == [0.9, 0.95]
    assert [found.share for found in metrics["forward"].percentiles] == [0.9]
    assert metrics["load.total"].percentiles == ()


def test_a_run_lists_what_differs_between_its_trials() -> None:
    [run] = summarize(
        (
            a_record(trial=0, environment={"cpu": "x", "nursery": 0}, started_at="2"),
            a_record(trial=1, environment={"cpu": "x", "nursery": 1}, started_at="1"),
        )
    ).runs
    assert (run.environment, run.started_at) == ({"cpu": "x", "nursery": [1, 0]}, "1")


@settings(max_examples=15)
@given(st.randoms())
def test_the_order_of_records_changes_only_the_order_of_rows(chance: random.Random) -> None:
    cases = (a_case(batch_size=1), a_case(batch_size=2))
    records = [generation(case, number, slower) for case in cases for number, slower in enumerate(SLOWER)]
    records.append(a_failure(cases[0], Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "slow", 5))
    shuffled = list(records)
    chance.shuffle(shuffled)
    expected, found = summarize(records), summarize(shuffled)
    assert {row.case.id: row for row in found.rows} == {row.case.id: row for row in expected.rows}
    assert sorted(found.remarks) == sorted(expected.remarks)


def scaled(record: Record, factor: float) -> Record:
    def longer(some: Samples) -> Samples:
        return replace(some, values=tuple(factor * value for value in some.values)) if some.metric.unit == "s" else some

    return replace(record, samples=tuple(longer(some) for some in record.samples))


@settings(max_examples=15)
@given(st.floats(1e-3, 1e3))
def test_times_that_are_all_longer_make_rates_smaller_by_the_same_factor(factor: float) -> None:
    records = [generation(a_case(batch_size=2), number, slower) for number, slower in enumerate(SLOWER)]
    before, after = row_of(*records).metrics, row_of(*(scaled(record, factor) for record in records)).metrics
    by_unit = {"s": factor, "token/s": 1 / factor, "1/s": 1 / factor}
    assert before.keys() == after.keys()
    for name, estimate in before.items():
        by = by_unit.get(estimate.metric.unit, 1.0)
        assert bounds(after[name]) == pytest.approx([by * value for value in bounds(estimate)], rel=1e-6)


def bounds(estimate: Estimate) -> list[float]:
    found = [estimate.value, estimate.least, estimate.most, estimate.low, estimate.high]
    return [value for value in found if value is not None]


def test_a_value_without_scale_has_no_relative_width() -> None:
    zero = Estimate(metric=a_metric(), value=0.0, low=-1.0, high=1.0, least=-1.0, most=1.0, n=5, trials=5)
    assert zero.half_width is None
    assert replace(zero, value=2.0, low=None).half_width is None
    assert replace(zero, value=2.0, high=None).half_width is None
    assert replace(zero, value=2.0, low=1.9, high=2.1).half_width == pytest.approx(0.05)


def test_trials_beyond_the_least_number_count_as_planned() -> None:
    growing = Procedure(trials=1, max_trials=4)
    assert row_of(*of_seconds(1.0, 1.0, 1.0, procedure=growing)).planned == 3
