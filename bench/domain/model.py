"""A model as a suite names it, and what is known of it before a weight is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.domain.outcome import Refusal
from bench.domain.task import Trait


class Kind(StrEnum):
    """How a suite names a model."""

    PRESET = "preset"
    PATH = "path"
    HUB = "hub"


class Submodel(StrEnum):
    """A part of a model that can be measured by itself."""

    VISION = "vision"
    AUDIO = "audio"
    TEXT = "text"
    LANGUAGE = "language"
    PROJECTOR = "projector"


STAGES_OF_MODULES = ("encode.vision", "encode.audio", "encode.text", "project", "fuse", "prefill.language", "head")
"""Stages of the ledger that modules of a model may be of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """A model as written in a suite.

    `name` is the string that cases carry: the preset's name, the path as written, or `org/name@revision`. `where` is what is
    looked up: the preset's name, the absolute path, or `org/name`. `task` None means the model's first. `model_type` is the family
    of a checkpoint whose config.json names none. With `submodel` that part of it is measured by itself. `parts` has patterns of
    modules by the stage of the ledger that they are of, where their names do not say it.
    """

    kind: Kind
    name: str
    where: str
    revision: str | None = None
    task: str | None = None
    allow_pickle: bool = False
    trust_remote_code: bool = False
    fresh_head: bool = False
    num_labels: int | None = None
    model_type: str | None = None
    submodel: Submodel | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLimit:
    """The longest sequence a model takes, in tokens, and the config key that says so.

    `counts_new` is set where generated tokens take positions of this limit, `counts_prompt` where the prompt does: a decoder alone
    counts both, an encoder with a decoder has a limit for each.
    """

    tokens: int
    key: str
    counts_new: bool
    counts_prompt: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model and task without torch and without reading weights.

    `content` is the hash that stands for the model in a case's id: equal content, equal id, whatever the path.
    `folder` is where the checkpoint lies, None for a preset that is not materialised yet. `commit` is a hub revision's.
    `traits` are those of the sub-model where the reference names one, and `around` then the whole model's.
    `refusals` are reasons why no case of it can run; `task` is empty where nothing says it, and then one of them does.
    `parameters` and `weight_bytes` are those of a preset's class, or what a folder's files store, floating buffers among it; None
    where nothing says them. `notes` has the `architecture`, the `model_type` and the `quantization` (empty: none), where they are
    known.
    """

    ref: ModelRef
    task: str
    content: str
    folder: str | None = None
    commit: str | None = None
    traits: frozenset[Trait] = frozenset()
    around: frozenset[Trait] = frozenset()
    limits: tuple[SequenceLimit, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    parameters: int | None = None
    weight_bytes: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
