"""`bench plan` and `bench check`: what a run would do."""

import json
from pathlib import Path

import pytest

from bench.cli.plan import duration
from tests.support.commands import Bench
from tests.support.suites import HEAD, a_file

TWO_MODELS = """version: 1
name: two
models: [tiny-gpt2, tiny-vit]
axes: {dtype: [float32], new_tokens: [4, 2000], batch_size: [1]}
"""


def test_a_plan_for_programs_has_cases_those_that_will_not_run_and_a_guess(tmp_path: Path, bench: Bench) -> None:
    answer = bench("plan", a_file(tmp_path, TWO_MODELS), "--json")
    assert answer.code == 0
    plan = json.loads(answer.out)
    assert plan.keys() == {"cases", "skipped", "expected_s"}
    assert [case.keys() for case in plan["cases"]] == [{"id", "label", "requested"}] * 2
    assert [case["label"] for case in plan["cases"]] == ["tiny-gpt2 dtype=float32 new_tokens=4", "tiny-vit dtype=float32"]
    (skipped,) = plan["skipped"]
    assert skipped["reason_code"] == "input_mismatch"
    assert "n_positions" in skipped["reason"]
    assert skipped["requested"]["new_tokens"] == 2000
    assert plan["expected_s"] > 0
    assert answer.err == "new_tokens does not apply to tiny-vit and was dropped: its 2 values give one case there\n"


def test_a_plan_for_people_says_the_same(tmp_path: Path, bench: Bench) -> None:
    lines = bench("plan", a_file(tmp_path, TWO_MODELS)).out.splitlines()
    assert lines[0] == "2 cases to run"
    assert lines[1].endswith("tiny-gpt2 dtype=float32 new_tokens=4")
    assert lines[3] == "1 cases will not run"
    assert lines[4].endswith("[input_mismatch]")
    assert lines[5].startswith("Remark: new_tokens does not apply to tiny-vit")
    assert lines[6].startswith("Expected duration: about ")


def test_reasons_that_many_cases_share_are_told_once(tmp_path: Path, bench: Bench) -> None:
    out = bench("plan", a_file(tmp_path, f"{HEAD}scenario: train-step\naxes: {{engine: [openvino], batch_size: [1, 2, 3]}}\n")).out
    assert "and 2 more: engine openvino in the scenario train-step is not measured in this version" in out
    assert "[not_in_version]" in out


def test_a_long_plan_is_cut_for_people_and_whole_for_programs(tmp_path: Path, bench: Bench) -> None:
    path = a_file(tmp_path, f"{HEAD}axes: {{batch_size: [{', '.join(map(str, range(1, 251)))}]}}\n")
    assert "  … and 50 more (--json lists all)" in bench("plan", path).out.splitlines()
    assert len(json.loads(bench("plan", path, "--json").out)["cases"]) == 250


def test_a_plan_of_models_of_unknown_size_has_no_guess(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import workflow

    monkeypatch.setattr(workflow, "expected_s", lambda _plan: None)
    path = a_file(tmp_path, HEAD)
    assert bench("plan", path).out.endswith("Expected duration: unknown\n")
    assert json.loads(bench("plan", path, "--json").out)["expected_s"] is None


def test_a_plan_may_be_of_a_part(tmp_path: Path, bench: Bench) -> None:
    path = a_file(tmp_path, f"{HEAD}axes: {{batch_size: [1, 2, 3, 4]}}\n")
    chosen = [
        [case["requested"]["batch_size"] for case in json.loads(bench("plan", path, "--json", *words).out)["cases"]]
        for words in (("--where", "batch_size=3"), ("--shard", "1/2"), ("--shard", "2/2"))
    ]
    assert chosen == [[3], [1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h"), (90_000, "25.0 h")],
)
def test_durations_are_in_words_that_are_exact_enough(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_suite_that_is_fine_is_said_to_be(tmp_path: Path, bench: Bench) -> None:
    path = a_file(tmp_path, TWO_MODELS)
    answer = bench("check", path)
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "Remark: new_tokens does not apply to tiny-vit and was dropped: its 2 values give one case there",
        f"{path}: fine, 2 cases to run, 1 will not run (bench plan says why)",
    ]
    assert bench("check", a_file(tmp_path, HEAD)).out == f"{tmp_path / 'x.yaml'}: fine, 1 cases to run\n"


def test_the_schema_is_printed_or_written(tmp_path: Path, bench: Bench) -> None:
    printed = bench("schema")
    assert json.loads(printed.out)["title"] == "A suite of bench"
    assert bench("schema", "--out", tmp_path / "schema.json").out == ""
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == printed.out


def test_presets_are_listed_for_people_and_programs(bench: Bench) -> None:
    rows = json.loads(bench("models", "--json").out)
    assert {"name", "family", "tasks", "parameters"} <= rows[0].keys()
    listed = bench("models").out.splitlines()
    assert [line.split()[0] for line in listed] == [row["name"] for row in rows]
    assert next(line for line in listed if line.startswith("tiny-gpt2 ")).endswith("(after openai-community/gpt2)")
