"""Formats, one file each. The file name is the name users write, with `-` for `_`."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from bench.domain.errors import UsageError
from bench.domain.record import Record
from bench.domain.summary import Summary
from bench.report.screen import PLAIN, Screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to render: the summary, the records that it is of, and the screen where the output will be seen."""

    summary: Summary
    records: Sequence[Record] = ()
    screen: Screen = PLAIN


class Format(Protocol):
    """What a format file provides. `SUFFIX` is that of its files, with the point."""

    SUFFIX: str

    def render(self, material: Material) -> str | bytes:
        """Render MATERIAL. Text ends with a line end. Raises UsageError where a package that it needs is missing."""


def names() -> tuple[str, ...]:
    """List the formats that there are, importing none."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def find(name: str) -> Format:
    """Import the format called NAME. Raises UsageError where there is none of this name."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        meant = f' Did you mean "{near[0]}"?' if near else ""
        raise UsageError(f"format {name!r} is not known (knows: {', '.join(names())}).{meant}")
    return cast("Format", import_module(f"{__name__}.{name.replace('-', '_')}"))
