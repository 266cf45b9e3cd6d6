"""Environments as an axis: which interpreter a case gets, what is said where there is none, and that others go on."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import PlannedCase
from bench.domain.procedure import StartMethod
from bench.execution import environments, foreign
from bench.execution.carry_out import Place
from bench.execution.elsewhere import Elsewhere
from bench.execution.executors.local import Local
from bench.execution.executors.replay import Replay
from tests.support import stub_worker
from tests.support.cases import a_model, a_planned_case, a_suite

SAID = "WARNING: x\nERROR: No matching distribution found for nowhere\nnotice\n"


def a_case_in(environment: str, folder: Path, **lists: tuple[str, ...]) -> PlannedCase:
    suite = replace(a_suite(), file=str(folder / "x.yaml"), environments=lists)
    return PlannedCase(case=a_planned_case(environment=environment), model=a_model(), suite=suite)


def interpreter(environment: str, folder: Path, **lists: tuple[str, ...]) -> str | Refusal:
    return environments.interpreter_of(a_case_in(environment, folder, **lists), lambda _text: None)


def the_reason(found: object) -> str:
    assert isinstance(found, Refusal)
    assert found.reason_code is ReasonCode.NO_ENVIRONMENT
    return found.reason


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Sequence[str]]:
    """Note the commands that would build an environment, and the cache's folder of this test."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    ran: list[Sequence[str]] = []

    def run(command: Sequence[str], _folder: Path) -> None:
        ran.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)

    monkeypatch.setattr(environments, "_run", run)
    return ran


def test_this_is_the_running_interpreter(tmp_path: Path) -> None:
    assert interpreter("this", tmp_path) == sys.executable


def test_a_path_is_relative_to_the_suite_and_its_links_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "python").symlink_to(sys.executable)
    assert interpreter("venv/python", tmp_path) == str(tmp_path / "venv" / "python")
    assert interpreter("./venv/python", tmp_path) == str(tmp_path / "venv" / "python")


def test_a_path_without_an_interpreter_is_refused_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("", encoding="utf-8")
    assert the_reason(interpreter("./none", tmp_path)).endswith(f"there is no interpreter at {tmp_path / 'none'}")
    assert "there is no interpreter at" in the_reason(interpreter("./plain", tmp_path))
    assert "is a folder: name the interpreter in it" in the_reason(interpreter(f"{tmp_path}/", tmp_path))


def test_a_list_is_built_once_and_again_only_for_another_list(commands: list[Sequence[str]], tmp_path: Path) -> None:
    first = interpreter("old", tmp_path, old=("transformers==5.17.0",))
    assert [command[1:3] for command in commands] == [["-m", "venv"], ["-m", "pip"]]
    assert first == interpreter("renamed", tmp_path, renamed=("transformers==5.17.0",))
    assert len(commands) == 2
    assert first != interpreter("old", tmp_path, old=("transformers==5.18.0",))
    assert len(commands) == 4


def test_a_build_that_was_cut_off_is_begun_anew(commands: list[Sequence[str]], tmp_path: Path) -> None:
    python = interpreter("old", tmp_path, old=("torch",))
    (Path(str(python)).parents[1] / "complete").unlink()
    interpreter("old", tmp_path, old=("torch",))
    assert len(commands) == 4


def test_a_list_that_cannot_be_installed_is_refused_in_pips_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))

    def run(command: Sequence[str], _folder: Path) -> None:
        raise subprocess.CalledProcessError(1, command, "", SAID)

    monkeypatch.setattr(environments, "_run", run)
    reason = the_reason(interpreter("old", tmp_path, old=("nowhere",)))
    assert reason == "environment old: it could not be built: ERROR: No matching distribution found for nowhere"


def test_what_a_worker_needs_and_lacks_is_named() -> None:
    assert environments.lacking("old", ("torch", "transformers")) is None
    assert the_reason(environments.lacking("old", ("torch",))) == "environment old: transformers is not installed there"
    assert "torch and transformers are not" in the_reason(environments.lacking("old", ()))


def test_another_interpreter_sees_this_package_and_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/mine")
    assert foreign.search_path(sys.executable, {"A": "1"}) == {"A": "1"}
    shelf, mine = foreign.search_path("/other/python", {})["PYTHONPATH"].split(os.pathsep)
    assert mine == "/mine"
    assert [path.name for path in Path(shelf).iterdir()] == ["bench"]
    assert foreign.search_path("/other/python", {"PYTHONPATH": "/theirs"})["PYTHONPATH"] == f"{shelf}{os.pathsep}/theirs"


def test_one_environment_that_does_not_start_leaves_the_others_alone(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no torch here >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    stub = stub_worker.wrapper(tmp_path)
    elsewhere = Elsewhere(home=Local(), method=StartMethod.NURSERY, nurseries=1, tell=lambda _text: None)
    try:
        assert elsewhere(a_case_in("this", tmp_path)) is None
        assert the_reason(elsewhere(a_case_in("./broken", tmp_path))).endswith("did not start: no torch here")
        place = elsewhere(a_case_in("./python", tmp_path))
        assert isinstance(place, Place)
        assert isinstance(place.executor, Local)
        assert place.executor.python == stub
        assert elsewhere(a_case_in("./python", tmp_path)) is place
    finally:
        elsewhere.close()


def test_a_replay_is_of_every_environment(tmp_path: Path) -> None:
    elsewhere = Elsewhere(home=Replay([]), method=StartMethod.NURSERY, nurseries=1, tell=lambda _text: None)
    assert elsewhere(a_case_in("./none", tmp_path)) is None
