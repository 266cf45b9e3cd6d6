"""Comparisons and histories in every form, on the same records. Snapshots as in test_formats."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.compare import compare
from bench.analysis.gate import gated, judge
from bench.domain.comparison import Comparison, Contrast, Gate, Objection, Rules, Unlike, Verdict
from bench.domain.errors import UsageError
from bench.domain.history import Change, ChangePoint, Point, Series
from bench.domain.metric import Metric, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.record import Record
from bench.report import comparison_forms, history
from bench.report.changes import amount, change, detectable, fact
from bench.report.formats import markdown, terminal
from bench.report.screen import PLAIN, Screen
from tests.support.builders import (
    ENVIRONMENT,
    HOSTILE,
    SLOWER,
    a_case,
    a_failure,
    a_metric,
    an_amount,
    forward,
    generation,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
NEWER = {**ENVIRONMENT, "libraries": {"torch": "2.14.0", "transformers": "5.23.0", "numpy": "2.4.6"}}
LATER: dict[str, Any] = {"run": "head", "started_at": "2026-11-26T10:00:00.000+00:00", "environment": NEWER}


def base() -> list[Record]:
    cases = [a_case(batch_size=size, prompt_tokens=16, new_tokens=5) for size in (1, 8)]
    others = [a_case("tiny-bert", "fill-mask", prompt_tokens=16), a_case(HOSTILE, "image-classification")]
    return [
        *(generation(case, trial, slower) for case in cases for trial, slower in enumerate(SLOWER)),
        *(forward(case, trial, slower) for case in others for trial, slower in enumerate(SLOWER)),
    ]


def head() -> list[Record]:
    """Give a run in which one case is half as fast and a byte larger, one is gone, and one timed out."""
    slow, same = (a_case(batch_size=size, prompt_tokens=16, new_tokens=5) for size in (1, 8))
    gone = a_case("tiny-bert", "fill-mask", prompt_tokens=16)
    made = [generation(slow, trial, 2 * slower, **LATER) for trial, slower in enumerate(SLOWER)]
    return [
        *(replace(one, samples=tuple(_larger(some) for some in one.samples)) for one in made),
        *(generation(same, trial, slower, **LATER) for trial, slower in enumerate(SLOWER)),
        a_failure(gone, Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "too slow", **LATER),
    ]


def _larger(some: Samples) -> Samples:
    """Give SOME samples with a byte more, where they are of the parameters."""
    return replace(some, values=(some.values[0] + 1,)) if some.metric.name == "params.bytes" else some


def rendered(form: str, comparison: Comparison, gate: Gate | None = None, screen: Screen = PLAIN) -> str:
    return comparison_forms.render(form, comparison, Rules(), gate, gated, screen)


@pytest.mark.parametrize(
    ("file", "form", "screen"),
    [
        ("comparison.txt", "terminal", PLAIN),
        ("comparison-120.txt", "terminal", Screen(width=120)),
        ("comparison.md", "markdown", PLAIN),
    ],
)
def test_a_comparison_is_the_one_that_was_reviewed(file: str, form: str, screen: Screen) -> None:
    comparison = compare(base(), head())
    text = rendered(form, comparison, judge(comparison), screen)
    path = SNAPSHOTS / file
    if os.environ.get("BENCH_REWRITE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_what_is_not_alike_stands_first_and_regressions_before_the_rest() -> None:
    comparison = compare(base(), head())
    lines = rendered("terminal", comparison, judge(comparison)).splitlines()
    titles = ("Not alike", "Gate: failed", "Ended otherwise", "Worse: ", "No change proved: ", "Missing")
    order = [next(place for place, line in enumerate(lines) if line.startswith(title)) for title in titles]
    assert order == sorted(order)
    assert any("libraries.torch" in line and "2.13.0" in line and "2.14.0" in line for line in lines)


def test_json_has_the_fields_that_programs_rely_on() -> None:
    comparison = compare(base(), head())
    answer = json.loads(rendered("json", comparison, judge(comparison)))
    assert answer.keys() >= {"rows", "unlike", "gate", "endings", "remarks"}
    assert all(
        row.keys() >= {"case", "metric", "base", "head", "ratio", "low", "high", "verdict", "smallest_detectable"}
        for row in answer["rows"]
    )
    assert answer["rows"][0]["case"].keys() == {"id", "label"}
    assert answer["gate"]["passed"] is False
    assert {one["metric"] for one in answer["gate"]["failures"]} >= {"forward", "params.bytes", None}
    assert answer["unlike"][0] == {"what": "libraries.torch", "base": "2.13.0", "head": "2.14.0", "cases": []}
    assert "gate" not in json.loads(rendered("json", comparison))


def test_csv_has_every_row_and_runs_no_formula() -> None:
    comparison = compare(base(), head())
    rows = list(csv.DictReader(io.StringIO(rendered("csv", comparison))))
    assert len(rows) == len(comparison.rows)
    assert {row["verdict"] for row in rows} == {row.verdict.value for row in comparison.rows}
    assert {row["head"] for row in rows if row["verdict"] == "missing"} == {""}


def test_an_unknown_form_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no form 'html' \(knows: terminal, markdown, csv, json\)"):
        rendered("html", compare((), ()))


def test_an_empty_comparison_can_be_read() -> None:
    text = rendered("terminal", compare((), ()))
    assert "Base: no run" in text
    assert "0 cases, 0 rows" in text


def a_row(number: int = 0, **changes: Any) -> Contrast:
    plain = Contrast(case=a_case(batch_size=number + 1), metric=a_metric(), base=1.0, head=2.0, ratio=2.0, verdict=Verdict.SLOWER)
    return replace(plain, **changes)


def test_a_large_comparison_is_bounded_and_says_what_it_left_out() -> None:
    many = range(130)
    rows = [a_row(number) for number in many]
    rows += [a_row(number, verdict=Verdict.MISSING, head=None, ratio=None, reason="gone") for number in many]
    unlike = tuple(Unlike(what=f"fact {number}", base=1, head=2, cases=("a", "b")) for number in many)
    comparison = Comparison(base=tuple("abcde"), head=("z",), rows=tuple(rows), unlike=unlike)
    gate = Gate(failures=tuple(Objection(case=row.case, metric="forward", what="slower") for row in rows[:130]))
    text = rendered("markdown", comparison, gate)
    assert "Base: a, b, c and 2 more" in text
    assert "30 more rows: --format csv has all" in text
    assert "90 more cases: --format csv has all" in text
    assert "and 30 more: --format json has all" in text
    assert "and 30 more: --format csv has all" in text
    assert "a and 1 more" in text
    assert len(text) < 60_000


def test_notes_of_one_wording_are_said_once() -> None:
    notes = [
        Objection(case=a_case(batch_size=size), metric=metric, what="inconclusive")
        for size in (1, 2)
        for metric in ("forward", "e2e")
    ]
    alone = [
        Objection(case=a_case("x"), metric=None, what="is not in base"),
        Objection(case=a_case("y"), metric=None, what="is not in base"),
    ]
    same = [Objection(case=a_case("z"), metric=metric, what="gone") for metric in ("a", "b")]
    text = rendered("terminal", compare((), ()), Gate(failures=(), notes=(*notes, *alone, *same)))
    assert "- note: inconclusive: forward, e2e of 2 cases" in text
    assert "- note: is not in base: 2 cases" in text
    assert "- note: gone: a, b of z" in text
    assert "Gate: passed" in text


def test_rows_across_machines_show_their_ratios() -> None:
    row = a_row(verdict=Verdict.INCOMPARABLE, reason="measured on machines that are not alike")
    text = rendered("terminal", Comparison(base=("a",), head=("b",), rows=(row,)))
    assert "Not compared, with ratios" in text
    assert "×2.00" in text  # noqa: RUF001 -- a factor


@pytest.mark.parametrize(
    ("value", "metric", "exactly", "spelled"),
    [
        (None, a_metric(), False, ""),
        (0.00321, a_metric(), False, "3.21 ms"),
        (410_857.0, an_amount("a"), True, "410,857 B"),
        (102_714.0, an_amount("a", Unit.ONE), True, "102,714"),
        (0.1, an_amount("a", Unit.ONE), True, "0.10000000000000001"),
        (12.0, a_metric("a", Unit.ONE), False, "12.0"),
    ],
)
def test_amounts_are_spelled_with_their_unit(value: float | None, metric: Metric, exactly: bool, spelled: str) -> None:  # noqa: FBT001
    assert amount(value, metric.unit, exactly=exactly) == spelled


def test_changes_are_per_cent_and_large_ones_factors() -> None:
    assert change(a_row(ratio=None)) == ""
    assert change(a_row(ratio=1.032, low=1.011, high=1.053)) == "+3.2 % [+1.1 %, +5.3 %]"
    assert change(a_row(ratio=0.995)) == "−0.50 %"  # noqa: RUF001 -- a minus sign
    assert change(a_row(ratio=0.25)) == "×0.250"  # noqa: RUF001 -- a factor
    size = an_amount("params.bytes")
    assert [change(a_row(metric=size, base=base, head=9.0)) for base in (8.0, 12_345.0, 9.0)] == ["+1", "−12,336", "0"]  # noqa: RUF001
    assert change(a_row(metric=size, head=None, ratio=None)) == ""
    assert [detectable(a_row(smallest_detectable=one)) for one in (None, 0.12, 2.0, 1e6)] == ["", "+12.0 %", "×3.00", "over ×1000"]  # noqa: RUF001


def test_facts_are_spelled_as_suites_do_and_cut_where_long() -> None:
    assert [fact(None), fact("a"), fact([1, 2]), fact("x" * 9, 5)] == ["none", "a", "[1,2]", "xxxx…"]


def a_series(*values: float, **changes: Any) -> Series:
    points = tuple(Point(run=f"run-{number}", started_at=f"{number}", value=value) for number, value in enumerate(values))
    return Series(case=a_case(), metric=a_metric(), fingerprint="f00d", points=points, **changes)


def test_a_history_draws_its_course_and_tells_what_changed_where() -> None:
    point = ChangePoint(at=2, ratio=1.5, low=1.4, high=1.6)
    moved = tuple(Unlike(what=f"fact{number}", base=1, head=2) for number in range(6))
    series = (a_series(0.001, 0.001, 0.002, changes=(Change(found=point, unlike=moved), Change(found=point, unlike=()))),)
    text = terminal.draw(history.build(series), PLAIN, "more")
    assert "▁▁█" in text
    joined = " ".join(text.split())
    assert "ratio 1.500 [1.400, 1.600] from run run-2 on; not alike there: fact0 1 → 2, fact1 1 → 2" in joined
    assert "fact3 1 → 2 and 2 more" in joined
    assert "environment, commit and procedure are alike there" in joined
    assert "1 machines" in text
    assert "| tiny-gpt2 |" in markdown.draw(history.build(series)).replace("  ", "")


def test_a_history_answers_programs_too() -> None:
    point = ChangePoint(at=1, ratio=2.0, low=1.9, high=2.1)
    [one] = json.loads(json.dumps(history.answer([a_series(1.0, 2.0, changes=(Change(found=point, unlike=()),))])))
    assert one["points"][1] == {"run": "run-1", "started_at": "1", "value": 2.0}
    assert one["changes"] == [{"at": 1, "ratio": 2.0, "low": 1.9, "high": 2.1, "unlike": []}]
    assert (one["metric"], one["unit"], one["fingerprint"]) == ("forward", "s", "f00d")


def test_a_history_of_nothing_can_be_read() -> None:
    assert "0 runs, 0 cases" in terminal.draw(history.build(()), PLAIN, "more")


def test_a_constant_course_is_flat_and_the_newest_points_are_drawn() -> None:
    assert history.sparkline([2.0] * 3) == "▁▁▁"
    assert history.sparkline([9.0] * 10 + [1.0] * 59 + [2.0]) == "▁" * 59 + "█"
