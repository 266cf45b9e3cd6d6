"""Class an image."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="image-classification",
    traits=frozenset({Trait.IMAGE}),
    auto_classes=("AutoModelForImageClassification",),
    batch="images",
)
