"""Answer a text about sound, token by token."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="audio-text-to-text",
    traits=frozenset({Trait.TEXT, Trait.AUDIO, Trait.GENERATES}),
    auto_classes=("AutoModelForMultimodalLM", "AutoModelForImageTextToText", "AutoModelForSeq2SeqLM"),
    batch="prompts, each with a clip of sound",
    heads=("^(Qwen2Audio|AudioFlamingo3|MusicFlamingo|Voxtral|GraniteSpeech)\\w*ForConditionalGeneration$",),
)


def raw(make: Maker) -> Raw:
    """Make one prompt an item with its sound, placeholders or the chat template around it."""
    return make.everything()
