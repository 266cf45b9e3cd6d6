"""Where a trial writes what ends with it: a folder that its nursery makes before the trial and removes after it.

The trial cannot see to that itself, since it may be killed, with gigabytes of exported or converted weights on the disk. All that
asks Python for a temporary place gets it there, the libraries included, and torch its folder for compiled code: each trial compiles
from nothing, so that the time of compiling means the same in each.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.protocol.variables import SCRATCH


def make() -> Path:
    """Make the folder of the next trial: the one that the executor named, which removes it where this nursery is killed.

    Where that cannot be made, as below a TMPDIR that is not there, it is one that Python finds.
    """
    with contextlib.suppress(KeyError, OSError):
        folder = Path(os.environ[SCRATCH])
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="bench-trial-"))


def variables(folder: Path) -> dict[str, str]:
    """Give the environment variables that lead a trial's processes to FOLDER."""
    return {"TMPDIR": str(folder), "TORCHINDUCTOR_CACHE_DIR": str(folder / "torchinductor")}


def enter(folder: Path) -> None:
    """Write to FOLDER from now on, in this process and in those that it starts."""
    os.environ.update(variables(folder))
    tempfile.tempdir = str(folder)


@contextlib.contextmanager
def lent() -> Iterator[None]:
    """Write to a folder of the block's own, as a trial does, in a process that goes on: its variables are put back."""
    folder, place = Path(tempfile.mkdtemp(prefix="bench-trial-")), tempfile.tempdir
    before = {name: os.environ.get(name) for name in variables(folder)}
    enter(folder)
    try:
        yield
    finally:
        tempfile.tempdir = place
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        remove(folder)


def remove(folder: Path) -> None:
    """Remove FOLDER and all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
