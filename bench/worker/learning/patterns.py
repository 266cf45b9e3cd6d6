"""Patterns of module names, tried on a model before it is loaded: it is built on the meta device, and no weight is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.model import Kind, ModelFacts
from bench.models import presets
from bench.worker import building, tasks
from bench.worker.learning import freezing
from bench.worker.loads import loading, resolving


def unmatched(model: ModelFacts, patterns: Sequence[str]) -> dict[str, str]:
    """Say for each of PATTERNS that matches nothing in MODEL what its modules are called. Raises Refused where it has no class."""
    network = _skeleton(model)
    found = {}
    for pattern in patterns:
        try:
            freezing.select(network, (pattern,))
        except UsageError as error:
            found[pattern] = str(error)
    return found


def _skeleton(model: ModelFacts) -> Any:
    import torch

    if model.ref.kind is Kind.PRESET and model.folder is None:
        preset = presets.find(model.ref.where)
        return building.skeleton(preset, preset.tasks[model.task], saved=False)
    config = resolving.read_config(model, Path(loading.folder_of(model)))
    kind = resolving.resolve_class(config, tasks.find(model.task).TASK)
    with torch.device("meta"):
        return kind(config)
