"""Class a sound."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="audio-classification",
    traits=frozenset({Trait.AUDIO}),
    auto_classes=("AutoModelForAudioClassification",),
    batch="clips of sound",
    heads=(
        "ForAudioClassification$",
        "^(Data2VecAudio|Hubert|SEW|SEWD|UniSpeech|UniSpeechSat|Wav2Vec2|Wav2Vec2Bert|Wav2Vec2Conformer|WavLM)ForSequenceClassification$",
    ),
)


def raw(make: Maker) -> Raw:
    """Make one clip of sound an item."""
    return make.media()
