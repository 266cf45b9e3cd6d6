"""Run directories: one folder a run, with its records and a manifest that says what was planned."""

import datetime as dt
import platform
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.domain.errors import CannotWriteError, UsageError
from bench.protocol.codec import CodecError, dumps, loads
from bench.store import jsonl, whole

MANIFEST = "run.json"
SCHEMA = 1
_HOST_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a run set out to do. `digest` is its plan's; times are UTC in ISO 8601; `finished_at` is None until it is done."""

    schema: int = SCHEMA
    id: str
    digest: str
    suites: tuple[str, ...]
    started_at: str
    finished_at: str | None = None
    planned: int
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDirectory:
    """A run's folder and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def records(self) -> Path:
        """The file that holds the records."""
        return self.path / jsonl.FILE


def create(
    out: Path, digest: str, suites: Sequence[str], planned: int, command: Sequence[str] = (), *, ending: str = ""
) -> RunDirectory:
    """Make the directory of a new run in OUT, whose name has ENDING. Raises UsageError where it cannot be made."""
    now = dt.datetime.now(dt.UTC)
    name = f"{now:%Y%m%dT%H%M%SZ}-{_host()}-{secrets.token_hex(2)}{ending}"
    path = out / name
    manifest = Manifest(
        id=name,
        digest=digest,
        suites=tuple(suites),
        started_at=now.isoformat(timespec="microseconds"),
        planned=planned,
        command=tuple(command),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        whole.write(path / MANIFEST, _spell(manifest))
    except OSError as error:
        raise UsageError(f"{path}: the run's directory cannot be made: {error.strerror}. Name another folder with --out") from error
    return RunDirectory(path=path, manifest=manifest)


def newest(out: Path, digest: str) -> RunDirectory | None:
    """Find the run in OUT that was started last with the plan of DIGEST; None where there is none."""
    found = [run for path in out.glob(f"*/{MANIFEST}") if (run := _open(path)) is not None and run.manifest.digest == digest]
    return max(found, key=lambda run: (run.manifest.started_at, run.manifest.id), default=None)


def finish(run: RunDirectory) -> RunDirectory:
    """Note that RUN is done, now. Raises CannotWriteError; the records are safe in any case."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    manifest = replace(run.manifest, finished_at=now)
    try:
        whole.write(run.path / MANIFEST, _spell(manifest))
    except OSError as error:
        raise CannotWriteError(f"{run.path / MANIFEST}: cannot be written: {error.strerror}. All records are safe") from error
    return replace(run, manifest=manifest)


def _spell(manifest: Manifest) -> bytes:
    return f"{dumps(manifest)}\n".encode()


def _open(path: Path) -> RunDirectory | None:
    """Read the manifest at PATH; None where it is not one of this schema: a run that cannot be understood is not continued."""
    try:
        manifest = loads(Manifest, path.read_bytes())
    except (OSError, CodecError):
        return None
    return RunDirectory(path=path.parent, manifest=manifest) if manifest.schema == SCHEMA else None


def _host() -> str:
    """Spell this machine's name so that it can be part of a folder's name and of no path."""
    return re.sub(r"[^A-Za-z0-9]+", "-", platform.node())[:_HOST_LENGTH].strip("-").lower() or "host"
