"""What a checkpoint does and takes, told by its config and the processors that lie beside it."""

import difflib
import re
from collections.abc import Iterable, Mapping

from bench.domain.outcome import ReasonCode
from bench.domain.task import Task, Trait
from bench.models.checkpoint import Checkpoint, Section, sections
from bench.models.documents import shown
from bench.models.refused import RefusedError, UnknownTaskError
from bench.models.renamed import renamed_task

EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
"""Config keys that count experts."""

ALWAYS_SEES = frozenset({"bridgetower", "vilt"})
"""Families that take an image with every text, whatever the head."""

COMPARES = frozenset({"BridgeTowerForContrastiveLearning"})
"""Classes whose features are compared, though nothing but their name tells."""

OF_VIDEO = ("VideoMAE", "Vivit", "Tvlt")
"""Beginnings of the names of image processors that take clips."""


def choose_task(name: str, choices: Iterable[str], tasks: Mapping[str, Task], whose: str) -> Task:
    """Give the task NAME, one of CHOICES, from TASKS. Raises UnknownTaskError, which says what WHOSE choices are."""
    choices = tuple(choices)
    if name in choices and name not in tasks:
        raise UnknownTaskError(f"task {shown(name)} of {whose} is not known to this version (knows: {', '.join(tasks)})")
    if name not in choices:
        near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
        other = renamed_task(name)
        hint = f". {other}" if other else f'. Did you mean "{near[0]}"?' if near else ""
        raise UnknownTaskError(f"{whose} has no task {shown(name)} (has: {', '.join(choices)}){hint}")
    return tasks[name]


def infer_task(architecture: str, tasks: Mapping[str, Task]) -> Task:
    """Give the task whose pattern matches the most of the class name ARCHITECTURE.

    Raises RefusedError where none matches.
    """
    matches = ((re.search(pattern, architecture), task) for task in tasks.values() for pattern in task.heads)
    found = [(len(match.group()), task) for match, task in matches if match is not None]
    if not found:
        seen = f"its config.json names {shown(architecture)}" if architecture else "its config.json names no architecture"
        raise RefusedError(
            f"no task is known for the checkpoint: {seen}. Say `task:` on the model in the suite", ReasonCode.NO_TASK
        )
    return max(found, key=lambda pair: pair[0])[1]


def of_checkpoint(checkpoint: Checkpoint, task: Task | None) -> frozenset[Trait]:
    """Give the traits that select axes: the task's, or where it has none what the checkpoint takes; and those of its config."""
    own = task.traits_of(checkpoint.architecture) if task is not None and task.traits else taken(checkpoint)
    seen = taken(checkpoint) if checkpoint.model_type in ALWAYS_SEES else frozenset()
    matches = frozenset({Trait.MATCHES}) if checkpoint.architecture in COMPARES else frozenset()
    return own | seen | matches | of_config(checkpoint.config)


def taken(checkpoint: Checkpoint) -> frozenset[Trait]:
    """Give what the parts of CHECKPOINT's processor take."""
    clips = _takes_clips(checkpoint.image_processor)
    here = {
        Trait.TEXT: checkpoint.has_tokenizer,
        Trait.IMAGE: checkpoint.image_processor is not None and not clips,
        Trait.VIDEO: checkpoint.video_processor is not None or clips,
        Trait.AUDIO: checkpoint.feature_extractor is not None,
    }
    return frozenset(trait for trait, found in here.items() if found)


def of_config(config: Section) -> frozenset[Trait]:
    """Give EXPERTS where a part of CONFIG is a mixture of several."""
    counts = (section.whole(key) for section in sections(config) for key in EXPERTS)
    return frozenset({Trait.EXPERTS}) if any(count is not None and count[1] > 1 for count in counts) else frozenset()


def _takes_clips(processor: Section | None) -> bool:
    if processor is None:
        return False
    kind = processor.text("image_processor_type") or processor.text("feature_extractor_type")
    return kind.startswith(OF_VIDEO)
