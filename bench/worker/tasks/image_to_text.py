"""Caption an image: freely, or on from a text."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-to-text",
    traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.GENERATES}),
    auto_classes=("AutoModelForImageTextToText",),
    batch="images, each with the beginning of its caption",
    heads=("^(Blip|Blip2)ForConditionalGeneration$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item and the beginning of its caption."""
    return make.everything()
