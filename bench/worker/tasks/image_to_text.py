"""Caption an image: freely, or on from a text."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-to-text",
    traits=frozenset({Trait.TEXT, Trait.TEXT_OPTIONAL, Trait.IMAGE, Trait.GENERATES}),
    auto_classes=("AutoModelForImageTextToText",),
    batch="images, each with the beginning of its caption where there is one",
    heads=("^(Blip|Blip2)ForConditionalGeneration$", "^VisionEncoderDecoderModel$"),
    unprompted=("^VisionEncoderDecoderModel$",),
)


def raw(make: Maker) -> Raw:
    """Make one image an item and the beginning of its caption, unless the case or the model wants none."""
    return make.wordless() if make.requested.get("prompt_tokens") == 0 else make.everything()
