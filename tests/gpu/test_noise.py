"""What the driver of a real NVIDIA GPU says of the trials on it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.workflow import read_records
from tests.support.shipped import bench

pytestmark = pytest.mark.gpu

SUITE = """
version: 1
name: noise
models: [{preset: tiny-bert, task: fill-mask}]
axes: {batch_size: [2]}
procedure: {trials: 2, warmup: 1, min_iterations: 5, max_iterations: 50, min_seconds: 0.2}
"""
TRIALS = 2
COMPANY = "import sys, torch; held = torch.ones(1, device='cuda'); print('here', flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def library_of_the_driver() -> None:
    pytest.importorskip("pynvml")


def noises(folder: Path) -> list[dict[str, Any]]:
    (folder / "x.yaml").write_text(SUITE)
    run = bench("run", folder / "x.yaml", "--out", folder / "runs").splitlines()[-1]
    records, _ = read_records([Path(run)])
    assert len(records) == TRIALS
    return [dict(record.noise) for record in records]


def test_clock_heat_and_limits_are_those_of_a_card(tmp_path: Path) -> None:
    for noise in noises(tmp_path):
        card = noise["gpu"]
        assert all(100 < clock < 4000 for clock in card["clock_mhz"])
        assert all(10 < degrees < 110 for degrees in card["temperature_c"])
        assert all(20 < watts < 2000 for watts in card["power_limit_w"])
        assert all(0 <= share <= 1.05 for share in card["slowed_share"].values()), card


def test_company_is_counted_beside_a_quiet_trial(tmp_path: Path) -> None:
    alone = [noise["gpu"]["other_processes"] for noise in noises(tmp_path)]
    with subprocess.Popen([sys.executable, "-c", COMPANY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        (tmp_path / "shared").mkdir()
        shared = noises(tmp_path / "shared")
        process.kill()
    assert [noise["gpu"]["other_processes"] for noise in shared] == [count + 1 for count in alone]
    assert all(any("on the GPU" in mark for mark in noise["marks"]) for noise in shared)
