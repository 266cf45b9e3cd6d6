from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from bench.analysis.summarize import summarize
from bench.domain.metric import Better, Unit
from bench.domain.outcome import Outcome
from bench.domain.record import Record, SuiteOrigin
from bench.domain.summary import Estimate
from bench.domain.values import Json
from bench.report.build import build, environment
from bench.report.document import Report, Section, Table
from bench.report.escape import markdown, one_line
from bench.report.keys import in_order, keys, shown
from bench.report.screen import PLAIN, Screen, screen
from bench.report.spelling import cell, number, percent, scale, size
from tests.support.builders import (
    a_case,
    a_metric,
    a_mixed_run,
    a_record,
    an_amount,
    forward,
    generation,
    of_seconds,
    samples,
)
from tests.support.builders import ledger as a_ledger


def report_of(*records: Record) -> Report:
    return build(summarize(records))


@cache
def mixed() -> Report:
    return report_of(*a_mixed_run())


def section(report: Report, title: str) -> Section:
    return next(found for found in report.sections if found.title == title)


def table(report: Report, title: str) -> Table:
    drawn = section(report, title).table
    assert drawn is not None
    return drawn


def column(drawn: Table, title: str) -> list[str]:
    index = [one.title for one in drawn.columns].index(title)
    return [row[index] for row in drawn.rows]


def test_operations_and_rates_by_modality_unit_stand_where_they_belong() -> None:
    flops = an_amount("flops", Unit.ONE)
    observed: Mapping[str, Json] = {"batch_size": 2, "batch_frames": 32, "batch_audio_seconds": 6, "batch_text_bytes": 4096}
    counted = (samples(flops, 3e9, "probe.flops"), samples(flops, 1e9, "probe.flops", "component=head"))
    report = report_of(a_record(observed=observed, samples=(samples("forward", 0.5), samples("processor", 0.25), *counted)))
    speed = table(report, "Speed: text-generation")
    assert (column(speed, "frame_rate"), column(speed, "rtfx")) == (["64.0"], ["12.0"])
    assert column(table(report, "Load, size and memory"), "flops") == ["3"]
    assert column(table(report, "Operations of a forward by part: flops"), "component=head") == ["1.00"]
    processor = table(report, "The processor")
    assert [one.title for one in processor.columns if one.title.startswith("processor.")] == [
        "processor.frame_rate", "processor.audio_rate",
    ]  # fmt: skip
    assert section(report, "The processor").detail


def test_only_axes_that_vary_become_columns_and_the_others_are_said_once() -> None:
    report = report_of(*(forward(a_case("tiny-bert", "fill-mask", batch_size=size), 0) for size in (8, 1)))
    drawn = table(report, "Speed: fill-mask")
    assert [one.title for one in drawn.columns if one.key] == ["model", "batch_size"]
    assert column(drawn, "batch_size") == ["1", "8"]  # in order of size, whatever the order of the records
    constants = next(fact for fact in report.facts if fact.startswith("In all cases"))
    assert "dtype auto" in constants
    assert "attention auto (sdpa)" in constants
    assert "batch_size" not in constants


def test_generators_and_encoders_have_tables_of_their_own() -> None:
    report = mixed()
    assert {one.title for one in table(report, "Speed of generation: text-generation").columns} >= {"tpot", "e2e", "decode_rate"}
    assert not {one.title for one in table(report, "Speed: fill-mask").columns} & {"tpot", "e2e", "decode_rate"}


def test_what_a_table_s_rows_share_is_said_above_it() -> None:
    shared = section(mixed(), "Speed: fill-mask").shared
    assert {"model tiny-bert", "task fill-mask"} & set(shared) == {"task fill-mask"}  # the model is always a column


def test_auto_that_came_to_different_things_is_a_column() -> None:
    records = [forward(a_case("x", "fill-mask"), 0), forward(a_case("y", "fill-mask"), 0, observed={"attention": "eager"})]
    rows = summarize(records).rows
    assert "attention" in keys(rows).names
    assert [shown(row, "attention") for row in rows] == ["auto (sdpa)", "auto (eager)"]


def test_several_runs_and_suites_are_told_apart() -> None:
    names = keys(summarize([*of_seconds(1.0), *of_seconds(1.0, run="b")]).rows).names
    assert names[0] == "run"


