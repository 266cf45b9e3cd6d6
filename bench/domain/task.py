"""What a task asks of a model: the Hub's name, what it takes, and the Auto classes that load its head."""

from dataclasses import dataclass
from enum import StrEnum


class Trait(StrEnum):
    """A property of a task or a model that decides which axes apply to it."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    GENERATES = "generates"
    EXPERTS = "experts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: `name` as on the Hub, the `traits` that select its axes, `auto_classes` to try in turn, `batch` in words.

    `batch` says what one unit of batch_size is, for reports and documentation.
    """

    name: str
    traits: frozenset[Trait]
    auto_classes: tuple[str, ...]
    batch: str
