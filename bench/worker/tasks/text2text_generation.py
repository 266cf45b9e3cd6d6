"""Write a text that answers another: an encoder reads, a decoder writes."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="text2text-generation",
    traits=frozenset({Trait.TEXT, Trait.GENERATES}),
    auto_classes=("AutoModelForSeq2SeqLM",),
    batch="sequences",
    heads=("(ForConditionalGeneration|MarianMTModel|ForTextToText)$", "^EncoderDecoderModel$"),
)


def raw(make: Maker) -> Raw:
    """Make one text an item, for the encoder."""
    return make.everything()
