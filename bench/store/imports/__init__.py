"""Results of other tools, one file a tool: each turns a file into records. The file name is the name users write."""

import difflib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast

from bench.domain.errors import UsageError
from bench.domain.record import Record


class Importer(Protocol):
    """What a tool's file provides."""

    def read(self, path: Path, run: str) -> Sequence[Record]:
        """Read the file at PATH as records of RUN. Raises RecordsError, naming the place, where it is not of the tool's form."""


def names() -> tuple[str, ...]:
    """List the tools that there are, importing none."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def find(name: str) -> Importer:
    """Import what reads the files of the tool called NAME. Raises UsageError where there is none of this name."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        meant = f' Did you mean "{near[0]}"?' if near else ""
        raise UsageError(f"tool {name!r} is not known (knows: {', '.join(names())}).{meant}")
    return cast("Importer", import_module(f"{__name__}.{name.replace('-', '_')}"))
