"""Where the checkpoints of presets lie on this machine, by what they hold, and whether there is room for one more."""

import shutil
from pathlib import Path

from bench.domain.errors import UsageError
from bench.domain.outcome import ReasonCode, Refusal
from bench.models import presets
from bench.models.digests import cache_folder
from bench.models.preset import Preset

SPARE_BYTES = 256 << 20
"""Free disk to leave beside what is written."""

_FOLDED = 20


def folder_of(preset: Preset, task: str, seed: int = 0) -> Path:
    """Give the folder of PRESET's checkpoint for TASK with SEED, which may not be there yet.

    Raises KeyError where the preset has no such task.
    """
    return cache_folder().expanduser() / "models" / f"{preset.name}-{presets.content(preset, task, seed)[:_FOLDED]}"


def lacks_room(name: str, parent: Path, size: int) -> Refusal | None:
    """Say why the checkpoint of NAME, SIZE bytes, has no room in PARENT, which is made; None where it has.

    Raises UsageError where PARENT cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
    except OSError as error:
        raise UsageError(f"{parent}: cannot be made: {error.strerror}. Name another folder") from error
    if free >= size + SPARE_BYTES:
        return None
    return Refusal(
        reason=f"{parent} has {free / 1e9:.1f} GB free, and the checkpoint of {name} needs {size / 1e9:.1f} GB "
        f"beside {SPARE_BYTES / 1e9:.1f} GB to spare",
        reason_code=ReasonCode.DISK_SPACE,
    )
