"""Baselines: runs kept to be compared with, one folder a machine and set of suites, and the machine's spread between runs.

    reports/baselines/FINGERPRINT/SUITES/records.jsonl     the newest record of every trial
    reports/baselines/FINGERPRINT/noise.json               how far runs of unchanged code lie apart

They are committed, so that a change of a baseline is reviewed like a change of code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.domain.comparison import RunNoise
from bench.domain.errors import RecordsError, UsageError
from bench.domain.record import Record
from bench.protocol.codec import CodecError, dumps, loads
from bench.store import jsonl, whole

NOISE = "noise.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One kept run: where it is, its machine, and what it holds."""

    path: Path
    fingerprint: str
    suites: tuple[str, ...]
    run: str
    started_at: str
    cases: int


def keep(folder: Path, records: Sequence[Record]) -> Path:
    """Make RECORDS, of one run or its shards, the baseline of their machine and suites in FOLDER, in the place of an earlier one.

    Raises UsageError where a case is in several runs, where they are of several machines, or where the disk refuses them.
    """
    _refuse_twice(records)
    if any(record.paired is not None for record in records):
        raise UsageError(
            "one side of an A/B run is no baseline, since its calls took turns with the other's: keep one of bench run"
        )
    suites = "+".join(dict.fromkeys(_plain(record.suite.name) for record in records))
    path = folder / fingerprint(records) / suites / jsonl.FILE
    _write(path, "".join(f"{dumps(record)}\n" for record in records))
    return path.parent


def _refuse_twice(records: Sequence[Record]) -> None:
    """Raise UsageError where a case of RECORDS is in several runs: shards of one run share none."""
    runs: dict[str, set[str]] = {}
    for record in records:
        runs.setdefault(record.case.id, set()).add(record.run)
    twice = next((record for record in records if len(runs[record.case.id]) > 1), None)
    if twice is not None:
        several = " and ".join(sorted(runs[twice.case.id]))
        raise UsageError(f"a baseline is one run, or the shards of one, and {twice.case.label} is in {several}: name one of them")


def fingerprint(records: Sequence[Record]) -> str:
    """Give the fingerprint of the machine that RECORDS are of. Raises UsageError where they name none, or more than one."""
    found = _machines(records)
    if len(found) != 1:
        which = "name no machine" if not found else f"are of {len(found)} machines ({', '.join(found)})"
        raise UsageError(f"the records {which}: a baseline belongs to one")
    return found[0]


def _machines(records: Sequence[Record]) -> tuple[str, ...]:
    """List the machines of RECORDS; those of skipped cases name none."""
    named = (record.environment.get("fingerprint") for record in records)
    return tuple(dict.fromkeys(str(one) for one in named if one is not None))


def find(folder: Path, records: Sequence[Record]) -> tuple[Path, ...]:
    """Find in FOLDER the baselines of the machine and the suites that RECORDS are of: one of them together, else one of each.

    Raises UsageError where there is none.
    """
    machine = folder / fingerprint(records)
    names = tuple(dict.fromkeys(_plain(record.suite.name) for record in records))
    for wanted in (("+".join(names),), names):
        found = tuple(machine / name for name in wanted if (machine / name / jsonl.FILE).exists())
        if found:
            return found
    what = _missing(folder, machine, names)
    raise UsageError(f"{machine}: there is no baseline {what}. Name BASE, or keep a run with: bench baseline set RUN")


def _missing(folder: Path, machine: Path, names: Sequence[str]) -> str:
    """Say what there is no baseline of, and of what there are."""
    suites = sorted(path.parent.name for path in machine.glob(f"*/{jsonl.FILE}"))
    if suites:
        return f"of suite {' or '.join(names)} (there are of: {', '.join(suites)})"
    machines = sorted(one.name for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []
    return "of this machine" + (f" (there are of: {', '.join(machines)})" if machines else "")


def listed(folder: Path) -> tuple[Baseline, ...]:
    """List the baselines in FOLDER. Raises RecordsError where one cannot be read."""
    return tuple(_described(path) for path in sorted(folder.glob(f"*/*/{jsonl.FILE}")))


def _described(path: Path) -> Baseline:
    records = [item for item in jsonl.read(path) if isinstance(item, Record)]
    if not records:
        raise RecordsError(f"{path}: holds no records")
    return Baseline(
        path=path.parent,
        fingerprint=path.parent.parent.name,
        suites=tuple(dict.fromkeys(record.suite.name for record in records)),
        run=records[0].run,
        started_at=min(record.started_at for record in records),
        cases=len({record.case.id for record in records}),
    )


def keep_noise(folder: Path, noise: RunNoise) -> Path:
    """Keep NOISE as its machine's in FOLDER. Raises UsageError where the disk refuses it."""
    path = folder / noise.fingerprint / NOISE
    _write(path, f"{dumps(noise)}\n")
    return path


def noise_of(folder: Path, records: Sequence[Record]) -> RunNoise | None:
    """Read from FOLDER the spread between runs on the machine that RECORDS are of; None where there is none.

    Raises RecordsError where it cannot be understood.
    """
    found = _machines(records)
    path = folder / found[0] / NOISE if len(found) == 1 else None
    if path is None or not path.exists():
        return None
    try:
        return loads(RunNoise, path.read_bytes())
    except (OSError, CodecError) as error:
        raise RecordsError(f"{path}: is no spread between runs: {error}. Measure it anew: bench baseline noise RUN...") from error


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "suite"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
