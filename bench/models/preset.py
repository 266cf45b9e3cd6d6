"""What a preset is: the recipe of a real checkpoint, in one data file, from which it can be written without a network.

The file name is the preset's name. docs on adding one: copy the nearest file of this folder's `presets` and change it; a test
builds every preset on the meta device and checks its count of parameters.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from bench.domain.task import Task, Trait
from bench.domain.values import Json, canonical
from bench.protocol.codec import to_json

RECIPE_VERSION = 1
"""Raised whenever the same preset and seed would give other bytes: what was written before is then another model."""


class Vocabulary(StrEnum):
    """How a tokenizer's vocabulary is made."""

    BYTE_BPE = "byte-bpe"
    CLIP_BPE = "clip-bpe"
    WORDPIECE = "wordpiece"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The class that does a task. `saved_as` is the class whose weights are in the file, where the published one holds more."""

    model_class: str
    saved_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A tokenizer: `special` gives special tokens their ids, `roles` says which is `pad_token`, `eos_token` and so on."""

    kind: Vocabulary
    tokenizer_class: str
    vocab_size: int
    special: Mapping[str, int]
    roles: Mapping[str, str]
    model_max_length: int
    padding_side: str = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe:
    """An image processor: its class, without the suffix of a backend, and what its file says."""

    processor_class: str
    settings: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model that can be written as a checkpoint: true config, seeded random weights, complete processor.

    `source` is the published model it follows. `tasks` are in order, the first is the default; `parameters` counts the default
    task's class. `takes` is what the model can be fed with.
    """

    name: str
    family: str
    source: str
    tasks: Mapping[str, Head]
    parameters: int
    dtype: str
    takes: frozenset[Trait]
    config: Mapping[str, Json]
    tokenizer: TokenizerRecipe | None = None
    image_processor: ImageRecipe | None = None
    processor_class: str | None = None
    generation: Mapping[str, Json] = field(default_factory=dict)
    max_shard_size: str = "50GB"

    @property
    def default_task(self) -> str:
        """The task of a suite that names none."""
        return next(iter(self.tasks))

    def traits(self, task: Task) -> frozenset[Trait]:
        """Give the traits that select the axes of TASK on this model: the task's, or where it has none the model's own."""
        return task.traits or self.takes


def content(preset: Preset, task: str, seed: int = 0) -> str:
    """Give the hash that stands for what would be written for TASK with SEED: the whole recipe, but no names.

    Raises KeyError where the preset has no such task.
    """
    recipe = dict(cast("Mapping[str, Json]", to_json(preset)))
    for name in ("name", "source", "family", "parameters", "tasks"):
        del recipe[name]
    head = to_json(preset.tasks[task])
    whole: Mapping[str, Json] = {"version": RECIPE_VERSION, "seed": seed, "head": head, "recipe": recipe}
    return hashlib.sha256(canonical(whole).encode()).hexdigest()
