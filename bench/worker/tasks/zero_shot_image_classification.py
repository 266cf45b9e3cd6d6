"""Compare images with texts."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="zero-shot-image-classification",
    traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.MATCHES}),
    auto_classes=("AutoModelForZeroShotImageClassification",),
    batch="images, each with a text; of a matrix images or texts in one call of a tower",
    heads=("^(Align|AltCLIP|Blip|ChineseCLIP|CLIP|CLIPSeg|MetaClip2|Siglip|Siglip2|Tipsv2)Model$",),
)


def raw(make: Maker) -> Raw:
    """Make as many texts as images; every image is compared with every text."""
    return make.everything()
