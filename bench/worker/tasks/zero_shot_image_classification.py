"""Compare images with texts."""

from bench.domain.task import Task, Trait
from bench.worker.inputs import Maker, Raw

TASK = Task(
    name="zero-shot-image-classification",
    traits=frozenset({Trait.TEXT, Trait.IMAGE}),
    auto_classes=("AutoModelForZeroShotImageClassification",),
    batch="images, with as many texts",
)


def raw(make: Maker) -> Raw:
    """Make as many texts as images; every image is compared with every text."""
    return {"images": make.images(), "text": make.texts()}