def test_rows_are_ordered_as_the_axes_list_their_values() -> None:
    cases = [a_case(dtype="bfloat16"), a_case(dtype="float32"), a_case("another", dtype="float32")]
    rows = summarize([a_record(case) for case in cases]).rows
    ordered = in_order(rows, ("model", "dtype"))
    assert [(row.case.requested["model"], row.case.requested["dtype"]) for row in ordered] == [
        ("another", "float32"), ("tiny-gpt2", "float32"), ("tiny-gpt2", "bfloat16"),
    ]  # fmt: skip


def test_cases_that_did_not_finish_stand_apart_with_their_reasons() -> None:
    drawn = table(mixed(), "Not finished")
    assert column(drawn, "outcome") == ["skipped", "timeout", "unsupported"]
    assert column(drawn, "trials") == ["", "1 of 5", "0 of 5"]
    assert column(drawn, "reason")[2] == "flash_attention_2 needs flash_attn, which is not installed"


def test_a_stage_that_was_not_observed_is_said_to_be_and_shown_in_the_order_of_the_data() -> None:
    unseen = a_record(a_case("x"), observed={"ledger_not_observed": ["project"]}, samples=a_ledger())
    report = report_of(unseen, a_record(a_case("y"), samples=a_ledger()))
    drawn = table(report, "Where the time of a request goes")
    assert column(drawn, "project") == ["not observed", ""]
    assert [one.title for one in drawn.columns][-5:-2] == ["project", "prefill.language", "decode"]
    assert any(note.startswith("not observed: ") for note in section(report, "Where the time of a request goes").notes)


def test_a_reason_that_nobody_gave_is_left_empty() -> None:
    failure = a_record(outcome=Outcome.LOST)
    assert column(table(report_of(failure), "Not finished"), "reason") == [""]


def test_how_many_trials_finished_is_a_column_where_it_differs() -> None:
    drawn = table(mixed(), "Load, size and memory")
    assert column(drawn, "trials") == ["3 of 5", "1 of 5", "5", "5"]
    assert column(drawn, "disturbed") == ["", "", "1 of 5", "1 of 5"]


def test_metrics_that_no_table_names_still_appear() -> None:
    report = report_of(
        a_record(samples=(samples("queue_wait", 0.25, "measure"), samples(a_metric("params.trainable", Unit.ONE), 7)))
    )
    assert column(table(report, "Further metrics"), "queue_wait") == ["250"]
    assert section(report, "More").detail


def test_a_metric_that_some_rows_lack_leaves_their_cells_empty() -> None:
    records = [
        a_record(a_case("a"), samples=(samples("forward", 1.0), samples("processor", 1.0))),
        a_record(a_case("b"), samples=(samples("forward", 1.0),)),
    ]
    assert column(table(report_of(*records), "Speed: text-generation"), "processor") == ["1.00", ""]


def test_details_show_stages_percentiles_parts_and_phases() -> None:
    report = mixed()
    assert all(section(report, title).detail for title in ("Load, stage by stage", "Percentiles"))
    assert column(table(report, "Parameters by part: params.count"), "component=language") == ["70.0", "70.0", "70.0", "70.0"]
    assert column(table(report, "Memory peaks by phase: memory.host_peak"), "load") == ["30.0"] * 4
    assert column(table(report, "Percentiles"), "forward p90") == ["2.08", "3.09 (3.04–3.12)", "3.09 (3.04–3.12)"]  # noqa: RUF001
    assert column(table(report, "Percentiles"), "itl p95")[0] == ""


def test_a_part_that_only_one_row_has_leaves_the_other_cells_empty() -> None:
    size = an_amount("params.bytes")
    records = [a_record(a_case(model), samples=(samples(size, 8), samples(size, 4, part=f"dtype={model}"))) for model in ("a", "b")]
    drawn = table(report_of(*records), "Parameters by part: params.bytes")
    assert column(drawn, "dtype=a") == ["4.00", ""]


def test_percentiles_of_a_row_without_the_metric_are_empty() -> None:
    quick = [a_record(a_case(model), samples=(samples(name, [1.0] * 30),)) for model, name in (("a", "forward"), ("b", "e2e"))]
    assert column(table(report_of(*quick), "Percentiles"), "forward p90") == ["1.00", ""]


def test_a_wide_interval_is_explained() -> None:
    notes = section(report_of(*of_seconds(1.0, 5.0, 0.3, 2.0, 9.0)), "Speed: text-generation").notes
    assert notes == ("[a, b] is the 95 % interval over trials, where it is too wide for ±",)


