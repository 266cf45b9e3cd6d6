"""The commands that start a real worker."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Bench

pytestmark = pytest.mark.torch


def test_the_machine_is_described_for_people_and_programs(bench: Bench) -> None:
    from bench.cli.env import _show

    answer = bench("env", "--json")
    facts = json.loads(answer.out)
    assert answer.code == 0
    assert {"cpu", "python", "libraries", "torch_build", "noise"} <= facts.keys()
    assert {"torch", "transformers"} <= facts["libraries"].keys()
    _show(facts, "")


def test_a_preset_becomes_a_checkpoint(bench: Bench, tmp_path: Path) -> None:
    answer = bench("model", "tiny-gpt2", "--out", tmp_path / "mine")
    assert (answer.code, answer.out) == (0, f"{tmp_path / 'mine'}\n")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in (tmp_path / "mine").iterdir()}
    assert bench("model", "tiny-gpt2", "--out", tmp_path / "mine").code == 2
