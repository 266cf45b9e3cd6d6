"""Presets that draft for another model: their checkpoints are written before the trial, so that none is written inside one."""

from collections.abc import Callable
from pathlib import Path

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import PlannedCase
from bench.models import cache, presets

TASK = "text-generation"
Write = Callable[[str, str, Path, int, int], Refusal | None]
"""Writes a preset for a task into a folder, with a seed, where so many bytes have to fit; says why where that failed."""


def on_disk(planned: PlannedCase, write: Write, tell: Callable[[str], None]) -> Refusal | None:
    """Have the preset on disk that drafts for PLANNED, if one does; say why where it cannot be."""
    name, seed = planned.case.requested.get("draft", "none"), planned.suite.procedure.seed
    if not isinstance(name, str) or name not in presets.names():
        return None
    preset = presets.find(name)
    if TASK not in preset.tasks:
        reason = f"draft {name}: the preset does not do {TASK}"
        return Refusal(reason=reason, reason_code=ReasonCode.NO_TASK)
    folder = cache.folder_of(preset, TASK, seed)
    if folder.is_dir():
        return None
    tell(f"writing the checkpoint of {name}, which drafts (once, into {folder.parent})")
    return write(name, TASK, folder, seed, preset.weight_bytes(TASK))
