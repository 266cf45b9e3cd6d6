"""Tell whether one sentence follows another."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

FIRST_TOKENS = 8

TASK = Task(
    name="next-sentence-prediction",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForNextSentencePrediction",),
    batch="pairs of sentences",
    heads=("ForNextSentencePrediction$",),
)


def raw(make: Maker) -> Raw:
    """Make one pair of sentences an item; both together are prompt_tokens long."""
    first = make.texts(tokens=FIRST_TOKENS)
    return {"text": first, "text_pair": make.texts(salt=2, after=first)}
