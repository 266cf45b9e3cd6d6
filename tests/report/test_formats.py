"""Every format, on the same records.

Snapshots are files under snapshots/: with BENCH_REWRITE_SNAPSHOTS=1 they are written anew, and what changed in them is reviewed.
"""

import csv
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.summarize import summarize
from bench.domain.errors import UsageError
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.record import Record
from bench.domain.values import Json
from bench.report import formats
from bench.report.formats import Material
from bench.report.screen import PLAIN, Screen
from tests.support.builders import (
    HOSTILE,
    a_case,
    a_failure,
    a_mixed_run,
    a_record,
    a_small_run,
    generation,
    of_seconds,
    samples,
)
from tests.support.builders import ledger as a_ledger

SNAPSHOTS = Path(__file__).parent / "snapshots"


def material(records: Sequence[Record], screen: Screen = PLAIN) -> Material:
    return Material(summary=summarize(records), records=records, screen=screen)


def rendered(name: str, records: Sequence[Record], screen: Screen = PLAIN) -> str:
    text = formats.find(name).render(material(records, screen))
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("file", "form", "records", "screen"),
    [
        ("mixed.txt", "terminal", a_mixed_run(), PLAIN),
        ("mixed-narrow.txt", "terminal", a_mixed_run(), Screen(width=90)),
        ("mixed.md", "markdown", a_mixed_run(), PLAIN),
        ("small.csv", "csv", a_small_run(), PLAIN),
        ("small.json", "json", a_small_run(), PLAIN),
    ],
)
def test_a_report_is_the_one_that_was_reviewed(file: str, form: str, records: tuple[Record, ...], screen: Screen) -> None:
    text = rendered(form, records, screen)
    path = SNAPSHOTS / file
    if os.environ.get("BENCH_REWRITE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", formats.names())
def test_every_format_renders_every_kind_of_record_and_none(name: str) -> None:
    form = formats.find(name)
    assert re.fullmatch(r"\.[a-z]+", form.SUFFIX)
    assert form.render(material(a_mixed_run()))
    assert form.render(material(()))


def test_the_shipped_formats_are_there() -> None:
    assert {"terminal", "markdown", "csv", "json", "parquet"} <= set(formats.names())


def test_listing_formats_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench.report.formats.terminal", raising=False)
    formats.names()
    assert "bench.report.formats.terminal" not in sys.modules


def test_an_unknown_format_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"format 'markdwn' is not known \(knows: .*terminal.*\)\. Did you mean \"markdown\"\?"):
        formats.find("markdwn")
    with pytest.raises(UsageError, match=r"\)\.$"):
        formats.find("qqqqqq")


def test_json_has_the_form_that_programs_rely_on() -> None:
    rows = json.loads(rendered("json", a_mixed_run()))["rows"]
    row = next(row for row in rows if row["case"]["requested"]["model"] == "tiny-gpt2" and row["outcome"] == "finished")
    assert row.keys() >= {"case", "run", "suite", "outcome", "reason", "reason_code", "metrics"}
    assert row["case"].keys() == {"id", "label", "requested", "observed"}
    metric = row["metrics"]["forward"]
    assert metric.keys() >= {"value", "unit", "low", "high", "n", "trials", "better", "definition", "percentiles"}
    assert (metric["unit"], metric["better"], metric["definition"], metric["n"], metric["trials"]) == (
        "s",
        "lower",
        "forward.v1",
        50,
        5,
    )
    assert metric["low"] < metric["value"] < metric["high"]
    assert row["metrics"]["params.count"]["parts"] == {"component=language": 70_000, "component=embeddings": 32_714}
    assert "ledger" not in next(row for row in rows if row["case"]["requested"]["model"] == "tiny-bert")
    assert row["ledger"].keys() == {"stages", "end_to_end", "residual", "not_observed"}
    assert row["ledger"]["stages"][0].keys() == {"stage", "value", "unit", "parts"}
    assert sum(stage["value"] for stage in row["ledger"]["stages"]) + row["ledger"]["residual"] == pytest.approx(
        row["ledger"]["end_to_end"]
    )


def test_json_gives_a_stage_its_rates_with_unit_and_meaning_and_its_seconds_an_item() -> None:
    seen: dict[str, Json] = {"ledger_amounts": {"prefill.language": {"tokens": 88}}, "ledger_items": 2}
    (row,) = json.loads(rendered("json", [a_record(samples=a_ledger(), observed=seen)]))["rows"]
    (stage,) = [one for one in row["ledger"]["stages"] if one["stage"] == "prefill.language"]
    assert stage["rates"] == {
        "prefill.language.token_rate": {
            "value": pytest.approx(20_000),
            "unit": "token/s",
            "better": "higher",
            "definition": "prefill.language.token_rate.v1",
        }
    }
    assert (row["ledger"]["items"], stage["per_item"]) == (2, stage["value"] / 2)


