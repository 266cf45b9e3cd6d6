"""Class a text."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="text-classification",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForSequenceClassification",),
    batch="sequences",
)
