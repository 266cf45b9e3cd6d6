"""Class every token of a text."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="token-classification",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForTokenClassification",),
    batch="sequences",
)
