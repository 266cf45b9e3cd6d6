"""Answer a text about a clip, token by token."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="video-text-to-text",
    traits=frozenset({Trait.TEXT, Trait.VIDEO, Trait.GENERATES}),
    auto_classes=("AutoModelForImageTextToText", "AutoModelForMultimodalLM"),
    batch="prompts, each with a clip",
    heads=("^(LlavaNextVideo|VideoLlava|VideoLlama3|InstructBlipVideo)ForConditionalGeneration$",),
)


def raw(make: Maker) -> Raw:
    """Make one prompt an item with its clip, placeholders or the chat template around it."""
    return make.everything()
