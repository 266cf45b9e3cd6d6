"""Parts of a model that are measured by themselves: what they take, and which ones a preset has."""

from dataclasses import replace

import pytest

from bench.domain.axes import BY_NAME
from bench.domain.errors import UsageError
from bench.domain.model import Kind, ModelFacts, ModelRef, Submodel
from bench.domain.task import Trait
from bench.models import facts, presets, submodels
from bench.models.preset import content
from bench.worker import tasks


def of(name: str, submodel: Submodel | None, task: str | None = None) -> ModelFacts:
    ref = ModelRef(kind=Kind.PRESET, name=name, where=name, task=task, submodel=submodel)
    return facts.find(ref, tasks.declared())


@pytest.mark.parametrize(
    ("name", "submodel", "takes"),
    [
        ("tiny-llava", Submodel.VISION, {Trait.IMAGE}),
        ("tiny-llava", Submodel.PROJECTOR, {Trait.IMAGE}),
        ("tiny-llava", Submodel.LANGUAGE, {Trait.TEXT, Trait.IMAGE}),
        ("tiny-clip", Submodel.TEXT, {Trait.TEXT}),
        ("tiny-whisper", Submodel.AUDIO, {Trait.AUDIO}),
        ("tiny-whisper", Submodel.LANGUAGE, {Trait.AUDIO}),
        ("tiny-videomae", Submodel.VISION, {Trait.VIDEO}),
        ("tiny-qwen3-moe", Submodel.LANGUAGE, {Trait.TEXT, Trait.EXPERTS}),
        ("tiny-lxmert", Submodel.VISION, set()),
    ],
)
def test_a_part_takes_what_reaches_it_and_generates_nothing(name: str, submodel: Submodel, takes: set[Trait]) -> None:
    found, whole = of(name, submodel), of(name, None)
    assert found.traits == takes
    assert (found.around, found.content, whole.around) == (whole.traits, whole.content, frozenset())


def test_axes_of_the_processor_and_of_the_whole_call_are_none_of_a_part() -> None:
    found = of("tiny-llava", Submodel.VISION)
    assert not submodels.uses(BY_NAME["media"], found)
    assert submodels.uses(BY_NAME["image_size"], found)
    assert submodels.uses(BY_NAME["media"], of("tiny-llava", None))


def test_images_of_a_matrix_are_none_of_a_tower() -> None:
    assert submodels.uses(BY_NAME["images"], of("tiny-llava", Submodel.VISION))
    assert not submodels.uses(BY_NAME["images"], of("tiny-clip", Submodel.VISION, "image-text-retrieval"))


@pytest.mark.parametrize(
    ("name", "task", "submodel", "said"),
    [
        ("tiny-gpt2", None, Submodel.VISION, 'preset "tiny-gpt2" has no submodel "vision" (has: language)'),
        ("tiny-llava", None, Submodel.AUDIO, '"tiny-llava" has no submodel "audio" (has: vision, language, projector)'),
        ("tiny-vit", "feature-extraction", Submodel.VISION, 'has no submodel "vision" (has: none beside the whole)'),
        ("tiny-blip", "image-text-retrieval", Submodel.LANGUAGE, 'has no submodel "language" (has: vision, text)'),
    ],
)
def test_a_part_that_a_preset_lacks_is_refused_with_those_it_has(
    name: str, task: str | None, submodel: Submodel, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        of(name, submodel, task)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_names_its_parts_once_and_its_small_one_has_the_same(name: str) -> None:
    preset = presets.find(name)
    for task in preset.tasks:
        parts = preset.parts(task)
        assert len(set(parts)) == len(parts)
        assert list(parts) == [one for one in Submodel if one in parts]
        twins = [presets.find(other) for other in presets.names() if presets.find(other).family == preset.family]
        assert all(twin.parts(task) == parts for twin in twins if task in twin.tasks)


def test_which_parts_a_preset_has_is_no_content_of_its_checkpoint() -> None:
    preset = presets.find("tiny-llava")
    assert content(replace(preset, submodels=()), preset.default_task) == content(preset, preset.default_task)
