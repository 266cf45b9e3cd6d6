"""From a comparison to the format-neutral report: what is not alike first, then the gate, then changes for the worse."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.domain.comparison import Comparison, Contrast, Gate, Objection, Rules, Unlike, Verdict
from bench.domain.listing import some
from bench.report.changes import amount, change, detectable, fact, gating
from bench.report.document import Column, Report, Section, Table

MOST = 100
"""Rows of one table, so that a summary of a large comparison stays readable and below what GitHub takes."""
_CHANGED = frozenset({Verdict.SLOWER, Verdict.FASTER, Verdict.LARGER, Verdict.SMALLER})
_UNPROVED = frozenset({Verdict.INCONCLUSIVE, Verdict.EQUIVALENT})
_CASES = 40
"""Cases that one part shows."""
_LEGEND = (
    "change: head against base, with its 95 % interval over trials and runs; detectable: the smallest slowdown or growth that "
    "these trials would have found 95 times in 100"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    title: str
    takes: Callable[[Contrast], bool]
    detail: bool = False


def build(comparison: Comparison, rules: Rules, gate: Gate | None, gated: Callable[[Contrast], bool]) -> Report:
    """Build the report of COMPARISON by RULES. GATED tells which rows a glance has to show though nothing changed in them."""
    parts = (
        _Part(title="Worse", takes=lambda row: row.worse),
        _Part(title="Better", takes=lambda row: row.verdict in _CHANGED and not row.worse and row.metric.better != "none"),
        _Part(title="Changed, with no better or worse", takes=lambda row: row.verdict in _CHANGED and row.metric.better == "none"),
        _Part(title="No change proved", takes=lambda row: row.verdict in _UNPROVED and gated(row)),
        _Part(
            title="No change proved, further metrics", takes=lambda row: row.verdict in _UNPROVED and not gated(row), detail=True
        ),
        _Part(title="Not compared, with ratios", takes=lambda row: row.verdict is Verdict.INCOMPARABLE and row.ratio is not None),
    )
    rows = sorted(comparison.rows, key=lambda row: not gated(row))
    made = [
        _unlike(comparison.unlike),
        _gate(gate),
        _endings(comparison),
        *(section for part in parts for section in _sections(part, rows)),
        _grouped("Missing", [row for row in comparison.rows if row.verdict is Verdict.MISSING]),
        _grouped("Not compared", [row for row in comparison.rows if row.verdict is Verdict.INCOMPARABLE and row.ratio is None]),
        Section(title="Remarks", points=comparison.remarks) if comparison.remarks else None,
    ]
    return Report(
        title="Comparison of two runs",
        facts=(
            f"Base: {some(comparison.base, 3) or 'no run'}",
            f"Head: {some(comparison.head, 3) or 'no run'}",
            _counts(comparison.rows),
            f"A verdict needs proof of more than {rules.margin * 100:g} %; equivalent is within {_bound(rules):g} %",
            *_of_suites(rules),
            *((_LEGEND,) if comparison.rows else ()),
        ),
        sections=tuple(section for section in made if section is not None),
    )


def _of_suites(rules: Rules) -> tuple[str, ...]:
    """Say what the suites' gates say otherwise, each wording once."""
    spelled = dict.fromkeys(gating(gate, rules) for gate in (rules.gates or {}).values())
    return tuple(f"By the suite's gate: {text}" for text in spelled if text)


def _bound(rules: Rules) -> float:
    return max(rules.equivalence, rules.margin) * 100


def _counts(rows: Sequence[Contrast]) -> str:
    counts = Counter(row.verdict for row in rows)
    each = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if verdict in counts)
    return f"{len({row.case.id for row in rows})} cases, {len(rows)} rows{': ' if each else ''}{each}"


def _unlike(found: Sequence[Unlike]) -> Section | None:
    if not found:
        return None
    columns = (Column(title="what", key=True), *(Column(title=name, prose=True) for name in ("base", "head", "cases")))
    rows = tuple((one.what, fact(one.base), fact(one.head), some(one.cases, 1) or "all") for one in found)
    return _bounded(Section(title="Not alike", table=Table(columns=columns, rows=rows)))


