"""Which stage and which component modules are of: told by their names, by where they stand, and by the suite."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.task import Trait
from bench.worker.failures import Refused
from bench.worker.network import anatomy, names, submodels

TEXT, IMAGE, VIDEO, AUDIO, WRITES = Trait.TEXT, Trait.IMAGE, Trait.VIDEO, Trait.AUDIO, Trait.GENERATES


class Part:
    """A module as far as its stage is concerned: with weights or without, and other parts inside."""

    def __init__(self, *, weights: bool = True, **inner: "Part") -> None:
        self.weights = weights
        self.inner = inner
        vars(self).update(inner)

    def forward(self) -> None:
        raise NotImplementedError

    def parameters(self) -> Iterator[object]:
        if self.weights:
            yield object()

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Part"]]:
        yield prefix, self
        for name, part in self.inner.items():
            yield from part.named_modules(f"{prefix}.{name}".strip("."))


def a_model(base: str = "", *, encodes: bool = False, **inner: Any) -> Any:
    model = Part(**inner)
    vars(model).update(base_model_prefix=base, config=SimpleNamespace(is_encoder_decoder=encodes))
    return model


def stages(model: Any, *traits: Trait) -> dict[str, str]:
    stage = anatomy.stage_of(model, frozenset(traits))
    return {name: found for name, _ in model.named_modules() if (found := stage(name)) is not None}


def test_what_is_between_a_tower_and_the_language_model_is_no_part_of_the_prefill() -> None:
    model = a_model(vision_model=Part(), qformer=Part(), language_projection=Part(), language_model=Part(lm_head=Part()))
    assert stages(model, TEXT, IMAGE, WRITES) == {
        "vision_model": "encode.vision",
        "qformer": "project",
        "language_projection": "project",
        "language_model": "prefill.language",
        "language_model.lm_head": "head",
    }


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("video_tower", "encode.vision"),
        ("perceiver_resampler", "project"),
        ("modality_projection", "project"),
        ("image_to_text_projection", "project"),
        ("embed_audio", "project"),
        ("aligner", "project"),
        ("text_model", "prefill.language"),
        ("text_encoder", "encode.text"),
        ("vocab_projector", "head"),
    ],
)
def test_a_name_tells_its_stage_in_a_model_that_writes(name: str, stage: str) -> None:
    assert stages(a_model(**dict[str, Any]({name: Part()})), TEXT, IMAGE, VIDEO, AUDIO, WRITES) == {name: stage}


def test_what_stands_beside_the_base_model_and_has_weights_is_a_head() -> None:
    model = a_model("git", git=Part(image_encoder=Part()), output=Part(), loss=Part(weights=False))
    assert stages(model, TEXT, IMAGE, WRITES) == {"git": "prefill.language", "git.image_encoder": "encode.vision", "output": "head"}
    assert stages(a_model("transformer", transformer=Part(), logits_proj=Part()), TEXT) == {"logits_proj": "head"}


def test_the_encoder_of_a_model_that_takes_images_alone_sees() -> None:
    model = a_model(encodes=True, encoder=Part(), decoder=Part())
    assert stages(model, IMAGE, WRITES) == {"encoder": "encode.vision", "decoder": "prefill.language"}
    assert stages(model, TEXT, WRITES)["encoder"] == "encode.text"


def test_parts_that_the_suite_names_are_of_the_stage_it_says_with_all_below_them() -> None:
    model = a_model(eyes=Part(layer=Part()), bridge=Part(), language_model=Part())
    assert names.give(model, {"encode.vision": ("eyes",), "project": ("brid*",)}) == {
        "parts": {"encode.vision": ["eyes"], "project": ["bridge"]}
    }
    found = stages(model, TEXT, IMAGE, WRITES)
    assert (found["eyes"], found["eyes.layer"], found["bridge"]) == ("encode.vision", "encode.vision", "project")
    assert submodels.named(model, frozenset({TEXT, IMAGE, WRITES})) == ("vision", "language", "projector")


def test_a_pattern_that_names_no_full_name_names_the_end_of_one_and_the_innermost_counts() -> None:
    model = a_model(model=Part(tower=Part(out=Part())))
    names.give(model, {"encode.audio": ["tower"], "project": ["out"]})
    assert (names.said(model, "model.tower.conv"), names.said(model, "model.tower.out.weight")) == ("encode.audio", "project")
    assert names.said(model, "model") is None


def test_a_pattern_that_matches_no_module_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Refused, match=r'parts: project names "bridge", which matches no module of Part \(has: eyes …\)'):
        names.give(a_model(eyes=Part()), {"project": ["bridge"]})


def test_a_suite_that_names_nothing_leaves_the_model_as_it_is() -> None:
    model = a_model(eyes=Part())
    assert names.give(model, {}) == {}
    assert names.said(model, "eyes") is None
