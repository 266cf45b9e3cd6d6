"""docs/regression.md: its workflow's steps run as a runner would run them, and its tests in pytest."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from bench.planning import tree
from tests.support.replays import an_answer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/regression.md").read_text(encoding="utf-8")
FENCES: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def workflow() -> Mapping[str, Any]:
    text = next(body for kind, body in FENCES if kind == "yaml" and body.startswith("name: regression"))
    problems: list[tuple[int, str]] = []
    root = tree.read(text, lambda line, what: problems.append((line, what)))
    assert root is not None
    assert problems == []
    found = tree.plain(root.value)
    assert isinstance(found, dict)
    return found


def steps(job: str) -> dict[str, Mapping[str, Any]]:
    return {one["name"]: one for one in workflow()["jobs"][job]["steps"] if "run" in one}


@dataclass
class Runner:
    """A runner's machine: bash as the workflow asks for it, its files, and stand-ins for pip and for the worker."""

    folder: Path

    def __post_init__(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        replayed = f'set -- "$@" --executor replay:{self.folder / "events.jsonl"}'
        self.tool("pip", "exit 0")
        self.tool("bench", f'[ "$1" = run ] && {replayed}\nexec {sys.executable} -c "from bench.cli import main; main()" "$@"')
        (self.folder / "suites").mkdir()
        (self.folder / "suites/regression.yaml").write_bytes((ROOT / "suites/regression.yaml").read_bytes())
        self.measures(1.0)

    def tool(self, name: str, script: str) -> None:
        path = self.folder / "tools" / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def measures(self, times: float) -> None:
        """Let the next run measure canned times, multiplied by TIMES."""

        def longer(match: "re.Match[str]") -> str:
            return f'"values":[{",".join(repr(float(value) * times) for value in match[1].split(","))}]'

        quiet = re.sub(r'"(run_delay|foreign_cpu|steal)_share":[0-9.]+', r'"\1_share":0.0', an_answer())
        lines = [re.sub(r'"values":\[([^\]]*)\]', longer, line) if '"unit":"s"' in line else line for line in quiet.splitlines()]
        (self.folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def __call__(self, step: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
        assert workflow()["defaults"] == {"run": {"shell": "bash"}}  # which runners call as below
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("runner"))


def test_the_steps_measure_find_no_baseline_keep_one_and_then_fail_on_a_regression_only(runner: Runner) -> None:
    named = steps("saved")
    for name in ("Install", "Measure", "Find the baseline"):
        done = runner(named[name])
        assert done.returncode == 0, (name, done.stderr)
    assert runner.read("output") == "found=no\n"
    assert "No baseline of this machine yet" in runner.read("summary.md")
    assert runner(named["Keep as baseline"]).returncode == 0

    for name in ("Measure", "Find the baseline", "Compare"):
        done = runner(named[name])
        assert done.returncode == 0, (name, done.stderr)
    assert runner.read("output").endswith("found=yes\n")
    assert "Gate: passed" in runner.read("summary.md")

    runner.measures(3.0)
    assert runner(named["Measure"]).returncode == 0
    done = runner(named["Compare"])
    assert done.returncode == 1, done.stderr
    assert "gate failed" in done.stderr
    assert "Gate: failed" in runner.read("summary.md")
    assert "memory.host_peak gated, margin 5 %" in runner.read("summary.md")


def test_a_run_that_fails_and_a_comparison_that_cannot_be_made_end_the_job(runner: Runner) -> None:
    named = steps("saved")
    events = runner.folder / "events.jsonl"
    events.write_text("no event\n", encoding="utf-8")
    assert runner(named["Measure"]).returncode == 2
    (runner.folder / "run.txt").write_text("nowhere\n", encoding="utf-8")
    done = runner(named["Find the baseline"])
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_every_bench_command_of_the_page_is_one_that_there_is() -> None:
    lines = re.sub(r"\\\n\s*", "", "\n".join(step["run"] for job in workflow()["jobs"] for step in steps(job).values()))
    called = re.findall(r"(?m)(?:^|[ /])bench ((?:env|run|compare|baseline|ab)\b[^|>\n;]*)", lines)
    assert len(called) >= 6
    for text in called:
        words = shlex.split(text)
        command: click.Command = importlib.import_module(f"bench.cli.{words[0]}").command
        command.make_context(words[0], words[1:], resilient_parsing=False).close()


def test_conditions_are_the_only_expressions_beside_the_two_that_runners_fill_in() -> None:
    assert set(EXPRESSION.findall(PAGE)) == {"${{ github.run_id }}", "${{ github.event.pull_request.base.sha }}"}
    assert all(not EXPRESSION.search(step["run"]) for job in workflow()["jobs"] for step in steps(job).values())


def test_the_suite_and_the_gate_section_of_the_page_are_fine(tmp_path: Path) -> None:
    from bench import workflow as ways

    (gate,) = (body for kind, body in FENCES if kind == "yaml" and body.startswith("gate:"))
    path = tmp_path / "suite.yaml"
    path.write_text(f"version: 1\nname: page\nmodels: [tiny-bert]\n{gate}", encoding="utf-8")
    for suite in (path, ROOT / "suites/regression.yaml"):
        assert ways.draw_up(ways.read_suites([suite])).cases


def test_the_tests_of_the_page_are_python_that_uses_the_plugins_names() -> None:
    bodies = [body for kind, body in FENCES if kind == "python"]
    for body in bodies:
        compile(body, "docs/regression.md", "exec")
    assert "bench_model(" in bodies[0]
    assert "@pytest.mark.bench_case(" in bodies[1]
    assert "bench_result" in bodies[1]
