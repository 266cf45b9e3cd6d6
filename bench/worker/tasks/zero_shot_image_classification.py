"""Compare images with texts."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="zero-shot-image-classification",
    traits=frozenset({Trait.TEXT, Trait.IMAGE}),
    auto_classes=("AutoModelForZeroShotImageClassification",),
    batch="images, with as many texts",
)
