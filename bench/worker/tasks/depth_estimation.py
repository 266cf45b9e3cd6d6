"""Tell how far every pixel of an image is."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="depth-estimation",
    traits=frozenset({Trait.IMAGE}),
    auto_classes=("AutoModelForDepthEstimation",),
    batch="images",
    heads=("ForDepthEstimation$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item."""
    return make.media()
