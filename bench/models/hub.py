"""Where a checkpoint of the Hub lies: in the local cache, or after a download, in the form that huggingface_hub keeps.

`models--org--name/refs/BRANCH` holds a commit, `models--org--name/snapshots/COMMIT/` its files, as links to blobs. What is whole
there is used without asking anyone, unless the revision is a branch, which may have moved.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.domain.model import ModelRef
from bench.domain.outcome import ReasonCode
from bench.models import weights
from bench.models.checkpoint import CONFIG, read_folder
from bench.models.fingerprint import READ
from bench.models.refused import RefusedError

Download = Callable[[ModelRef, Path], Path]
"""Fetches a revision into a cache and gives its snapshot's folder; raises RefusedError where it cannot."""

_COMMIT = r"[0-9a-f]{40}"
_BEGUN = r"[0-9a-f]{7,40}"
_ON_THE_WAY = ("HTTPError", "RevisionResolutionError", "XetDownloadError")
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def cache_folder() -> Path:
    """Give the cache that huggingface_hub uses: $HF_HUB_CACHE, or hub in $HF_HOME, or in ~/.cache/huggingface."""
    named, home = os.environ.get("HF_HUB_CACHE"), os.environ.get("HF_HOME")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(named).expanduser() if named else base.expanduser() / "hub"


def is_offline() -> bool:
    """Tell whether the environment forbids the network."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def download(ref: ModelRef, cache: Path) -> Path:
    """Fetch what loading REF needs into CACHE. Raises RefusedError where the Hub lacks it, forbids it or cannot be reached."""
    from huggingface_hub import errors, snapshot_download

    others: list[type[Exception]] = [getattr(errors, name) for name in _ON_THE_WAY if hasattr(errors, name)]
    on_the_way: tuple[type[Exception], ...] = (OSError, *others)
    patterns = [*READ, "*.safetensors", weights.INDEX]
    patterns += ["*.bin", weights.PICKLE_INDEX] if ref.allow_pickle else []
    patterns += ["*.py"] if ref.trust_remote_code else []
    try:
        return Path(
            snapshot_download(ref.where, revision=ref.revision, cache_dir=cache, allow_patterns=patterns, ignore_patterns=["*/*"])
        )
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise RefusedError(f"the Hub has no {_spelled(ref)}, or hides it: {_line(error)}", ReasonCode.MODEL_NOT_FOUND) from error
    except on_the_way as error:
        raise RefusedError(f"{_spelled(ref)} could not be fetched: {_line(error)}", ReasonCode.OFFLINE) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The Hub as this machine reaches it: its CACHE, whether it is OFFLINE, and how to DOWNLOAD."""

    cache: Path = field(default_factory=cache_folder)
    offline: bool = field(default_factory=is_offline)
    download: Download = download


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The files of one commit."""

    folder: Path
    commit: str


def locate(ref: ModelRef, hub: Hub) -> Snapshot:
    """Find the snapshot of REF in HUB's cache, fetching it where that is allowed.

    Raises RefusedError where it is not to be had, naming repository, revision and what is missing.
    """
    found = cached(ref, hub.cache)
    lacking = missing(found) if found is not None else ("every file",)
    fixed = (
        found is not None and re.fullmatch(_BEGUN, ref.revision or "") is not None and found.commit.startswith(ref.revision or "")
    )
    if found is not None and not lacking and (hub.offline or fixed):
        return found
    if hub.offline:
        raise RefusedError(
            f"{_spelled(ref)} is not whole in the cache {hub.cache} and HF_HUB_OFFLINE is set; missing: {', '.join(lacking)}",
            ReasonCode.OFFLINE,
        )
    folder = hub.download(ref, hub.cache)
    return Snapshot(folder=folder, commit=folder.name)


def cached(ref: ModelRef, cache: Path) -> Snapshot | None:
    """Look REF up in CACHE: its revision is a commit, the beginning of one, or a branch or tag. None where it is not there."""
    repository = cache / f"models--{ref.where.replace('/', '--')}"
    revision = ref.revision or "main"
    commit = _commit(repository, revision)
    folder = repository / "snapshots" / commit if commit is not None else None
    return Snapshot(folder=folder, commit=folder.name) if folder is not None and folder.is_dir() else None


def missing(snapshot: Snapshot) -> tuple[str, ...]:
    """Name the files that SNAPSHOT lacks: those without which nothing loads, and links whose blob is not there."""
    checkpoint = read_folder(snapshot.folder)
    lost = sorted(name for name in checkpoint.files if not (snapshot.folder / name).exists())
    try:
        shards = [name for name in weights.wanted(checkpoint) if name not in checkpoint.files]
    except RefusedError:  # a torn index is found again where weights are inspected, with its reason
        shards = []
    weighted = any(name.endswith((".safetensors", ".bin")) for name in checkpoint.files)
    needed = [] if CONFIG in checkpoint.files else [CONFIG]
    return tuple(dict.fromkeys([*needed, *lost, *shards, *([] if weighted or shards else [weights.SINGLE])]))


def _commit(repository: Path, revision: str) -> str | None:
    if re.fullmatch(_COMMIT, revision):
        return revision
    if ".." not in revision.split("/") and not revision.startswith("/"):
        try:
            said = (repository / "refs" / revision).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            said = ""
        if re.fullmatch(_COMMIT, said):
            return said
    if not re.fullmatch(_BEGUN, revision) or not (repository / "snapshots").is_dir():
        return None
    begun = [path.name for path in (repository / "snapshots").iterdir() if path.name.startswith(revision)]
    return begun[0] if len(begun) == 1 else None


def _spelled(ref: ModelRef) -> str:
    return f"{ref.where} at revision {ref.revision or 'main'}"


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
