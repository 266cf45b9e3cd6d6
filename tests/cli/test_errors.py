"""What goes wrong: one line each on standard error, a stable exit code, no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bench import cli, workflow
from bench.domain.errors import CannotWriteError, WorkerError
from tests.planning.test_problems_of_suites import EVERY
from tests.support.commands import Bench
from tests.support.suites import HEAD, a_file


@pytest.mark.parametrize("what", sorted(EVERY))
def test_every_problem_of_a_suite_is_a_line_and_exit_2(what: str, tmp_path: Path, bench: Bench) -> None:
    text, line, sentence = EVERY[what]
    path = a_file(tmp_path, text)
    answer = bench("check", path)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"{path}:{line}: ")
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("name", ["check", "plan", "run"])
def test_the_commands_that_read_suites_tell_the_same_problems(name: str, tmp_path: Path, bench: Bench) -> None:
    path = a_file(tmp_path, f"{HEAD}axes:\n  dtype: [float33]\n  quantization: [nf5]\nprocedur: {{}}\n")
    answer = bench(name, path)
    assert answer.code == 2
    assert [line.split(":")[1] for line in answer.err.splitlines()] == ["5", "6", "7"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rnu",), "there is no command 'rnu' (knows: run, plan, check"),
        (("rnu",), 'Did you mean "run"?'),
        (("zzzz",), "there is no command 'zzzz'"),
        (("--fast",), "No such option"),
        (("plan", "--fast", "x.yaml"), "No such option"),
        (("plan",), "Missing argument"),
        (("plan", "nothing.yaml"), "nothing.yaml: the suite cannot be read: No such file or directory"),
        (("run", "suites/quickstart.yaml", "--shard", "3/2"), "write i/n with i from 1 to n"),
        (("run", "suites/quickstart.yaml", "--where", "color=red"), 'axis "color" is not known'),
        (("plan", "suites/quickstart.yaml", "--where", "model=gpt3"), "no case is left"),
        (("report", "nowhere"), "there is no such run directory or file"),
        (("model", "tiny-gtp2", "--out", "x"), 'preset "tiny-gtp2" is not known'),
        (("model", "tiny-bert", "--task", "dance", "--out", "x"), 'preset "tiny-bert" has no task "dance"'),
        (("model", "tiny-bert", "--out", "bench"), "bench is not an empty folder"),
        (("schema", "--out", "nowhere/at/all.json"), "cannot be written: No such file or directory"),
    ],
)
def test_what_a_command_cannot_take_is_exit_2(words: tuple[str, ...], said: str, bench: Bench) -> None:
    answer = bench(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_no_command_at_all_shows_the_help(bench: Bench) -> None:
    answer = bench()
    assert answer.code == 2
    assert "Commands:" in answer.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (KeyboardInterrupt("and what is next"), 130, "interrupted; and what is next\n"),
        (click.Abort(), 130, "interrupted\n"),
        (WorkerError("no worker"), 3, "no worker\n"),
        (CannotWriteError("the disk is full"), 3, "the disk is full\n"),
        (ZeroDivisionError("oh"), 3, "bench failed unexpectedly: ZeroDivisionError: oh. BENCH_DEBUG=1 shows where\n"),
        (click.exceptions.Exit(7), 7, ""),
    ],
)
def test_every_failure_has_its_exit_code(
    error: BaseException, code: int, said: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(workflow, "suite_schema", fail)
    answer = bench("schema")
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_the_traceback_is_shown_to_who_asks_for_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(workflow, "suite_schema", fail)
    monkeypatch.setenv("BENCH_DEBUG", "1")
    assert "Traceback (most recent call last)" in bench("schema").err


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    done = subprocess.run(  # noqa: S602 -- a pipe is what is tried
        f"{sys.executable} -c 'from bench.cli import main; main()' schema | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{", "")


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_end_is_an_interrupt(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end() -> None:
        os.kill(os.getpid(), number)

    before = {one: signal.getsignal(one) for one in ENDINGS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    monkeypatch.setattr(workflow, "suite_schema", end)
    monkeypatch.setattr(sys, "argv", ["bench", "schema"])
    try:
        with pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        after = {one: signal.getsignal(one) for one in ENDINGS}
        for one, handler in before.items():
            signal.signal(one, handler)
    assert left.value.code == 130
    assert set(after.values()) == {signal.SIG_IGN}, "another signal on the way out changes the exit code"
    assert "interrupted" in capsys.readouterr().err


def test_a_command_that_hang_ups_were_not_to_reach_goes_on() -> None:
    code = (
        "import os, signal, sys; from bench import cli, workflow; sys.argv = ['bench', 'schema']; "
        "workflow.suite_schema = lambda: os.kill(os.getpid(), signal.SIGHUP) or 1; cli.main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(["nohup", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "interrupted" not in done.stderr
