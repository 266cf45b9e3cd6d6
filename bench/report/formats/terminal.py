"""The terminal: what is seen at a glance. Without a terminal it is plain text with lines as long as they need to be."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.report.build import build
from bench.report.document import Column, Report, Section, Table
from bench.report.escape import one_line
from bench.report.formats import Material
from bench.report.screen import Screen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

SUFFIX = ".txt"
_TEXT_WIDTH = 120
_PROSE_WIDTH = 72
_ENDLESS = 100_000
_GAP = 2
_DETAILS = (
    "Load stages, percentiles, parts and peaks by phase: --format markdown. Every number with its samples: --format json, csv."
)


def render(material: Material) -> str:
    """Render the report of MATERIAL."""
    return draw(build(material.summary), material.screen, _DETAILS)


def draw(report: Report, screen: Screen, more: str) -> str:
    """Draw REPORT without its details; MORE says where to find these.

    Names are never cut; where SCREEN is too narrow for a table, its columns go on below.
    """
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=screen.width or _ENDLESS,
        force_terminal=screen.colour,
        no_color=not screen.colour,
        color_system="standard" if screen.colour else None,
        legacy_windows=False,
    )
    _say(console, report.title, screen, "bold")
    for fact in report.facts:
        _say(console, fact, screen)
    for section in report.sections:
        if not section.detail:
            _section(console, section, screen)
    _say(console, "", screen)
    _say(console, more, screen, "dim")
    assert isinstance(console.file, io.StringIO)  # noqa: S101 -- made above
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def _say(console: "Console", text: str, screen: Screen, style: str = "", indent: str = "") -> None:
    """Print TEXT as it is, wrapped at blanks."""
    from rich.text import Text

    width = min(screen.width or _TEXT_WIDTH, _TEXT_WIDTH)
    wrapped = textwrap.fill(one_line(text), width, subsequent_indent=indent or "  ", break_long_words=False, break_on_hyphens=False)
    console.print(Text(wrapped, style=style))


def _section(console: "Console", section: Section, screen: Screen) -> None:
    _say(console, "", screen)
    _say(console, section.title, screen, "bold cyan")
    if section.shared:
        _say(console, f"Here: {', '.join(section.shared)}", screen, "dim")
    if section.table is not None:
        for block in _blocks(section.table, screen.width):
            console.print(_drawn(block))
    for point in section.points:
        _say(console, f"- {point}", screen)
    if section.notes:
        _say(console, f"{'; '.join(section.notes)}.", screen, "dim")


def _blocks(table: Table, width: int | None) -> Iterator[Table]:
    """Part TABLE into blocks of columns that fit into WIDTH, each beginning with the keys."""
    keys = [index for index, column in enumerate(table.columns) if column.key]
    others = [index for index, column in enumerate(table.columns) if not column.key]
    room = (width or _ENDLESS) - sum(_width(table, index) for index in keys)
    block: list[int] = []
    for index in others:
        if block and sum(_width(table, one) for one in (*block, index)) > room:
            yield _picked(table, (*keys, *block))
            block = []
        block.append(index)
    yield _picked(table, (*keys, *block))


def _width(table: Table, index: int) -> int:
    column = table.columns[index]
    widest = max(len(text) for text in (column.title, column.unit, *(row[index] for row in table.rows)))
    return (min(widest, _PROSE_WIDTH) if column.prose else widest) + _GAP


def _picked(table: Table, indices: Sequence[int]) -> Table:
    return Table(
        columns=tuple(table.columns[index] for index in indices),
        rows=tuple(tuple(row[index] for index in indices) for row in table.rows),
    )


def _drawn(table: Table) -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="")
    for column in table.columns:
        drawn.add_column(_head(column), **_layout(column))  # type: ignore[arg-type]
    for row in table.rows:
        drawn.add_row(*(Text(one_line(text)) for text in row))
    return drawn


def _head(column: Column) -> "Text":
    from rich.text import Text

    return Text(one_line(column.title) + (f"\n{column.unit}" if column.unit else ""), style="bold")


def _layout(column: Column) -> dict[str, object]:
    if column.prose:
        return {"overflow": "fold", "max_width": _PROSE_WIDTH}
    return {"overflow": "fold"} if column.key else {"justify": "right", "no_wrap": True}
