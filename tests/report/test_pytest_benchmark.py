import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.summarize import summarize
from bench.domain.errors import UsageError
from bench.domain.record import Record
from bench.report.formats import Material, pytest_benchmark
from tests.support.builders import SLOWER, a_case, a_mixed_run, a_record, generation


def rendered(*records: Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pytest_benchmark.render(Material(summary=summarize(records), records=records)))
    return found


def test_pytest_benchmark_s_own_compare_reads_it(tmp_path: Path) -> None:
    files = []
    for name, factor in (("0001_base.json", 1.0), ("0002_head.json", 1.5)):
        records = [generation(a_case(batch_size=2), trial, factor * slower) for trial, slower in enumerate(SLOWER)]
        (tmp_path / name).write_text(pytest_benchmark.render(Material(summary=summarize(records), records=records)))
        files.append(tmp_path / name)
    command = Path(sys.executable).with_name("pytest-benchmark")
    done = subprocess.run([command, "compare", *files, "--columns=median,rounds"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tiny-gpt2 batch_size=2 forward" in done.stdout
    assert "0002_he" in done.stdout


def test_a_benchmark_is_a_case_and_a_step_with_all_rounds_of_all_trials() -> None:
    answer = rendered(*(generation(a_case(), trial) for trial in range(3)))
    by_name = {one["name"]: one for one in answer["benchmarks"]}
    forward = by_name["tiny-gpt2 forward"]
    assert forward["stats"]["rounds"] == 30
    assert forward["stats"]["median"] == pytest.approx(0.00303)
    assert forward["extra_info"]["bench"]["rounds"] == [10, 10, 10]
    assert forward["group"] == "forward"
    assert {"tiny-gpt2 e2e", "tiny-gpt2 ttft_model", "tiny-gpt2 processor"} <= by_name.keys()
    assert not any("load" in name or "ledger" in name for name in by_name)


def test_only_finished_trials_are_in_it() -> None:
    names = [one["name"] for one in rendered(*a_mixed_run())["benchmarks"]]
    assert any(name.startswith("tiny-bert") for name in names)
    assert rendered()["benchmarks"] == []
    assert rendered()["datetime"] == ""


def test_a_file_holds_one_run() -> None:
    with pytest.raises(UsageError, match="holds one run, and these are 2"):
        rendered(a_record(), a_record(run="other"))


def test_without_pytest_benchmark_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest_benchmark.stats", None)  # importing it fails
    assert isinstance(pytest_benchmark, ModuleType)
    with pytest.raises(UsageError, match=r"pip install 'transformers-bench\[test\]'"):
        rendered()
