"""Answer a question about an image, token by token."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="visual-question-answering",
    traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.GENERATES}),
    auto_classes=("AutoModelForVisualQuestionAnswering", "AutoModelForImageTextToText"),
    batch="pairs of image and question",
    heads=("^(Blip|Vilt)ForQuestionAnswering$", "ForVisualQuestionAnswering$"),
    one_pass=("^ViltForQuestionAnswering$",),
)


def raw(make: Maker) -> Raw:
    """Make one image and one question an item."""
    return make.everything()
