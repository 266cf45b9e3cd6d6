"""Score every token of a text that has masked ones."""

from bench.domain.task import Task, Trait
from bench.worker.inputs import Maker, Raw

TASK = Task(
    name="fill-mask",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForMaskedLM",),
    batch="sequences",
)


def raw(make: Maker) -> Raw:
    """Make one text an item."""
    return {"text": make.texts()}
