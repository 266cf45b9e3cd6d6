"""Preset files: each has the form of a recipe and is of a piece, and what it stands for does not depend on its name."""

import dataclasses
import json
from importlib import resources

import pytest

from bench.domain.errors import UsageError
from bench.domain.task import Task, Trait
from bench.models import presets
from bench.models.preset import Preset, TokenSeries, content
from bench.protocol.codec import CodecError, from_json
from bench.worker import tasks

NAMED = (
    "gpt2", "llama-3.2-1b", "qwen3-0.6b", "bert-base", "t5-small", "bart-base", "vit-base", "clip-vit-base-patch32",
    "blip-vqa-base", "llava-1.5-7b", "qwen2-vl-2b", "florence-2-base", "phi-4-multimodal", "qwen3-omni", "bridgetower-base",
    "lxmert-base", "whisper-tiny", "whisper-base", "videomae-base",
    "tiny-gpt2", "tiny-llama", "tiny-gemma2", "tiny-qwen3", "tiny-qwen3-moe", "tiny-mamba2", "tiny-bert", "tiny-t5",
    "tiny-bart", "tiny-vit", "tiny-clip", "tiny-blip", "tiny-llava", "tiny-qwen2-vl", "tiny-florence-2",
    "tiny-phi-4-multimodal", "tiny-qwen3-omni", "tiny-bridgetower", "tiny-lxmert", "tiny-whisper", "tiny-videomae",
)  # fmt: skip
LIMITS = ("max_position_embeddings", "n_positions", "max_source_positions", "max_target_positions", "num_frames", "sliding_window")
PIXELS = ("image_size", "patch_size", "num_position_embeddings", "temporal_patch_size", "spatial_merge_size")


def a_task(name: str, *traits: Trait) -> Task:
    return Task(name=name, traits=frozenset(traits), auto_classes=(), batch="items")


def test_every_preset_of_the_contract_is_there() -> None:
    assert set(NAMED) <= set(presets.names())


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_file_is_of_a_piece(name: str) -> None:
    preset = presets.find(name)
    assert preset.default_task == next(iter(preset.tasks))
    assert all(preset.count(task) > 0 and preset.weight_bytes(task) > 0 for task in preset.tasks)
    assert "model_type" in preset.config
    assert preset.processor_class is None or preset.tokenizer is not None


def test_every_task_of_a_preset_is_one_that_there_is() -> None:
    known = tasks.names()
    assert [(name, task) for name in presets.names() for task in presets.find(name).tasks if task not in known] == []


@pytest.mark.parametrize("name", [name for name in presets.names() if presets.find(name).tokenizer is not None])
def test_fixed_tokens_of_a_preset_have_places_in_its_vocabulary(name: str) -> None:
    recipe = presets.find(name).tokenizer
    assert recipe is not None
    fixed = recipe.fixed()
    assert len(set(fixed.values())) == len(fixed) == len(recipe.special) + sum(series.count for series in recipe.series)
    assert 0 <= min(fixed.values()) <= max(fixed.values()) < recipe.vocab_size
    assert set(recipe.roles.values()) <= set(recipe.special)
    assert not name.startswith("tiny-") or recipe.vocab_size <= 1000


@pytest.mark.parametrize("name", [name for name in presets.names() if not name.startswith("tiny-")])
def test_a_small_preset_is_the_published_one_but_for_its_widths(name: str) -> None:
    preset = presets.find(name)
    small = [presets.find(other) for other in presets.names() if other.startswith("tiny-")]
    twins = [other for other in small if other.source == preset.source or other.family == preset.family]
    assert twins
    for twin in twins:
        assert {task: (head.model_class, head.saved_as) for task, head in twin.tasks.items()} == {
            task: (head.model_class, head.saved_as) for task, head in preset.tasks.items()
        }
        assert twin.processor_class == preset.processor_class
        assert twin.tokenizer is None or preset.tokenizer is None or twin.tokenizer.kind is preset.tokenizer.kind
        assert _limits(twin.config) == _limits(preset.config)


