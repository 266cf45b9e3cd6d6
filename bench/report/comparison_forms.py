"""A comparison in the forms that people and programs read."""

import csv
import io
import json
from collections.abc import Callable, Mapping

from bench.domain.comparison import Comparison, Contrast, Gate, Objection, Rules, Unlike
from bench.domain.errors import UsageError
from bench.domain.plan import Case
from bench.domain.values import Json
from bench.protocol.codec import to_json
from bench.report.comparison import build
from bench.report.escape import cell
from bench.report.formats import markdown, terminal
from bench.report.screen import Screen

FORMS = ("terminal", "markdown", "csv", "json")
_MORE = "Every row: --format csv, json. Further metrics: --format markdown."


def render(
    form: str, comparison: Comparison, rules: Rules, gate: Gate | None, gated: Callable[[Contrast], bool], screen: Screen
) -> str:
    """Render COMPARISON, judged by RULES and GATE, in FORM. Raises UsageError where there is no such form."""
    if form == "json":
        return f"{json.dumps(answer(comparison, gate), indent=1, allow_nan=False)}\n"
    if form == "csv":
        return _csv(comparison)
    if form not in FORMS:
        raise UsageError(f"a comparison has no form {form!r} (knows: {', '.join(FORMS)})")
    report = build(comparison, rules, gate, gated)
    return markdown.draw(report) if form == "markdown" else terminal.draw(report, screen, _MORE)


def answer(comparison: Comparison, gate: Gate | None) -> Mapping[str, Json]:
    """Give COMPARISON as programs read it: nothing rounded, SI units; with `gate` where it was asked for."""
    body: dict[str, Json] = {
        "base": list(comparison.base),
        "head": list(comparison.head),
        "rows": [row_of(row) for row in comparison.rows],
        "endings": [
            {
                "case": _case(one.case),
                "base": one.base,
                "head": one.head,
                "reason": one.reason,
                "reason_code": one.reason_code,
            }
            for one in comparison.endings
        ],
        "unlike": [_unlike(one) for one in comparison.unlike],
        "remarks": list(comparison.remarks),
    }
    if gate is not None:
        body["gate"] = {
            "passed": gate.passed,
            "failures": [_objection(one) for one in gate.failures],
            "notes": [_objection(one) for one in gate.notes],
        }
    return body


def _case(case: Case) -> Mapping[str, Json]:
    return {"id": case.id, "label": case.label}


def row_of(row: Contrast) -> Mapping[str, Json]:
    """Give ROW as programs read it."""
    return {
        "case": _case(row.case),
        "metric": row.metric.name,
        "unit": row.metric.unit,
        "better": row.metric.better,
        "deterministic": row.metric.deterministic,
        "base": row.base,
        "head": row.head,
        "ratio": row.ratio,
        "low": row.low,
        "high": row.high,
        "verdict": row.verdict,
        "smallest_detectable": row.smallest_detectable,
        "reason": row.reason,
    }


def _unlike(one: Unlike) -> Mapping[str, Json]:
    return {"what": one.what, "base": to_json(one.base), "head": to_json(one.head), "cases": list(one.cases)}


def _objection(one: Objection) -> Mapping[str, Json]:
    return {"case": _case(one.case), "metric": one.metric, "what": one.what}


def _csv(comparison: Comparison) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [name for name in _NAMES if name != "case"]
    writer.writerow(["case", "label", *names])
    for row in comparison.rows:
        fields = row_of(row)
        texts = [row.case.id, row.case.label, *(fields[name] for name in names)]
        writer.writerow(["" if text is None else cell(text) if isinstance(text, str) else text for text in texts])
    return buffer.getvalue()


_NAMES = (
    "case", "metric", "unit", "better", "deterministic", "base", "head", "ratio", "low", "high", "verdict", "smallest_detectable",
    "reason",
)  # fmt: skip
