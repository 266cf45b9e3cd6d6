"""Embed: the model without a head, fed with whatever it takes."""

from bench.domain.task import Task

TASK = Task(
    name="feature-extraction",
    traits=frozenset(),
    auto_classes=("AutoModel",),
    batch="items of what the model takes",
)
