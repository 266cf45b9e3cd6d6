"""Continue a text, token by token."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="text-generation",
    traits=frozenset({Trait.TEXT, Trait.GENERATES}),
    auto_classes=("AutoModelForCausalLM",),
    batch="sequences",
    heads=("(ForCausalLM|LMHeadModel)$",),
)


def raw(make: Maker) -> Raw:
    """Make one text an item."""
    return {"text": make.texts()}
