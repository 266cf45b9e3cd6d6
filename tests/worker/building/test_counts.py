"""Parameters of every preset: as its file says, and for published models as they are published. Nothing is allocated for it."""

from pathlib import Path
from typing import Any

import pytest

from bench.models import presets
from tests.support.published import PUBLISHED
from tests.support.versions import needs_transformers

pytestmark = pytest.mark.torch
COUNTED = needs_transformers("its VideoMAE has biases of keys, which the published one has not")


@COUNTED
def test_every_preset_has_the_parameters_that_its_file_says(plain: tuple[Path, Any]) -> None:
    counts = plain[1]["counts"]
    said = {f"{name}/{task}": presets.find(name).count(task) for name in presets.names() for task in presets.find(name).tasks}
    assert {key: own for key, (own, _) in counts.items()} == said


@COUNTED
def test_every_preset_stores_the_bytes_that_its_file_says(plain: tuple[Path, Any]) -> None:
    size = {"float32": 4, "bfloat16": 2, "float16": 2}
    for key, (_, stored) in plain[1]["counts"].items():
        name, task = key.split("/")
        preset = presets.find(name)
        assert preset.weight_bytes(task) == stored * size[preset.dtype], key


@COUNTED
@pytest.mark.parametrize(("name", "task"), PUBLISHED)
def test_a_preset_of_published_size_has_the_published_parameters(plain: tuple[Path, Any], name: str, task: str) -> None:
    assert plain[1]["counts"][f"{name}/{task}"][0] == PUBLISHED[name, task].parameters


def test_every_preset_of_published_size_is_in_the_table_of_published_numbers() -> None:
    assert {name for name in presets.names() if not name.startswith("tiny-")} == {name for name, _ in PUBLISHED}


def test_the_weights_in_bert_s_file_are_as_many_as_in_the_published_one(plain: tuple[Path, Any]) -> None:
    assert plain[1]["counts"]["bert-base/fill-mask"][1] == 110_106_428


def test_presets_named_tiny_have_less_than_five_million_parameters(plain: tuple[Path, Any]) -> None:
    tiny = {key: own for key, (own, _) in plain[1]["counts"].items() if key.startswith("tiny-")}
    assert tiny
    assert max(tiny.values()) < 5_000_000
