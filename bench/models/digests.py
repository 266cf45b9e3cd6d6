"""Digests of files, remembered: weights are large, and a suite is planned more often than they change.

A digest is remembered under what the file system says of the file: device, inode, size, and the times of the last change of its
bytes and of its inode, which no program can set. A file that changed within the last moments is not remembered, since another
change within the clock's resolution would not show.
"""

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MOST = 4096
"""Digests that are kept; the oldest go first."""

SMALLEST = 2**20
"""Bytes from which on a file is worth remembering."""

SETTLED_NS = 2 * 10**9
"""Age of a file's last change from which on it is remembered."""

_FILE = "digests.json"
_LARGEST = 2**20


def cache_folder() -> Path:
    """Give the user's folder of what can be made again: $BENCH_CACHE, or ~/.cache/transformers-bench."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transformers-bench"


@dataclass(slots=True)
class Digests:
    """SHA-256 digests of files, with those of large ones remembered in FOLDER. `now_ns` is the clock of file times."""

    folder: Path = field(default_factory=cache_folder)
    now_ns: Callable[[], int] = time.time_ns
    _known: dict[str, str] | None = None
    _new: dict[str, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Give the digest of the file PATH, links followed. Raises OSError where it is none or cannot be read."""
        with open(path, "rb", opener=_without_waiting) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "it is not a file", str(path))
            if before.st_size < SMALLEST:
                return hashlib.file_digest(file, "sha256").hexdigest()
            if self._known is None:
                self._known = self._read()
            known = self._known.get(_key(before))
            if known is not None:
                return known
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
        if _key(before) == _key(after) and self.now_ns() - max(after.st_mtime_ns, after.st_ctime_ns) > SETTLED_NS:
            self._new[_key(after)] = self._known[_key(after)] = digest
        return digest

    def save(self) -> None:
        """Write new digests beside those that others wrote meanwhile. A disk that refuses costs time later, and nothing else."""
        if not self._new:
            return
        every = {**self._read(), **self._new}
        kept = dict(list(every.items())[-MOST:])
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self.folder / _FILE, json.dumps(kept, indent=0))
            self._new.clear()

    def _read(self) -> dict[str, str]:
        """Read what is remembered; a file that is torn or holds anything else is as good as none."""
        try:
            with (self.folder / _FILE).open("rb") as file:
                found = json.loads(file.read(_LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)}


def _without_waiting(path: str, flags: int) -> int:
    """Open PATH so that a pipe without a writer does not hold us up."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Unread(Digests):
    """Stands where nobody asks for a model's identity: what the file system says of a file, and no byte of it."""

    def of(self, path: Path) -> str:
        """Give size and time of the file PATH. Raises OSError where there is none."""
        seen = path.stat()
        return f"{seen.st_size}:{seen.st_mtime_ns}"


def _key(info: os.stat_result) -> str:
    return f"{info.st_dev}:{info.st_ino}:{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}"


def _write_whole(path: Path, text: str) -> None:
    """Replace PATH in one step, so that no reader sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".digests")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