def test_the_stages_of_a_request_are_shown_in_one_unit_with_what_is_unaccounted() -> None:
    drawn = table(mixed(), "Where the time of a request goes")
    assert [one.title for one in drawn.columns][-5:] == ["processor", "prefill.language", "decode", "unaccounted", "end_to_end"]
    assert {one.unit for one in drawn.columns[-5:]} == {"ms"}
    assert column(drawn, "end_to_end") == ["26.4", "26.4"]


def test_a_long_commit_is_cut_and_the_mark_of_changes_kept() -> None:
    record = a_record(suite=SuiteOrigin(name="s", file="f", digest="d", commit="9076a79625812f1133f880ca+"))
    assert report_of(record).facts[0].endswith("suite at commit 9076a79625+")


def test_remarks_on_rows_are_said_once_with_the_rows_that_they_concern() -> None:
    records = [forward(a_case(name, "fill-mask"), trial) for name in "abcde" for trial in range(1 if name == "a" else 5)]
    points = section(report_of(*records), "Remarks").points
    assert any(point.endswith("(all cases with numbers)") and "page cache" in point for point in points)
    assert any(point.endswith("(a)") and "fewer than 5" in point for point in points)


def test_remarks_on_many_rows_name_some() -> None:
    records = [forward(a_case(name, "fill-mask"), trial) for name in "abcde" for trial in range(5 if name == "e" else 1)]
    points = section(report_of(*records), "Remarks").points
    assert any(point.endswith("(a, b, c and 1 more)") for point in points)


def test_a_quiet_run_has_no_remarks_and_nothing_unfinished() -> None:
    titles = {one.title for one in report_of(*of_seconds(*[1.0] * 5)).sections}
    assert not titles & {"Remarks", "Not finished"}


def test_the_head_names_suite_run_machine_and_counts() -> None:
    report = mixed()
    assert report.title == "Benchmark of two-models"
    assert report.facts[0] == "Run 20261125T190412Z-lab-0a1b, begun 2026-11-25T19:04:12.000+00:00, suite at commit 6038592"
    assert report.facts[1] == (
        "Machine: Example CPU @ 2.50GHz · 8 cores (4 physical) · 24.0 GiB · Linux-6.1 · Python 3.11.9 · "
        "torch 2.13.0 · transformers 5.23.0"
    )
    assert report.facts[2] == "6 cases: 3 finished, 1 unsupported, 1 skipped, 1 timeout"


def test_one_case_and_an_unknown_machine_are_said_plainly() -> None:
    [record] = of_seconds(1.0, environment={})
    report = report_of(replace(record, suite=replace(record.suite, commit=None)))
    assert report.facts[:2] == (
        "Run 20261125T190412Z-lab-0a1b, begun 2026-11-25T19:04:12.000+00:00",
        "1 case: 1 finished, of 1 trial each",
    )


def test_no_records_give_a_report_of_nothing() -> None:
    report = report_of()
    assert (report.title, report.facts, report.sections) == ("Benchmark of nothing", ("0 cases",), ())


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"cores_logical": 8, "cores_physical": 8}, "8 cores"),
        ({"cores_logical": 8, "cores_physical": None}, "8 cores"),
        ({"accelerators": [{"name": "H100"}, {"name": "H100"}, {}, "odd"]}, "2 × H100 · 1 × accelerator"),  # noqa: RUF001
        ({"accelerators": None, "libraries": "none"}, ""),
        ({"libraries": {"torch": "2.13.0"}}, "torch 2.13.0"),
    ],
)
def test_of_a_machine_only_what_is_known_is_said(facts: Mapping[str, Json], line: str) -> None:
    assert environment(facts) == line


