"""`bench ab` from the command line, its workers real processes."""

import json
import sys
from pathlib import Path

import pytest

from bench.store import jsonl
from tests.support.commands import Bench

SUITE = """
version: 1
name: pairs
models: [tiny-gpt2]
axes: {prompt_tokens: [8], new_tokens: [2], threads: [1]}
procedure: {warmup: 1, min_iterations: 3, max_iterations: 3, min_seconds: 0, start_method: spawn}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.yaml"
    path.write_text(SUITE)
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "base and head are the same"),
        (("--self", "--head-env", "A=1"), "--self measures one environment as both sides"),
        (("--head-env", "A"), "--head-env 'A': write NAME=VALUE"),
        (("--head-set", "attention"), "--head-set 'attention': write axis=value"),
        (("--head-set", "attntion=eager"), 'Did you mean "attention"'),
        (("--head", "/nowhere/python"), "/nowhere/python cannot be started"),
    ],
)
def test_sides_that_make_no_sense_are_told_in_a_line(bench: Bench, suite: Path, options: tuple[str, ...], said: str) -> None:
    answer = bench("ab", suite, *options, "--out", suite.parent / "runs")
    assert answer.code in {2, 3}
    assert said in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err


def test_a_scenario_that_has_no_turns_is_refused_and_not_run_one_after_the_other(bench: Bench, suite: Path) -> None:
    suite.write_text(f"{SUITE}scenario: endurance\nendurance: {{steps: 100}}\n")
    answer = bench("ab", suite, "--self", "--out", suite.parent / "runs")
    assert answer.code == 2
    assert "scenario endurance is not made of calls that two sides could make in turn" in answer.err
    assert not (suite.parent / "runs").exists()


@pytest.mark.torch
def test_two_settings_of_an_axis_are_measured_in_turn(bench: Bench, suite: Path, tmp_path: Path) -> None:
    words = ("--base-set", "attention=eager", "--head-set", "attention=sdpa", "--head-env", "ONLY_HEAD=1", "--budget", "0.001")
    answer = bench("ab", suite, "--base", sys.executable, *words, "--json", "--out", tmp_path / "runs")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert {row["verdict"] for row in told["rows"] if row["metric"] == "forward"} == {"inconclusive"}
    sides = {path.name.rsplit("-", 1)[1]: list(jsonl.read(path / "records.jsonl")) for path in (tmp_path / "runs").iterdir()}
    ((base,), (head,)) = sides["base"], sides["head"]
    assert not isinstance(base, str)
    assert not isinstance(head, str)
    assert (base.observed["attention"], head.observed["attention"]) == ("eager", "sdpa")
    assert base.paired is not None
    assert head.paired is not None
    assert head.paired.base_case == base.case.id != head.case.id
    assert (base.paired.began, head.paired.began) == (True, False)
    assert [record.environment["set_variables"] for record in (base, head)] == [{}, {"ONLY_HEAD": "1"}]
    counts = [
        {(some.phase, some.metric.name): len(some.values) for some in record.samples if some.phase.startswith("measure.")}
        for record in (base, head)
    ]
    assert counts[0] == counts[1]
    again = bench("compare", *sorted((tmp_path / "runs").iterdir(), key=lambda path: path.name[-4:]), "--json")
    assert json.loads(again.out)["rows"] == told["rows"]
