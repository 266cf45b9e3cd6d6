"""Write down what is said."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="automatic-speech-recognition",
    traits=frozenset({Trait.AUDIO, Trait.GENERATES}),
    auto_classes=("AutoModelForSpeechSeq2Seq", "AutoModelForCTC"),
    batch="clips of sound",
    heads=(
        "^(Whisper|Speech2Text|Moonshine|MoonshineStreaming|CohereAsr|Canary)ForConditionalGeneration$",
        "ForSpeechToText$",
        "ForCTC$",
        "^SpeechEncoderDecoderModel$",
    ),
    one_pass=("ForCTC$",),
)


def raw(make: Maker) -> Raw:
    """Make one clip of sound an item."""
    return make.media()