def test_json_gives_outcomes_with_their_reasons_and_rounds_nothing() -> None:
    answer = json.loads(rendered("json", [*of_seconds(0.1234567890123456), *a_small_run()[1:]]))
    assert answer["schema"] == 1
    assert [run["id"] for run in answer["runs"]] == ["20261125T190412Z-lab-0a1b"]
    assert answer["rows"][0]["metrics"]["forward"]["value"] == 0.1234567890123456
    assert [(row["outcome"], row["reason_code"]) for row in answer["rows"][1:]] == [
        ("unsupported", "missing_package"),
        ("timeout", "time_limit"),
        ("skipped", "model_not_found"),
    ]


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_line_a_sample_and_one_for_each_trial_without() -> None:
    lines = cells(rendered("csv", a_small_run()))
    of_forward = [line for line in lines if line["metric"] == "forward"]
    assert [(line["phase"], line["iteration"], line["value"]) for line in of_forward] == [
        ("warmup.forward", "0", "0.09"),
        ("measure.forward", "0", "0.003"),
        ("measure.forward", "1", "0.00303"),
    ]
    assert [
        (line["outcome"], line["metric"], line["value"]) for line in lines if line["outcome"] in {"unsupported", "skipped"}
    ] == [
        ("unsupported", "", ""),
        ("skipped", "", ""),
    ]


@pytest.mark.parametrize("start", "=+-@")
def test_no_spreadsheet_runs_the_name_of_a_model(start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    [line] = cells(rendered("csv", [a_record(a_case(name), samples=(samples("load.unattributed", -0.5),))]))
    assert line["model"] == f"'{name}"
    assert line["value"] == "-0.5"  # a number stays one


def test_csv_spells_control_characters() -> None:
    assert "\x1b" not in rendered("csv", a_small_run())


def parquet(records: Sequence[Record]) -> pd.DataFrame:
    data = formats.find("parquet").render(material(records))
    assert isinstance(data, bytes)
    assert data[:4] == b"PAR1"
    return pd.read_parquet(io.BytesIO(data))


def test_parquet_reads_back_as_the_long_form() -> None:
    frame = parquet(a_small_run())
    assert list(frame[frame.metric == "e2e"].value) == [0.02, 0.0202]
    assert set(frame.model) == {"tiny-gpt2", "tiny-bert", HOSTILE}


def test_parquet_spells_a_column_of_several_kinds_as_text() -> None:
    frame = parquet([a_record(a_case(threads=4), samples=(samples("forward", 1.0),)), *of_seconds(1.0)])
    assert list(frame.threads) == ["4", "auto"]


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'transformers-bench\[parquet\]'"):
        formats.find("parquet").render(material(of_seconds(1.0)))


def test_markdown_lets_no_name_become_a_tag_a_link_or_a_cell() -> None:
    text = rendered("markdown", a_small_run())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\|=cmd" in text
    assert "<script" not in text
    assert "<b>" not in text
    assert "\\[the docs\\](javascript" in text
    rows = [line for line in text.splitlines() if "alert(1)&lt;/script" in line and line.startswith("|")]
    head = next(line for line in text.splitlines() if line.startswith("|") and "reason" in line)
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [len(re.findall(r"(?<!\\)\|", head))]


def test_a_terminal_shows_markup_and_escapes_of_names_as_they_are_spelled() -> None:
    name = "[red]x[/red]\x1b[31m\u202e"
    failure = a_failure(a_case(name), Outcome.SKIPPED, ReasonCode.OFFLINE, "offline", None)
    text = rendered("terminal", [failure], Screen(width=150, colour=True))
    assert "[red]x[/red]\\x1b[31m\\u202e" in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_colour_appears_only_where_the_screen_takes_it() -> None:
    assert "\x1b[" in rendered("terminal", of_seconds(1.0), Screen(width=100, colour=True))
    assert "\x1b[" not in rendered("terminal", of_seconds(1.0), Screen(width=100))
    assert "\x1b[" not in rendered("terminal", of_seconds(1.0))


def test_names_are_never_cut() -> None:
    name = "an/organisation-with-a-long-name/and-a-model-whose-name-is-longer-than-any-terminal-is-wide-" * 2
    text = rendered("terminal", [generation(a_case(name), 0)])
    assert name in text
    narrow = rendered("terminal", [generation(a_case(name), 0)], Screen(width=60))
    assert "…" not in narrow
    assert name in narrow.replace("\n", "")


def test_a_table_too_wide_for_the_screen_goes_on_below() -> None:
    lines = rendered("terminal", [generation(a_case(), 0)], Screen(width=80)).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("ttft_model" in line or "e2e_rate" in line for line in lines) == 2
