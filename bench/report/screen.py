"""Where terminal output goes: how wide it is, and whether it takes colour."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """`width` in characters, None where lines may be as long as they get; `colour` whether it takes ANSI colour."""

    width: int | None = None
    colour: bool = False


PLAIN = Screen()
"""A file or a pipe."""


def screen(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Screen:
    """Look at STREAM: a terminal has a width, and colour unless NO_COLOR is set (to anything) or TERM is dumb."""
    if not stream.isatty():
        return PLAIN
    colour = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Screen(width=shutil.get_terminal_size().columns, colour=colour)
