"""Score every token of a text that has masked ones."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="fill-mask",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForMaskedLM",),
    batch="sequences",
)
