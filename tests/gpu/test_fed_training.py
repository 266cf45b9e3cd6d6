"""Steps of training that a loader feeds on a GPU, from page-locked memory."""

import json
from pathlib import Path

import pytest

from tests.support.items import lines
from tests.support.shipped import bench

pytestmark = pytest.mark.gpu

SUITE = """
version: 1
name: fed
scenario: data
models: [{preset: tiny-bert, task: text-classification}]
data: {file: items.jsonl, step: train}
axes: {batch_size: [4], workers: [0, 2], pin_memory: [true]}
procedure: {trials: 1, warmup: 1, min_iterations: 5, max_iterations: 5, min_seconds: 0}
"""


def test_page_locked_batches_train_on_the_device(tmp_path: Path) -> None:
    lines(tmp_path, *({"text": f"a cat {number} on the mat", "label": number % 2} for number in range(16)))
    (tmp_path / "x.yaml").write_text(SUITE)
    run = bench("run", tmp_path / "x.yaml", "--out", tmp_path / "runs").splitlines()[-1]
    rows = json.loads(bench("report", run, "--format", "json"))["rows"]
    assert len(rows) == 2
    for row in rows:
        seen = row["case"]["observed"]
        assert row["outcome"] == "finished", row["reason"]
        assert (seen["step"], seen["pin_memory"]) == ("train", True)
        assert str(seen["device"]).startswith("cuda")
        times = {part: row["metrics"][f"train.{part}"]["value"] for part in ("forward", "backward", "optimizer", "step")}
        assert sum(times.values()) - times["step"] == pytest.approx(times["step"], rel=0.15), times
