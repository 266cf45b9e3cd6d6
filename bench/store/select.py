"""Which records count: those of the paths named, and of each trial the newest."""

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.domain.errors import RecordsError
from bench.domain.record import Record
from bench.store import jsonl

Key = tuple[str, str, str, str, int | None]


def read(paths: Sequence[Path]) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Read the newest record of every trial below PATHS, which are run directories, folders of them, .jsonl files or globs.

    The second value has a remark for each line that was skipped. Raises RecordsError where a path does not exist or holds no
    record, and where a record is of a later schema.
    """
    records: list[Record] = []
    remarks: list[str] = []
    seen: set[Path] = set()
    for path in paths:
        found = 0
        for file in _files(path):
            already = file.resolve() in seen
            seen.add(file.resolve())
            for item in () if already else jsonl.read(file):
                records.append(item) if isinstance(item, Record) else remarks.append(item)
                found += isinstance(item, Record)
            found += already
        if not found:
            raise RecordsError(_nothing_in(path, remarks))
    return newest_attempts(records), tuple(remarks)


def key(record: Record) -> Key:
    """Tell which trial RECORD is of: run, suite, its digest, case and number."""
    return (record.run, record.suite.name, record.suite.digest, record.case.id, record.trial)


def newest_attempts(records: Iterable[Record]) -> tuple[Record, ...]:
    """Keep of each trial the record of its last attempt, in the order in which trials first appear."""
    newest: dict[Key, Record] = {}
    for record in records:
        kept = newest.get(key(record))
        if kept is None or record.attempt >= kept.attempt:
            newest[key(record)] = record
    return tuple(newest.values())


def _files(path: Path) -> tuple[Path, ...]:
    """List the files of records that PATH names. Raises RecordsError where it names nothing."""
    if path.is_dir():
        return tuple(sorted(path.rglob("*.jsonl")))
    if path.exists():
        return (path,)
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 -- absolute patterns too
    if not matches:
        raise RecordsError(
            f"{path}: there is no such run directory or file. The path of a run is the last line that bench run prints"
        )
    return tuple(file for match in matches for file in _files(match))


def _nothing_in(path: Path, remarks: Sequence[str]) -> str:
    skipped = f" ({len(remarks)} lines were skipped, the first: {remarks[0]})" if remarks else ""
    return f"{path}: holds no records{skipped}. Name a run directory, or a folder of run directories"
