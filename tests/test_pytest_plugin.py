"""The pytest plugin in projects of its own: real models, real pytest-benchmark, each project a pytest process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.store import imports, jsonl

PROJECT = """
import os
import pytest

@pytest.fixture(autouse=True)
def planted(monkeypatch):
    if "PLANTED" in os.environ:
        import time, torch
        plain = torch.nn.LayerNorm.forward
        def slow(*args):
            time.sleep(0.1)
            return plain(*args)
        monkeypatch.setattr(torch.nn.LayerNorm, "forward", slow)

def test_forward(bench_model):
    import torch
    before = torch.get_num_threads(), torch.initial_seed()
    found = bench_model(model="tiny-bert", threads=1, prompt_tokens=16, rounds=7)
    assert found.observed["threads"] == 1 and found.observed["realised_prompt_tokens"] == 16
    assert found.output.logits.shape[1] == 16
    assert (torch.get_num_threads(), torch.initial_seed()) == before
"""
OTHERS = """
import pytest

def test_no_step(bench_model):
    bench_model(model="tiny-bert", step="ttft")

def test_no_axis(bench_model):
    bench_model(model="tiny-bert", batchsize=3)

def test_no_device(bench_model):
    bench_model(model="tiny-bert", device="cuda:7")

def test_no_class(bench_model):
    bench_model(model="tiny-mamba2", attention="sdpa")

def test_no_mark(bench_result):
    pass

@pytest.mark.bench_case(model="tiny-bert", threads=1, trials=1, warmup=1, min_iterations=3, min_seconds=0.01)
def test_marked(bench_result):
    assert 0 < bench_result.value("forward") < 60
    assert [record.trial for record in bench_result.records] == [0]
    bench_result.value("forwrd")

@pytest.mark.bench_case(model="tiny-bert", device="cuda:7", trials=1)
def test_marked_without_device():
    pass
"""


@dataclass(frozen=True)
class Session:
    folder: Path
    code: int
    out: str


def session(folder: Path, *words: str, **environment: str) -> Session:
    # A session of its own: pytest-benchmark measures nothing in what it takes for a part of a parallel one.
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *words],
        cwd=folder, env={**outer, "COLUMNS": "400", **environment}, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return Session(folder, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A project's tests, with their benchmarks saved and the records of marked tests kept."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_speed.py").write_text(PROJECT, encoding="utf-8")
    (folder / "test_others.py").write_text(OTHERS, encoding="utf-8")
    words = ("--benchmark-json=all.json", "--benchmark-storage=kept", "--benchmark-save=base", "--bench-out=records")
    return session(folder, *words)


@pytest.mark.torch
def test_a_step_is_a_benchmark_that_says_what_it_was_made_of(first: Session) -> None:
    assert "PASSED test_speed.py::test_forward" in first.out
    (one,) = json.loads((first.folder / "all.json").read_text(encoding="utf-8"))["benchmarks"]
    assert (one["group"], len(one["stats"]["data"]), one["stats"]["iterations"]) == ("forward", 7, 1)
    about = one["extra_info"]["bench"]
    assert about["case"]["requested"]["prompt_tokens"] == 16
    assert about["observed"]["model_class"] == "BertForMaskedLM"
    assert about["environment"]["libraries"]["torch"]


@pytest.mark.torch
def test_its_file_is_read_as_a_record_with_and_without_rounds(first: Session) -> None:
    saved = next((first.folder / "kept").rglob("*base.json"))
    for path, values in ((first.folder / "all.json", 7), (saved, 1)):
        (record,) = imports.find("pytest-benchmark").read(path, "run")
        assert (record.case.requested["model"], record.observed["threads"]) == ("tiny-bert", 1)
        assert [len(some.values) for some in record.samples] == [values]


@pytest.mark.torch
@pytest.mark.parametrize(
    "said",
    [
        "FAILED test_others.py::test_no_step - Failed: tiny-bert has no step 'ttft' with a time of its own",
        'FAILED test_others.py::test_no_axis - Failed: key "batchsize" is not known',
        "FAILED test_others.py::test_no_class - Failed: unsupported: attention sdpa: Mamba2ForCausalLM has no sdpa",
        "ERROR test_others.py::test_no_mark - Failed: mark the test: @pytest.mark.bench_case(model=",
        "FAILED test_others.py::test_marked - bench.domain.errors.UsageError: tiny-bert threads=1 has no metric 'forwrd'",
    ],
)
def test_what_is_wrong_or_was_not_got_fails_with_the_reason(first: Session, said: str) -> None:
    assert said in first.out
    assert "During handling" not in first.out


@pytest.mark.torch
def test_what_the_machine_lacks_skips_with_the_reason(first: Session) -> None:
    skipped = [line for line in first.out.splitlines() if line.startswith("SKIPPED")]
    assert len(skipped) == 2
    assert all("cuda:7" in line for line in skipped)


@pytest.mark.torch
def test_marked_tests_leave_records_of_their_trials(first: Session) -> None:
    paths = sorted((first.folder / "records").glob(f"*/{jsonl.FILE}"))
    records = [item for path in paths for item in jsonl.read(path) if not isinstance(item, str)]
    assert [record.outcome.value for record in records] == ["finished", "unsupported"]
    assert all(record.suite.file.startswith("test_others.py::test_marked") for record in records)


@pytest.mark.torch
def test_a_slower_model_step_fails_pytest_benchmarks_own_comparison(first: Session) -> None:
    words = ("test_speed.py", "--benchmark-storage=kept", "--benchmark-compare", "--benchmark-compare-fail=median:300%")
    slower = session(first.folder, *words, PLANTED="1")
    assert slower.code != 0
    assert "Performance has regressed" in slower.out


def test_a_project_without_model_tests_waits_for_no_library_of_ours(tmp_path: Path) -> None:
    heavy = ("torch", "transformers", "numpy", "pandas", "scipy", "pydantic", "rich", "click", "bench.workflow")
    text = f"import sys\ndef test_plain():\n    assert [name for name in {heavy!r} if name in sys.modules] == []\n"
    (tmp_path / "test_plain.py").write_text(text, encoding="utf-8")
    done = session(tmp_path, "-p", "no:benchmark")
    assert done.code == 0, done.out


def test_without_pytest_benchmark_the_fixture_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_speed.py").write_text("def test_speed(bench_model):\n    bench_model(model='tiny-bert')\n", encoding="utf-8")
    done = session(tmp_path, "-p", "no:benchmark")
    assert "bench_model times by pytest-benchmark, which is not installed or turned off" in done.out
    assert done.code == 1
