"""Folders that a trial writes into and that end with it."""

import shutil
import tempfile
from pathlib import Path

_made: list[Path] = []


def folder(what: str) -> Path:
    """Make a folder for WHAT this trial has to put on disk."""
    _made.append(Path(tempfile.mkdtemp(prefix=f"bench-{what}-")))
    return _made[-1]


def clear() -> None:
    """Remove all of them. A trial that is killed cannot, and its folder stays in the system's place for such."""
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)
