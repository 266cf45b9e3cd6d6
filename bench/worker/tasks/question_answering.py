"""Find the span of a context that answers a question."""

from bench.domain.task import Task, Trait
from bench.worker.inputs import Maker, Raw

QUESTION_TOKENS = 8

TASK = Task(
    name="question-answering",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForQuestionAnswering",),
    batch="pairs of question and context",
)


def raw(make: Maker) -> Raw:
    """Make one pair of question and context an item; both together are prompt_tokens long."""
    return {"text": make.texts(tokens=QUESTION_TOKENS), "text_pair": make.texts(salt=2)}
