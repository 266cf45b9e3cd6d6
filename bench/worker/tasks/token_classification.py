"""Class every token of a text."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="token-classification",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForTokenClassification",),
    batch="sequences",
    heads=("ForTokenClassification$",),
)


def raw(make: Maker) -> Raw:
    """Make one text an item."""
    return {"text": make.texts()}
