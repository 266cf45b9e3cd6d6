"""What training is told by an item of the user's own, task by task: a class, a text, or nothing where the item tells it itself."""

from collections.abc import Mapping
from enum import StrEnum

from bench.domain.data import FedStep
from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.values import Json


class Told(StrEnum):
    """What an item's label is."""

    CLASS = "the number of a class, or its name"
    TEXT = "a text"
    EITHER = "a text, or the number of a class"
    ITSELF = "left out, or a text"
    NOTHING = "left out"


_OF_TASKS: Mapping[str, Told] = {
    "audio-classification": Told.CLASS,
    "image-classification": Told.CLASS,
    "next-sentence-prediction": Told.CLASS,
    "text-classification": Told.CLASS,
    "video-classification": Told.CLASS,
    "question-answering": Told.EITHER,
    "visual-question-answering": Told.EITHER,
    "audio-text-to-text": Told.TEXT,
    "automatic-speech-recognition": Told.TEXT,
    "image-text-to-text": Told.TEXT,
    "image-to-text": Told.TEXT,
    "text2text-generation": Told.TEXT,
    "video-text-to-text": Told.TEXT,
    "fill-mask": Told.ITSELF,
    "text-generation": Told.ITSELF,
    "feature-extraction": Told.NOTHING,
    "image-text-retrieval": Told.NOTHING,
    "zero-shot-image-classification": Told.NOTHING,
}
"""Tasks whose labels are read. Texts teach themselves where their own tokens are predicted, pairs where they are told apart."""


def told_by(task: str) -> Told | None:
    """Give what an item's label is for TASK; None where this version reads none."""
    return _OF_TASKS.get(task)


def said_of(label: Json, task: str) -> str | None:
    """Say what is wrong with LABEL, None where the item has none, for TASK; None where nothing is."""
    told = told_by(task)
    if told is None or told is Told.NOTHING:
        return None
    if label is None:
        return None if told is Told.ITSELF else f"this item has no label or answer, which {task} is trained with: {told.value}"
    fits = isinstance(label, str) and bool(label.strip())
    if told is not Told.ITSELF:
        fits = fits or (isinstance(label, int | float) and not isinstance(label, bool))
    return None if fits else f"this item's label is not {told.value}, which {task} is trained with"


def check_labels(facts: ModelFacts, requested: Mapping[str, Json]) -> Refusal | None:
    """Refuse a step of training that is fed for a task whose labels are not read; None where there is nothing against it."""
    if requested.get("step") != FedStep.TRAIN or told_by(facts.task) is not None:
        return None
    reason = f"step train: no labels of items are read for {facts.task} in this version (docs/scenarios/data.md has the heads)"
    return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_VERSION)
