"""Class a clip."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="video-classification",
    traits=frozenset({Trait.VIDEO}),
    auto_classes=("AutoModelForVideoClassification",),
    batch="clips",
    heads=("ForVideoClassification$",),
)


def raw(make: Maker) -> Raw:
    """Make one clip an item."""
    return make.media()
