"""Tell how well images and texts belong together."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-text-retrieval",
    traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.MATCHES}),
    auto_classes=("AutoModelForZeroShotImageClassification",),
    batch="pairs of image and text; of a dual encoder's matrix images or texts in one call of a tower",
    heads=("For(ImageText|ImageAndText)Retrieval$", "ForContrastiveLearning$"),
)


def raw(make: Maker) -> Raw:
    """Make one image and one text an item; a dual encoder compares every image with every text."""
    return make.everything()
