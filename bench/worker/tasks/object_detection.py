"""Find objects in an image."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="object-detection",
    traits=frozenset({Trait.IMAGE}),
    auto_classes=("AutoModelForObjectDetection",),
    batch="images",
    heads=("^(?!Owl|GroundingDino|OmDet)\\w*ForObjectDetection$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item."""
    return make.media()
