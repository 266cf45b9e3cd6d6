"""Give every pixel of an image a class."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-segmentation",
    traits=frozenset({Trait.IMAGE}),
    auto_classes=(
        "AutoModelForSemanticSegmentation",
        "AutoModelForUniversalSegmentation",
        "AutoModelForInstanceSegmentation",
        "AutoModelForImageSegmentation",
    ),
    batch="images",
    heads=("For(Semantic|Universal|Instance|Image|Panoptic)?Segmentation$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item."""
    return make.media()
