"""Markdown, for issues, pull requests and files: every section, details folded away by nothing, tables padded to be read raw."""

from collections.abc import Iterator, Sequence

from bench.report.build import build
from bench.report.document import Column, Report, Section, Table
from bench.report.escape import markdown
from bench.report.formats import Material

SUFFIX = ".md"


def render(material: Material) -> str:
    """Render the report of MATERIAL in GitHub's Markdown."""
    return draw(build(material.summary))


def draw(report: Report) -> str:
    """Draw REPORT in GitHub's Markdown, details and all."""
    lines = [f"# {markdown(report.title)}", "", *(f"- {markdown(fact)}" for fact in report.facts)]
    for section in report.sections:
        lines += _section(section)
    return "\n".join([*lines, ""])


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {markdown(section.title)}", "")
    if section.shared:
        yield from (markdown(f"Here: {', '.join(section.shared)}"), "")
    if section.table is not None:
        yield from _table(section.table)
    yield from (f"- {markdown(point)}" for point in section.points)
    if section.notes:
        yield from ("", f"{markdown('; '.join(section.notes))}.")


def _table(table: Table) -> Iterator[str]:
    head = [markdown(_titled(column)) for column in table.columns]
    body = [[markdown(text) for text in row] for row in table.rows]
    widths = [max(3, *(len(row[index]) for row in (head, *body))) for index in range(len(head))]
    yield _line(head, widths, table.columns)
    yield (
        "|"
        + "|".join("-" * (width + 2) if _left(column) else "-" * (width + 1) + ":" for width, column in _with(widths, table))
        + "|"
    )
    for row in body:
        yield _line(row, widths, table.columns)


def _with(widths: Sequence[int], table: Table) -> Iterator[tuple[int, Column]]:
    return zip(widths, table.columns, strict=True)


def _line(texts: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    padded = (
        text.ljust(width) if _left(column) else text.rjust(width)
        for text, width, column in zip(texts, widths, columns, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _left(column: Column) -> bool:
    return column.key or column.prose


def _titled(column: Column) -> str:
    return f"{column.title} ({column.unit})" if column.unit else column.title
