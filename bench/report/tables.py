"""Tables of rows: keys first, then what is to be known of the trials, then amounts."""

from collections.abc import Iterable, Sequence

from bench.domain.summary import Row
from bench.report.document import Column, Table
from bench.report.keys import Keys, in_order, shown

Cells = tuple[Column, Sequence[str]]
"""A column and its cells, one a row."""


def table(rows: Sequence[Row], by: Keys, columns: Iterable[Cells]) -> Table:
    """Put the keys of ROWS, and what is to be known of their trials, before COLUMNS, whose cells are in the order of the keys."""
    ordered = in_order(rows, by.names)
    every = [
        *((Column(title=name, key=True), [shown(row, name) for row in ordered]) for name in by.of(ordered)),
        *_of_trials(ordered),
        *columns,
    ]
    return Table(columns=tuple(column for column, _ in every), rows=tuple(zip(*(cells for _, cells in every), strict=True)))


def _of_trials(rows: Sequence[Row]) -> list[Cells]:
    """Show how many trials finished and how many were disturbed, where either is not the same for all of ROWS or not as planned."""
    columns: list[Cells] = []
    if len({(row.finished, row.planned) for row in rows}) > 1 or any(row.finished < row.planned for row in rows):
        whole = [f"{row.finished}" if row.finished >= row.planned else f"{row.finished} of {row.planned}" for row in rows]
        columns.append((Column(title="trials"), whole))
    if any(row.marked for row in rows):
        columns.append((Column(title="disturbed"), [f"{row.marked} of {row.finished}" if row.marked else "" for row in rows]))
    return columns
