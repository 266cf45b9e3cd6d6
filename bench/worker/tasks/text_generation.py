"""Continue a text, token by token."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="text-generation",
    traits=frozenset({Trait.TEXT, Trait.GENERATES}),
    auto_classes=("AutoModelForCausalLM",),
    batch="sequences",
)