@pytest.mark.parametrize(
    ("unit", "values", "expected"),
    [
        (Unit.SECOND, (0.0123,), ("ms", 1e-3)),
        (Unit.SECOND, (12.0,), ("s", 1.0)),
        (Unit.SECOND, (1e-12,), ("ns", 1e-9)),
        (Unit.SECOND, (0.0,), ("s", 1.0)),
        (Unit.SECOND, (0.002, 0.0001, 5.0), ("ms", 1e-3)),
        (Unit.BYTE, (3 * 2**30,), ("GiB", 2.0**30)),
        (Unit.BYTE, (10,), ("B", 1.0)),
        (Unit.ONE, (124e6,), ("M", 1e6)),
        (Unit.ONE, (1e-7,), ("", 1.0)),
        (Unit.TOKEN_PER_SECOND, (12_000.0,), ("token/s", 1.0)),
        (Unit.JOULE, (0.005,), ("mJ", 1e-3)),
    ],
)
def test_a_column_has_one_prefix_in_which_its_values_can_be_read(
    unit: Unit, values: tuple[float, ...], expected: tuple[str, float]
) -> None:
    found = scale(unit, values)
    assert (found.unit, found.factor) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12.34, "12.3"),
        (1.0, "1.00"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (0.0123, "0.0123"),
        (1e-7, "1.00e-07"),
        (-2.5, "-2.50"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("share", "text"), [(0.0, "0 %"), (0.0001, "<0.1 %"), (0.0123, "1.2 %"), (0.5, "50 %")])
def test_per_cents_are_short(share: float, text: str) -> None:
    assert percent(share) == text


def an_estimate(**changes: object) -> Estimate:
    return replace(Estimate(metric=a_metric(), value=0.0123, least=0.012, most=0.013, n=30, trials=3), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"low": 0.0121, "high": 0.0125}, "12.3 ±1.6 %"),
        ({"low": 0.006, "high": 0.03}, "12.3 [6.00, 30.0]"),
        ({}, "12.3 (12.0–13.0)"),  # noqa: RUF001
        ({"least": 0.0123, "most": 0.0123}, "12.3"),
        ({"metric": a_metric("sample_rate", Unit.PER_SECOND, better=Better.HIGHER), "low": 0.0121, "high": 0.0125}, "12.3"),
        ({"metric": an_amount("params.bytes"), "value": 8.0}, "8000"),
        ({"metric": an_amount("params.bytes"), "value": 12345.678}, "12,345,678"),
        ({"metric": an_amount("params.bytes"), "value": 0.0123456}, "12.35"),
    ],
)
def test_a_value_comes_with_its_spread(changes: Mapping[str, object], text: str) -> None:
    assert cell(an_estimate(**changes), scale(Unit.SECOND, (0.0123,))) == text


def test_sizes_are_spelled_with_their_unit() -> None:
    assert size(24 * 2**30) == "24.0 GiB"


def test_text_is_one_line_of_printable_characters() -> None:
    assert one_line(" a\n b\x1b[0m\u202e") == "a b\\x1b[0m\\u202e"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", "a\\|b"),
        ("<b> & *x*", "&lt;b&gt; &amp; \\*x\\*"),
        ("ttft_model", "ttft_model"),
        ("_x_", "\\_x\\_"),
        ("[a](b) `c` # ~~d~~ \\", "\\[a\\](b) \\`c\\` \\# \\~\\~d\\~\\~ \\\\"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, safe: str) -> None:
    assert markdown(text) == safe


class Stream:
    def __init__(self, *, tty: bool) -> None:
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("environment", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_has_colour_unless_it_is_not_wanted(
    environment: Mapping[str, str],
    colour: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "93")
    assert screen(Stream(tty=True), environment) == Screen(width=93, colour=colour)  # type: ignore[arg-type]


def test_a_pipe_is_plain() -> None:
    assert screen(Stream(tty=False)) is PLAIN  # type: ignore[arg-type]


def test_a_generator_s_row_holds_every_column_that_matters() -> None:
    titles = {one.title for one in table(report_of(generation(a_case(), 0)), "Speed of generation: text-generation").columns}
    assert titles == {
        "model",
        "trials",
        "processor",
        "forward",
        "ttft_model",
        "tpot",
        "e2e",
        "prefill_rate",
        "decode_rate",
        "e2e_rate",
    }


def test_the_rates_of_stages_are_a_detail_in_the_order_of_the_data() -> None:
    amounts: Json = {"prefill.language": {"tokens": 88}, "processor/tokenizer": {"tokens": 88, "text_bytes": 400}}
    report = report_of(a_record(a_case("x"), observed={"ledger_amounts": amounts}, samples=a_ledger()))
    assert section(report, "Rates of the stages").detail
    drawn = table(report, "Rates of the stages")
    assert [(one.title, one.unit) for one in drawn.columns][-3:] == [
        ("processor.tokenizer.token_rate", "token/s"),
        ("processor.tokenizer.byte_rate", "1/s"),
        ("prefill.language.token_rate", "token/s"),
    ]
    assert column(drawn, "prefill.language.token_rate") == ["20,000"]


def test_a_ledger_without_amounts_has_no_table_of_rates() -> None:
    report = report_of(a_record(a_case("x"), samples=a_ledger()))
    assert all(one.title != "Rates of the stages" for one in report.sections)