def _gate(gate: Gate | None) -> Section | None:
    if gate is None:
        return None
    points = [f"fails: {_said(one)}" for one in gate.failures] + [f"note: {note}" for note in _notes(gate.notes)]
    shown = points[:MOST]
    rest = (f"and {len(points) - MOST} more: --format json has all",) if len(points) > MOST else ()
    return Section(title=f"Gate: {'passed' if gate.passed else 'failed'}", points=(*shown, *rest))


def _notes(notes: Sequence[Objection]) -> list[str]:
    """Say notes of the same wording once, with what they concern."""
    same: dict[str, list[Objection]] = {}
    for one in notes:
        same.setdefault(one.what, []).append(one)
    return [_said(group[0]) if len(group) == 1 else f"{what}: {_concerned(group)}" for what, group in same.items()]


def _concerned(group: Sequence[Objection]) -> str:
    metrics = dict.fromkeys(one.metric for one in group if one.metric is not None)
    cases = dict.fromkeys(one.case.label for one in group)
    of = f"{', '.join(metrics)} of " if metrics else ""
    return f"{of}{next(iter(cases)) if len(cases) == 1 else f'{len(cases)} cases'}"


def _said(one: Objection) -> str:
    return f"{one.case.label}{f', {one.metric}' if one.metric else ''}: {one.what}"


def _endings(comparison: Comparison) -> Section | None:
    if not comparison.endings:
        return None
    names = ("base", "head")
    columns = (
        Column(title="case", key=True),
        *(Column(title=name, key=True) for name in names),
        Column(title="reason", prose=True),
    )
    rows = tuple(
        (one.case.label, *(end.value if end else "no such case" for end in (one.base, one.head)), one.reason or "")
        for one in comparison.endings
    )
    return _bounded(Section(title="Ended otherwise", table=Table(columns=columns, rows=rows)))


def _sections(part: _Part, rows: Sequence[Contrast]) -> Iterator[Section]:
    """Give the rows of PART, a table a case: what names a case is often wider than all its numbers."""
    cases: dict[str, list[Contrast]] = {}
    for row in rows:
        if part.takes(row):
            cases.setdefault(row.case.label, []).append(row)
    for label, found in list(cases.items())[:_CASES]:
        yield _bounded(Section(title=f"{part.title}: {label}", table=_table(found), detail=part.detail))
    if len(cases) > _CASES:
        more = f"{len(cases) - _CASES} more cases: --format csv has all"
        yield Section(title=f"{part.title}, further cases", points=(more,), detail=part.detail)


def _table(rows: Sequence[Contrast]) -> Table:
    columns = (
        *(Column(title=name, key=True) for name in ("metric", "verdict")),
        *(Column(title=name) for name in ("base", "head", "change", "detectable")),
        Column(title="remark", prose=True),
    )
    cells = [_cells(row) for row in rows]
    kept = [index for index, column in enumerate(columns) if column.key or any(row[index] for row in cells)]
    return Table(columns=tuple(columns[index] for index in kept), rows=tuple(tuple(row[index] for index in kept) for row in cells))


def _cells(row: Contrast) -> tuple[str, ...]:
    exactly = row.metric.deterministic
    values = (amount(value, row.metric.unit, exactly=exactly) for value in (row.base, row.head))
    return (row.metric.name, row.verdict.value, *values, change(row), detectable(row), row.reason or "")


def _grouped(title: str, rows: Sequence[Contrast]) -> Section | None:
    """List ROWS by case and reason: whole cases would fill pages."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.case.label, row.reason or ""), []).append(row.metric.name)
    points = [f"{label}: {reason} ({_metrics(names)})" for (label, reason), names in groups.items()]
    rest = (f"and {len(points) - MOST} more: --format csv has all",) if len(points) > MOST else ()
    return Section(title=title, points=(*points[:MOST], *rest)) if points else None


def _metrics(names: Sequence[str], at_most: int = 3) -> str:
    return ", ".join(names) if len(names) <= at_most else f"{len(names)} metrics"


def _bounded(section: Section) -> Section:
    """Leave out the rows of a table beyond the most that are shown, and say so."""
    table = section.table
    if table is None or len(table.rows) <= MOST:
        return section
    note = f"{len(table.rows) - MOST} more rows: --format csv has all"
    return Section(
        title=section.title,
        table=Table(columns=table.columns, rows=table.rows[:MOST]),
        notes=(*section.notes, note),
        detail=section.detail,
    )
