"""Multimodal families at their published size on a GPU, in bfloat16: the suite that is shipped for them, with fewer calls.

It needs 20 GB of disk for checkpoints that are written once, and no network.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites/gpu/families.yaml"
FEW = "procedure: {trials: 1, warmup: 2, min_iterations: 3, min_seconds: 0, time_limit_s: 1800}"
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
    """Run the suite with few calls in one trial and give its rows as the JSON report has them."""
    folder = tmp_path_factory.mktemp("gpu")
    suite = folder / "families.yaml"
    suite.write_text(re.sub(r"procedure: \{.*\}", FEW, SUITE.read_text(encoding="utf-8")), encoding="utf-8")
    run = bench("run", suite, "--out", folder / "runs").splitlines()[-1]
    found: list[dict[str, Any]] = json.loads(bench("report", run, "--format", "json"))["rows"]
    return found


def bench(*words: object) -> str:
    command = [sys.executable, "-c", "from bench.cli import main; main()", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=7200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


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
