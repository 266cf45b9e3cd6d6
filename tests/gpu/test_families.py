"""Multimodal families at their published size on a GPU, in bfloat16: the suite that is shipped for them, with fewer calls.

It needs 20 GB of disk for checkpoints that are written once, and no network.
"""

from typing import Any

import pytest

from tests.support.shipped import rows_of

pytestmark = pytest.mark.gpu

LARGEST_RESIDUAL = 0.02
GENERATED = {"processor", "h2d", "prefill.language", "decode", "head", "detokenize"}
STAGES = {
    "qwen2-vl-2b": GENERATED | {"encode.vision", "project"},
    "llava-1.5-7b": GENERATED | {"encode.vision", "project"},
    "whisper-base": GENERATED | {"encode.audio"},
    "videomae-base": {"processor", "h2d", "forward", "head", "post"},
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return rows_of("gpu/families.yaml", tmp_path_factory.mktemp("gpu"))


def test_every_case_finishes_as_it_was_asked_for(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        case = row["case"]
        assert row["outcome"] == "finished", (case["label"], row["reason"])
        assert (case["observed"]["dtype"], case["observed"]["device"]) == ("bfloat16", "cuda"), case["label"]
        assert row["metrics"]["memory.device_allocated_peak"]["value"] >= row["metrics"]["params.bytes"]["value"], case["label"]


def test_stages_sum_to_the_whole_within_two_per_cent(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        ledger, label = row["ledger"], row["case"]["label"]
        stages = {one["stage"]: one["value"] for one in ledger["stages"]}
        assert sum(stages.values()) + ledger["residual"] == pytest.approx(ledger["end_to_end"], rel=1e-6), label
        assert abs(ledger["residual"]) <= LARGEST_RESIDUAL * ledger["end_to_end"], (label, stages, ledger["residual"])


def test_every_stage_of_a_family_takes_time(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        requested = row["case"]["requested"]
        expected = {"encode.vision"} if "submodel" in requested else STAGES[requested["model"]]
        stages = {one["stage"]: one["value"] for one in row["ledger"]["stages"]}
        assert expected <= {name for name, seconds in stages.items() if seconds > 0}, (row["case"]["label"], stages)


def of_llava(rows: list[dict[str, Any]], *, alone: bool) -> dict[str, Any]:
    every = ((row, row["case"]["requested"]) for row in rows)
    return next(row for row, asked in every if asked["model"] == "llava-1.5-7b" and ("submodel" in asked) is alone)


def test_a_tower_by_itself_holds_its_own_weights_alone(rows: list[dict[str, Any]]) -> None:
    whole, tower = (of_llava(rows, alone=alone) for alone in (False, True))
    size = tower["metrics"]["params.bytes"]["value"]
    assert size < whole["metrics"]["params.bytes"]["value"] / 10
    assert tower["metrics"]["memory.device_allocated_peak"]["value"] < whole["metrics"]["params.bytes"]["value"] / 4
