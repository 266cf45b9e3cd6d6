"""Writes presets as real checkpoints: config, weights in safetensors, generation config and a complete processor.

Nothing is read from a network, and the same preset, task and seed give the same bytes.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from bench.domain.errors import UsageError
from bench.models.preset import Head, Preset


def write(preset: Preset, task: str, out: Path, seed: int = 0) -> None:
    """Write PRESET for TASK as a checkpoint into the folder OUT, which must not exist or be empty.

    The folder appears whole or not at all. Raises UsageError where OUT holds something or the preset has no such task.
    """
    head = preset.tasks.get(task)
    if head is None:
        raise UsageError(f'preset "{preset.name}" has no task "{task}" (has: {", ".join(preset.tasks)})')
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: name another one, or remove it first")
    unfinished = out.parent / f".{out.name}.{os.getpid()}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _write_into(unfinished, preset, head, seed)
        unfinished.replace(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_into(folder: Path, preset: Preset, head: Head, seed: int) -> None:
    from bench.worker import libraries
    from bench.worker.building import processors

    libraries.stand_in_for_torchvision_operators()
    _write_model(folder, preset, head, seed)
    processors.write(preset, folder)


def _write_model(folder: Path, preset: Preset, head: Head, seed: int) -> None:
    """Save the weights of the head's class, or of the larger one it is `saved_as`, under the head's name."""
    import transformers

    from bench.worker.building import weights

    saved: type[Any] = getattr(transformers, head.saved_as or head.model_class)
    model = weights.build(saved, _config(preset), preset.dtype, seed)
    if preset.generation and model.can_generate():
        model.generation_config = transformers.GenerationConfig(**preset.generation)
    model.save_pretrained(folder, max_shard_size=preset.max_shard_size)
    model.config.architectures = [head.model_class]
    model.config.save_pretrained(folder)


def _config(preset: Preset) -> Any:
    from transformers import AutoConfig

    settings = dict(preset.config)
    return AutoConfig.for_model(settings.pop("model_type"), **settings)
