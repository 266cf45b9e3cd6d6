"""Embed: the model without a head, fed with whatever it takes."""

from bench.domain.task import Task
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="feature-extraction",
    traits=frozenset(),
    auto_classes=("AutoModel",),
    batch="items of what the model takes",
    heads=("Model$", "ForContrastiveLearning$"),
)


def raw(make: Maker) -> Raw:
    """Make whatever the model takes."""
    return make.everything()