def _limits(config: object) -> object:
    """Give what a configuration says of lengths and pixels, at any depth."""
    if not isinstance(config, dict):
        return None
    inner = {key: _limits(value) for key, value in config.items() if isinstance(value, dict) and key != "rope_parameters"}
    return {key: value for key, value in config.items() if key in (*LIMITS, *PIXELS)} | inner


def test_a_series_numbers_its_tokens_and_their_ids() -> None:
    series = TokenSeries(form="<|{:.2f}|>", first=7, count=3, step=0.02)
    assert series.tokens() == {"<|0.00|>": 7, "<|0.02|>": 8, "<|0.04|>": 9}


def test_a_series_can_count_down() -> None:
    series = TokenSeries(form="<extra_id_{:.0f}>", first=10, count=2, start=1, step=-1)
    assert series.tokens() == {"<extra_id_1>": 10, "<extra_id_0>": 11}


def test_what_a_preset_stands_for_does_not_depend_on_its_name_or_on_what_is_said_of_it() -> None:
    preset = presets.find("tiny-gpt2")
    other = dataclasses.replace(preset, name="mine", source="elsewhere", family="other", parameters=1, takes=frozenset())
    assert content(preset, "text-generation") == content(other, "text-generation")


@pytest.mark.parametrize(
    "changed",
    [
        lambda preset: content(preset, "fill-mask", seed=1),
        lambda preset: content(preset, "text-classification"),
        lambda preset: content(dataclasses.replace(preset, dtype="bfloat16"), "fill-mask"),
        lambda preset: content(dataclasses.replace(preset, config={**preset.config, "num_hidden_layers": 3}), "fill-mask"),
        lambda preset: content(dataclasses.replace(preset, chat_template="{{ x }}"), "fill-mask"),
    ],
)
def test_what_a_preset_stands_for_depends_on_all_that_is_written(changed: object) -> None:
    preset = presets.find("tiny-bert")
    assert callable(changed)
    assert changed(preset) != content(preset, "fill-mask")


def test_the_bytes_to_write_are_those_of_the_class_in_the_file() -> None:
    preset = presets.find("bert-base")
    assert preset.weight_bytes("fill-mask") == 4 * 110_106_428
    assert preset.weight_bytes("feature-extraction") == 4 * 109_482_240


def test_the_task_decides_the_traits_and_the_model_only_where_the_task_has_none() -> None:
    clip = presets.find("tiny-clip")
    assert clip.traits(a_task("image-classification", Trait.IMAGE)) == {Trait.IMAGE}
    assert clip.traits(a_task("feature-extraction")) == {Trait.TEXT, Trait.IMAGE}


def test_experts_belong_to_the_model_whatever_the_task() -> None:
    moe = presets.find("tiny-qwen3-moe")
    assert moe.traits(a_task("text-generation", Trait.TEXT, Trait.GENERATES)) == {Trait.TEXT, Trait.GENERATES, Trait.EXPERTS}


def test_a_head_can_take_more_than_its_task_says() -> None:
    bridgetower = presets.find("tiny-bridgetower")
    assert bridgetower.traits(a_task("fill-mask", Trait.TEXT)) == {Trait.TEXT, Trait.IMAGE}
    assert bridgetower.traits(a_task("feature-extraction")) == {Trait.TEXT, Trait.IMAGE, Trait.MATCHES}


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError, match='Did you mean "tiny-gpt2"'):
        presets.find("tiny-gtp2")


def test_a_field_that_no_recipe_has_is_refused() -> None:
    text = resources.files("bench.models.presets").joinpath("tiny-vit.json").read_text(encoding="utf-8")
    with pytest.raises(CodecError, match="unknown field 'colour'"):
        from_json(Preset, {"name": "tiny-vit", **json.loads(text), "colour": "red"})
