"""Find the token that is masked in a text."""

from dataclasses import replace

from bench.domain.task import Task, Trait
from bench.worker.material import parts
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="fill-mask",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForMaskedLM",),
    batch="sequences",
    heads=("ForMaskedLM$",),
)


def raw(make: Maker) -> Raw:
    """Make one text an item with one token masked in its middle, beside its image where the model takes both only together.

    A tokenizer without a token for that leaves the text whole, and the record says so: there is then nothing to find.
    """
    hole = parts.mask_token(make.loaded)
    if not hole:
        make.facts["masked_tokens"] = 0
    return replace(make, hole=hole).everything()
