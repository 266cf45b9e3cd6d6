"""What names a row: only what varies becomes a column, what is the same everywhere is said once.

A requested `auto` is shown with what was observed, so that no reader has to guess what ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.domain.axes import BY_NAME
from bench.domain.summary import Row
from bench.report.spelling import word

_FIRST = ("run", "suite", "model", "task", "scenario", "page_cache", "mmap")
_ALWAYS = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The names of the columns that tell ROWS apart, and the others with their one value."""

    names: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]

    def of(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Give the names by which ROWS, some of all, are told apart: those that vary among them, and the model."""
        return tuple(name for name in self.names if name == _ALWAYS or len({shown(row, name) for row in rows}) > 1)

    def shared(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Say what ROWS have in common though it varies elsewhere."""
        several = set(self.of(rows))
        return tuple(f"{name} {value}" for name in self.names if name not in several and (value := shown(rows[0], name)))


def keys(rows: Sequence[Row]) -> Keys:
    """Part what was requested of ROWS into what varies, the model always among it, and what does not."""
    named = dict.fromkeys((*_FIRST, *BY_NAME, *(name for row in rows for name in row.case.requested)))
    values = {name: {_value(row, name) for row in rows} - {""} for name in named}
    seen = {name: {shown(row, name) for row in rows if _resolved(row, name)} for name in named}
    varying = tuple(name for name in named if name == _ALWAYS or len(values[name]) > 1 or len(seen[name]) > 1)
    constants = tuple((name, next(iter(seen[name] or values[name]))) for name in named if name not in varying and values[name])
    return Keys(names=varying, constants=constants)


def shown(row: Row, name: str) -> str:
    """Spell ROW's value of NAME, an `auto` with what it came to; an empty text where NAME does not apply."""
    return f"auto ({word(row.observed[name])})" if _resolved(row, name) else _value(row, name)


def _value(row: Row, name: str) -> str:
    if name in {"run", "suite"}:
        return row.run if name == "run" else row.suite
    return word(row.case.requested[name]) if name in row.case.requested else ""


def _resolved(row: Row, name: str) -> bool:
    return row.case.requested.get(name) == "auto" and row.observed.get(name, "auto") != "auto"


def in_order(rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, ...]:
    """Sort ROWS by what NAMES say, in their order: numbers by size, known values as the axis lists them, others by spelling.

    Records come in the shuffled order of the trials, which tells a reader nothing.
    """
    return tuple(sorted(rows, key=lambda row: tuple(_place(row, name) for name in names)))


def _place(row: Row, name: str) -> tuple[int, float, str]:
    value = row.case.requested.get(name)
    if isinstance(value, int | float):
        return (1, float(value), "")
    spelled = _value(row, name)
    choices = BY_NAME[name].choices if name in BY_NAME else ()
    return (0, choices.index(spelled), "") if spelled in choices else (2, 0.0, spelled)
