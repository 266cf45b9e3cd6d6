"""Whether the outputs are those of the reference: the distances, and in words what they mean."""

from collections.abc import Sequence

from bench.domain.summary import Row
from bench.report.document import Column, Section
from bench.report.keys import Keys, in_order
from bench.report.spelling import cell, scale
from bench.report.tables import table

PARITY = "parity."
_NOTE = (
    "teacher-forced against the reference case of the same model; drifted: beyond the tolerance of its dtype and quantization "
    "(docs/parity.md)"
)


def parity(rows: Sequence[Row], by: Keys) -> Section | None:
    """Show how far the outputs of ROWS are from their references' and mark those that drifted; None where none was compared."""
    names = tuple(dict.fromkeys(name for row in rows for name in row.metrics if name.startswith(PARITY)))
    holding = in_order([row for row in rows if verdict(row)], by.names)
    if not holding:
        return None
    columns = [(Column(title="outputs", key=True), [verdict(row) for row in holding])]
    for name in names:
        found = [row.metrics.get(name) for row in holding]
        scaled = scale(next(one.metric.unit for one in found if one is not None), [])
        columns.append((Column(title=name, unit=scaled.unit), ["" if one is None else cell(one, scaled) for one in found]))
    drawn = table(holding, by, columns)
    return Section(title="Parity with the reference", table=drawn, shared=by.shared(holding), notes=(_NOTE,))


def verdict(row: Row) -> str:
    """Say in a word what ROW's distances mean; an empty text where nothing was compared and nothing was to be."""
    if row.drift is not None:
        return "drifted"
    if row.observed.get("parity_missing"):
        return "not compared"
    if not any(name.startswith(PARITY) for name in row.metrics):
        return ""
    return "the reference" if row.observed.get("parity_reference") == row.case.label else "within tolerance"
