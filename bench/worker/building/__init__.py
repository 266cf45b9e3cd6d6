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
    from bench.worker.building import processors
    from bench.worker.host import libraries

    libraries.stand_in_for_torchvision_operators()
    _write_model(folder, preset, head, seed)
    processors.write(preset, folder)


def _write_model(folder: Path, preset: Preset, head: Head, seed: int) -> None:
    """Save the weights of the head's class, or of the larger one it is `saved_as`, under the head's name."""
    from transformers import GenerationConfig

    from bench.worker.building import weights

    model = skeleton(preset, head)
    weights.save(model, folder, seed, preset.max_shard_bytes)
    model.config.architectures = [head.model_class]
    model.config.save_pretrained(folder)
    if model.can_generate():
        generation = GenerationConfig(**preset.generation) if preset.generation else model.generation_config
        generation.save_pretrained(folder)


def skeleton(preset: Preset, head: Head, *, saved: bool = True) -> Any:
    """Build HEAD of PRESET without its weights, on the meta device: the class that is SAVED, or the one that does the task."""
    import transformers

    from bench.worker.building import weights

    name = (head.saved_as if saved else None) or head.model_class
    settings = dict(preset.config)
    config = transformers.AutoConfig.for_model(str(settings.pop("model_type")), **settings)
    return weights.skeleton(getattr(transformers, name), config, preset.dtype)
