"""What a task asks of a model: the Hub's name, what it takes, and the Auto classes that load its head."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Trait(StrEnum):
    """A property of a task or a model that decides which axes apply to it."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    GENERATES = "generates"
    MATCHES = "matches"
    EXPERTS = "experts"
    TEXT_OPTIONAL = "text-optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: `name` as on the Hub, the `traits` that select its axes, `auto_classes` to try in turn, `batch` in words.

    `batch` says what one unit of batch_size is, for reports and documentation. `heads` are patterns of the class names that do the
    task, searched in what a checkpoint says of itself: where it names no task, the longest match of all tasks decides. `one_pass`
    are patterns of those that answer with one forward pass, in a task that others of its classes generate for; `unprompted` of
    those that take no text, in a task that others of its classes take one in.
    """

    name: str
    traits: frozenset[Trait]
    auto_classes: tuple[str, ...]
    batch: str
    heads: tuple[str, ...] = ()
    one_pass: tuple[str, ...] = ()
    unprompted: tuple[str, ...] = ()

    def traits_of(self, class_name: str) -> frozenset[Trait]:
        """Give the task's traits on the class CLASS_NAME."""
        answers_at_once = any(re.search(pattern, class_name) for pattern in self.one_pass)
        reads_nothing = any(re.search(pattern, class_name) for pattern in self.unprompted)
        without = {Trait.GENERATES} if answers_at_once else set()
        return self.traits - (without | {Trait.TEXT, Trait.TEXT_OPTIONAL} if reads_nothing else without)
