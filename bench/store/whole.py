"""Files that are there whole or not at all."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Make DATA the content of PATH: a reader sees the old file or the new one, never a part. Raises OSError.

    What is not a plain file (a pipe, a device) is written to directly. A link keeps pointing where it points.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    settle(target.parent)


def settle(folder: Path) -> None:
    """Have FOLDER's own entries on disk, so that a file created in it survives a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
