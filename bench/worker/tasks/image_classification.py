"""Class an image."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-classification",
    traits=frozenset({Trait.IMAGE}),
    auto_classes=("AutoModelForImageClassification",),
    batch="images",
    heads=("ForImageClassification(WithTeacher)?$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item."""
    return make.media()
