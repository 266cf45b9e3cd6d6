import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.summarize import summarize
from bench.domain.errors import RecordsError, UsageError
from bench.domain.summary import TrialsEnd
from bench.report.formats import Material, pytest_benchmark
from bench.store import imports
from tests.support.builders import SLOWER, a_case, generation

READ = imports.find("pytest-benchmark").read
FOREIGN: dict[str, Any] = {
    "machine_info": {
        "machine": "x86_64", "system": "Linux", "release": "6.1", "python_version": "3.11.9",
        "cpu": {"brand_raw": "Example CPU", "count": 2},
    },
    "commit_info": {"id": "abc123", "dirty": True},
    "benchmarks": [
        {"fullname": "tests/test_x.py::test_a[8]", "name": "test_a[8]", "params": {"size": 8}, "extra_info": {}, "stats":
            {"median": 0.002, "data": [0.001, 0.002, 0.003]}},
        {"fullname": "tests/test_x.py::test_b", "params": None, "stats": {"median": 0.5}},
    ],
    "datetime": "2026-11-25T10:00:00+00:00",
    "version": "5.3.1",
}  # fmt: skip


def a_file(folder: Path, form: object) -> Path:
    path = folder / "results.json"
    path.write_text(form if isinstance(form, str) else json.dumps(form), encoding="utf-8")
    return path


def test_a_benchmark_is_a_case_and_its_process_a_trial(tmp_path: Path) -> None:
    first, second = READ(a_file(tmp_path, FOREIGN), "run")
    assert (first.run, first.case.label, first.trial) == ("run", "tests/test_x.py::test_a[8]", 0)
    assert first.case.requested["param.size"] == 8
    assert first.samples[0].values == (0.001, 0.002, 0.003)
    assert first.samples[0].metric.definition == "pytest_benchmark.v1"
    assert (first.suite.name, first.suite.commit, first.started_at) == ("results", "abc123+", FOREIGN["datetime"])
    assert (first.environment["cpu"], first.environment["cores_logical"]) == ("Example CPU", 2)
    assert second.samples[0].values == (0.5,)
    assert (first.notes, second.notes) == ((), ("the file has no rounds: their median is the only sample",))
    assert first.case.id != second.case.id
    assert {(row.planned, row.trials_stopped_by) for row in summarize((first, second)).rows} == {(1, TrialsEnd.COUNT)}


def test_a_file_that_knows_nothing_of_machine_and_commit_is_read_too(tmp_path: Path) -> None:
    bare = {"benchmarks": [{"fullname": "a", "stats": {"median": 1}}], "machine_info": {"cpu": None}, "commit_info": {}}
    [record] = READ(a_file(tmp_path, bare), "run")
    assert record.suite.commit is None
    assert record.environment["cpu"] is None


def test_our_own_export_gives_the_trials_back(tmp_path: Path) -> None:
    records = [generation(a_case(batch_size=size), trial, slower) for size in (1, 2) for trial, slower in enumerate(SLOWER)]
    text = pytest_benchmark.render(Material(summary=summarize(records), records=records))
    back = READ(a_file(tmp_path, text), "again")
    assert {(one.case.id, one.trial) for one in back} == {(one.case.id, one.trial) for one in records}
    ours, theirs = (
        {(row.case.id, name): row.metrics[name].each for row in summarize(some).rows for name in ("forward", "e2e", "tpot")}
        for some in (records, tuple(back))
    )
    assert theirs == {key: pytest.approx(values) for key, values in ours.items()}
    assert {one.suite.name for one in back} == {"two-models"}
    assert {one.environment["imported"] for one in back} == {"pytest-benchmark"}
    assert {row.planned for row in summarize(back).rows} == {len(SLOWER)}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "has no list of benchmarks"),
        ({"benchmarks": {}}, "has no list of benchmarks"),
        ({"benchmarks": []}, "results.json: its list of benchmarks is empty: there is nothing to import"),
        (
            {"benchmarks": [{"fullname": "t.py::a", "stats": {"data": [1, math.nan]}}]},
            r"results.json: benchmark 0 \(t.py::a\) is not .*: expected a finite number, found nan",
        ),
        ({"benchmarks": [{"fullname": "a", "stats": {"median": 10**400}}]}, "benchmark 0 .*: expected a finite number, found 1000"),
        ({"benchmarks": [{"fullname": "a", "params": {"x": math.inf}, "stats": {"median": 1}}]}, r"benchmark 0 \(a\) is not"),
        (
            {"benchmarks": [{"fullname": "a", "stats": {"median": 1}}], "machine_info": {"machine": math.nan}},
            "its machine_info is not",
        ),
        ({"benchmarks": [3]}, "benchmark 0 is not of pytest-benchmark's form: expected an object, found 3"),
        ({"benchmarks": [{"fullname": "a"}]}, "benchmark 0 .*: 'stats' is missing"),
        ({"benchmarks": [{"fullname": "a", "stats": {"median": True}}]}, "expected a number, found true"),
        ({"benchmarks": [{"fullname": "a", "stats": {"data": 3}}]}, "expected an array, found 3"),
        (
            {"benchmarks": [{"fullname": "a", "stats": {"data": [1]}, "extra_info": {"bench": {
                "case": {"id": "a", "label": "a", "requested": {}}, "rounds": [2],
                "metric": {"name": "a", "unit": "s", "better": "lower", "definition": "a.v1"},
            }}}]},
            "the trials have 2 rounds, the data 1",
        ),
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_told_by_place(form: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=said):
        READ(a_file(tmp_path, form), "run")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="cannot be read"):
        READ(tmp_path / "none.json", "run")


def test_an_unknown_tool_names_those_that_there_are() -> None:
    assert "pytest-benchmark" in imports.names()
    with pytest.raises(UsageError, match=r'"pytest-bench".*|Did you mean "pytest-benchmark"'):
        imports.find("pytest-bench")
    with pytest.raises(UsageError, match=r"tool 'zzz' is not known \(knows: pytest-benchmark\)\.$"):
        imports.find("zzz")
