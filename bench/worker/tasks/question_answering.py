"""Find the span of a context that answers a question."""

from bench.domain.task import Task, Trait

TASK = Task(
    name="question-answering",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForQuestionAnswering",),
    batch="pairs of question and context",
)
