"""What a preset is: the recipe of a real checkpoint, in one data file, from which it can be written without a network.

The file name is the preset's name. To add one, copy the nearest file of the folder `presets` and change it (docs/presets.md): tests
build every preset on the meta device and check its count of parameters.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from bench.domain.model import Submodel
from bench.domain.task import Task, Trait
from bench.domain.values import Json, canonical
from bench.protocol.codec import to_json

RECIPE_VERSION = 2
"""Raised whenever the same preset and seed would give other bytes: what was written before is then another model."""

_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


class Vocabulary(StrEnum):
    """How a tokenizer's vocabulary is made."""

    BYTE_BPE = "byte-bpe"
    CLIP_BPE = "clip-bpe"
    WORDPIECE = "wordpiece"
    SENTENCE_BPE = "sentence-bpe"
    UNIGRAM = "unigram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The class that does a task. `saved_as` is the class whose weights are in the file, where the published one holds more.

    `parameters` counts the class and `stored_parameters` what is in the file; `source` is the published checkpoint with this head
    and `takes` what it is fed with, `submodels` are the parts that run in it. Where one is None it is the preset's own.
    """

    model_class: str
    saved_as: str | None = None
    parameters: int | None = None
    stored_parameters: int | None = None
    source: str | None = None
    takes: frozenset[Trait] | None = None
    submodels: tuple[Submodel, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSeries:
    """Tokens that are numbered: token k is `form` filled with `start + k * step` and has the id `first + k`."""

    form: str
    first: int
    count: int
    start: float = 0.0
    step: float = 1.0
    special: bool = True

    def tokens(self) -> Mapping[str, int]:
        """Give every token's id."""
        return {self.form.format(self.start + k * self.step): self.first + k for k in range(self.count)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A tokenizer: `special` and `series` give tokens their ids, `roles` says which is `pad_token`, `image_token` and so on.

    `vocab_size` counts all of them. `options` are the class's own. `pattern` is the regular expression that splits words, for a
    `tokenizer_class` that brings none of its own (`TokenizersBackend`).
    """

    kind: Vocabulary
    tokenizer_class: str
    vocab_size: int
    special: Mapping[str, int]
    roles: Mapping[str, str]
    model_max_length: int
    padding_side: str = "right"
    series: tuple[TokenSeries, ...] = ()
    options: Mapping[str, Json] = field(default_factory=dict)
    pattern: str | None = None

    def fixed(self) -> Mapping[str, int]:
        """Give the tokens whose ids the recipe names."""
        found = dict(self.special)
        for one in self.series:
            found.update(one.tokens())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRecipe:
    """A part of a processor that takes images, video or audio: its class, without the suffix of a backend, and its settings."""

    processor_class: str
    settings: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model that can be written as a checkpoint: true config, seeded random weights, complete processor.

    `source` is the published model it follows. `tasks` are in order, the first is the default; `parameters` counts the default
    task's class. `takes` is what the model can be fed with, and EXPERTS where it has some. `processor_class` joins tokenizer and
    media parts, `processor_options` are what it keeps beside them. `submodels` are the parts that can be measured by themselves.
    `max_shard_bytes` is the size at which a new file begins.
    """

    name: str
    family: str
    source: str
    tasks: Mapping[str, Head]
    parameters: int
    dtype: str
    takes: frozenset[Trait]
    config: Mapping[str, Json]
    submodels: tuple[Submodel, ...] = ()
    tokenizer: TokenizerRecipe | None = None
    image_processor: MediaRecipe | None = None
    video_processor: MediaRecipe | None = None
    feature_extractor: MediaRecipe | None = None
    processor_class: str | None = None
    processor_options: Mapping[str, Json] = field(default_factory=dict)
    chat_template: str | None = None
    generation: Mapping[str, Json] = field(default_factory=dict)
    max_shard_bytes: int = 50_000_000_000

    @property
    def default_task(self) -> str:
        """The task of a suite that names none."""
        return next(iter(self.tasks))

    def traits(self, task: Task) -> frozenset[Trait]:
        """Give the traits that select the axes of TASK on this model: the task's, and what its head takes besides.

        Where the task has none they are the model's own. Experts are the model's own whatever the task.
        """
        head = self.tasks.get(task.name)
        if head is not None and head.takes is not None:
            return task.traits | head.takes | (self.takes & {Trait.EXPERTS})
        return (task.traits or self.takes) | (self.takes & {Trait.EXPERTS})

    def count(self, task: str) -> int:
        """Give the number of parameters of TASK's class. Raises KeyError where the preset has no such task."""
        own = self.tasks[task].parameters
        return self.parameters if own is None else own

    def parts(self, task: str) -> tuple[Submodel, ...]:
        """Give the sub-models of TASK's class. Raises KeyError where the preset has no such task."""
        own = self.tasks[task].submodels
        return self.submodels if own is None else own

    def weight_bytes(self, task: str) -> int:
        """Give the bytes of the weights that are written for TASK, but for the files' headers and what buffers are stored.

        Raises KeyError where the preset has no such task.
        """
        stored = self.tasks[task].stored_parameters
        return (self.count(task) if stored is None else stored) * _BYTES[self.dtype]


def content(preset: Preset, task: str, seed: int = 0) -> str:
    """Give the hash that stands for what would be written for TASK with SEED: the whole recipe, but no names.

    Raises KeyError where the preset has no such task.
    """
    recipe = dict(cast("Mapping[str, Json]", to_json(preset)))
    for name in ("name", "source", "family", "parameters", "tasks", "takes", "submodels"):
        del recipe[name]
    chosen = preset.tasks[task]
    head: Mapping[str, Json] = {"model_class": chosen.model_class, "saved_as": chosen.saved_as}
    whole: Mapping[str, Json] = {"version": RECIPE_VERSION, "seed": seed, "head": head, "recipe": recipe}
    return hashlib.sha256(canonical(whole).encode()).hexdigest()
