"""Score every token of a text. No token is masked: the work is the same, and the answer means nothing with random weights."""

from bench.domain.task import Task, Trait
from bench.worker.making import Maker, Raw

TASK = Task(
    name="fill-mask",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForMaskedLM",),
    batch="sequences",
    heads=("ForMaskedLM$",),
)


def raw(make: Maker) -> Raw:
    """Make one text an item, with its image where the model takes both only together."""
    return make.everything()
