"""Find the span of a context that answers a question."""

from bench.domain.task import Task, Trait
from bench.worker.material import beside
from bench.worker.material.making import Maker, Raw

QUESTION_TOKENS = 8

TASK = Task(
    name="question-answering",
    traits=frozenset({Trait.TEXT}),
    auto_classes=("AutoModelForQuestionAnswering",),
    batch="pairs of question and context",
    heads=("ForQuestionAnswering$",),
)


def raw(make: Maker) -> Raw:
    """Make one pair of question and context an item; both together are prompt_tokens long.

    Where the context is an image, as regions that are found in it, the question alone is.
    """
    if "visual_feats" in beside.taken(make.loaded.model):
        return {"text": make.texts()}
    questions = make.texts(tokens=QUESTION_TOKENS)
    return {"text": questions, "text_pair": make.texts(salt=2, after=questions)}
