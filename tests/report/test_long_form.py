import pandas as pd
import pytest

from bench.analysis.summarize import summarize
from bench.domain.errors import UsageError
from bench.report.long import estimates, frame, records_of
from tests.support.builders import a_case, a_mixed_run, a_record, a_small_run, generation, of_seconds, samples

NEEDED = {
    "run", "suite", "case", "label", "model", "batch_size", "outcome", "phase", "part", "metric", "unit", "better", "definition",
    "trial", "attempt", "iteration", "value",
}  # fmt: skip


def test_every_sample_is_a_line_with_all_that_is_known_of_it() -> None:
    long = frame(a_small_run())
    assert set(long.columns) >= NEEDED
    forward = long[(long.metric == "forward") & (long.phase == "measure.forward")]
    assert list(forward.value) == [0.003, 0.00303]
    assert list(forward.iteration) == [0, 1]
    assert set(forward.unit) == {"s"}
    assert set(forward.observed_attention) == {"sdpa"}
    assert long.unit.notna().all()
    assert len(long) == sum(len(some.values) for record in a_small_run() for some in record.samples)


def test_trials_without_samples_have_a_line_only_where_outcomes_are_wanted() -> None:
    assert set(frame(a_small_run()).outcome) == {"finished", "timeout"}
    long = frame(a_small_run(), outcomes=True)
    empty = long[long.metric.isna()]
    assert list(empty.outcome) == ["unsupported", "skipped"]
    assert empty.value.isna().all()
    assert empty.trial.isna().tolist() == [False, True]


def test_integers_stay_integers_where_an_axis_does_not_apply() -> None:
    long = frame(a_mixed_run())
    assert long.new_tokens.dtype == "Int64"
    assert set(long[long.model == "tiny-gpt2"].new_tokens) == {5}
    assert long[long.model == "tiny-bert"].new_tokens.isna().all()


def test_values_of_several_kinds_stay_what_they_are() -> None:
    long = frame([a_record(a_case(threads=4), samples=(samples("forward", 1.0),)), *of_seconds(1.0)])
    assert list(long.threads) == [4, "auto"]


def test_observed_numbers_of_both_kinds_are_numbers() -> None:
    records = [
        a_record(trial=number, observed={"tokens": seen}, samples=(samples("forward", 1.0),))
        for number, seen in enumerate((3, 3.5))
    ]
    assert list(frame(records).observed_tokens) == [3.0, 3.5]


def test_what_is_no_single_value_is_spelled_or_left_out() -> None:
    record = a_record(a_case(device_map={"max_memory": {"cpu": 1}}), observed={"inputs": [1]}, samples=(samples("forward", 1.0),))
    [line] = frame([record]).to_dict("records")
    assert line["device_map"] == '{"max_memory":{"cpu":1}}'
    assert "observed_inputs" not in line


def test_an_axis_of_a_later_version_has_a_column_too() -> None:
    assert list(frame([a_record(a_case(colour="red"), samples=(samples("forward", 1.0),))]).colour) == ["red"]


def test_iterations_count_on_within_a_phase_and_part() -> None:
    record = a_record(
        samples=(samples("itl", [1.0]), samples("itl", [2.0]), samples("itl", [3.0], "other"), samples("itl", [4.0], part="x"))
    )
    assert list(frame([record]).iteration) == [0, 1, 0, 0]


def test_disturbed_trials_are_marked() -> None:
    assert list(frame(of_seconds(1.0, noise={"marks": ["x"]})).marked) == [True]


def test_no_records_give_no_lines_but_the_columns() -> None:
    long = frame(())
    assert len(long) == 0
    assert {"run", "metric", "value"} <= set(long.columns)


def test_estimates_have_one_line_a_case_and_metric_and_say_what_the_reports_say() -> None:
    summary = summarize([generation(a_case(), number, slower) for number, slower in enumerate((1.0, 1.1, 0.9, 1.0, 1.05))])
    found = estimates(summary)
    [line] = found[found.metric == "decode_rate"].to_dict("records")
    estimate = summary.rows[0].metrics["decode_rate"]
    assert (line["value"], line["low"], line["high"], line["trials"]) == (estimate.value, estimate.low, estimate.high, 5)
    assert len(found) == len(summary.rows[0].metrics)
    assert pd.isna(found[found.metric == "params.count"].low).all()


def test_a_summary_of_the_table_says_what_a_summary_of_the_records_says() -> None:
    trials = [generation(a_case(), number, slower) for number, slower in enumerate((1.0, 1.1, 0.9, 1.0, 1.05))]
    again = estimates(summarize(records_of(frame(trials))))
    pd.testing.assert_frame_equal(again.drop(columns="outcome"), estimates(summarize(trials)).drop(columns="outcome"))


def test_a_selection_of_the_table_gives_the_metrics_that_it_has_samples_of() -> None:
    long = frame([generation(a_case(), number, 1.0) for number in range(5)])
    found = estimates(summarize(records_of(long[long.metric == "e2e"])))
    assert "e2e" in set(found.metric)
    assert "ttft_model" not in set(found.metric)


def test_a_table_of_other_origin_is_refused_by_name() -> None:
    long = frame([generation(a_case(), 0, 1.0)])
    long.attrs.clear()
    with pytest.raises(UsageError, match=r"this is no table that bench\.read gave: nothing declares .*e2e\.v1"):
        records_of(long)
