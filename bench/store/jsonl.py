"""Records as lines of a file: appended whole when a trial ends, never rewritten, read up to whatever a crash left.

One write and one fsync a record: what was appended survives the death of the process and of the machine. A line that a full disk
or a crash tore is left as it is; the next record begins on a line of its own, and readers skip the torn one and say so.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.domain.errors import CannotWriteError, RecordsError
from bench.domain.record import SCHEMA, Record
from bench.domain.values import Json
from bench.protocol.codec import CodecError, dumps, from_json
from bench.store.migrate import upgrade
from bench.store.whole import settle

FILE = "records.jsonl"
_CHUNK = 1 << 20


class Journal:
    """A run directory's records, open for appending."""

    def __init__(self, directory: Path, name: str = FILE) -> None:
        """Open the records in the file NAME of the run in DIRECTORY, making it where there is none. Raises CannotWriteError."""
        self.path = directory / name
        self.safe = 0
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._refusal(error) from error
        settle(directory)
        self.safe = _line_ends(self._descriptor)

    def append(self, record: Record) -> None:
        """Have RECORD on disk before returning. Raises CannotWriteError where the disk refuses it; those before it are safe."""
        line = f"{dumps(record)}\n".encode()
        try:
            left = memoryview(line if self._ends_in_a_whole_line() else b"\n" + line)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._refusal(error) from error
        self.safe += 1

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        """Give the journal itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go of the file."""
        self.close()

    def _ends_in_a_whole_line(self) -> bool:
        size = os.fstat(self._descriptor).st_size
        return size == 0 or os.pread(self._descriptor, 1, size - 1) == b"\n"

    def _refusal(self, error: OSError) -> CannotWriteError:
        return CannotWriteError(
            f"{self.path}: the record could not be written: {error.strerror}. {self.safe} records before it are safe; make room, "
            "then run the same command with --resume to go on"
        )


def _line_ends(descriptor: int) -> int:
    """Count the whole lines of the open file."""
    count = at = 0
    while chunk := os.pread(descriptor, _CHUNK, at):
        count += chunk.count(b"\n")
        at += len(chunk)
    return count


def read(path: Path) -> Iterator[Record | str]:
    """Give the records of PATH in the order written, and a remark in the place of each line that is none.

    Raises RecordsError where the file cannot be read, and where a record is of a later schema than this version knows.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _decode(line, f"{path}:{number}")
    except OSError as error:
        raise RecordsError(f"{path}: cannot be read: {error.strerror}") from error


def _decode(line: bytes, where: str) -> Record | str:
    try:
        form: Json = json.loads(line)
    except (ValueError, RecursionError):
        what = "is no JSON" if line.endswith(b"\n") else "was torn while it was written"
        return f"{where}: skipped: the line {what}"
    schema = form.get("schema") if isinstance(form, dict) else None
    if not isinstance(form, dict) or type(schema) is not int or schema < 1:
        return f"{where}: skipped: the line is no record"
    if schema > SCHEMA:
        raise RecordsError(
            f"{where}: the record has schema {schema}, this version of bench reads schemas up to {SCHEMA}. "
            "Read it with the version that wrote it, or a later one"
        )
    try:
        return from_json(Record, upgrade(form, schema))
    except CodecError as error:
        return f"{where}: skipped: not a record of schema {schema}: {error}"
