"""Class a text."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="text-classification",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForSequenceClassification",),
    batch="sequences",
    heads=("ForSequenceClassification$",),
)


def raw(make: Maker) -> Raw:
    """Make one text an item."""
    return {"text": make.texts()}
