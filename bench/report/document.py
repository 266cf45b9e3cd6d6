"""The format-neutral report: sections of paragraphs and tables. Texts are raw; each format escapes them in its own way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its title, its unit where it holds amounts, whether it is a `key` that names the row, whether it is `prose`."""

    title: str
    unit: str = ""
    key: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts, one a column; an empty text means that there is nothing to say. Key columns come first."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: a table or a list of `points`, what its rows have `shared`, and `notes` that explain it.

    A `detail` is for reports that are more than a glance.
    """

    title: str
    table: Table | None = None
    points: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    detail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report: its title, what holds for all of it, and its sections in order."""

    title: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
