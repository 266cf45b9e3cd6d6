"""Help: light, complete, and with examples that are commands."""

import importlib
import re
import shlex
import subprocess
import sys

import click
import pytest

from bench import __version__, cli
from tests.support.commands import Bench

HEAVY = {"torch", "transformers", "pydantic", "pandas", "rich", "numpy", "scipy"}


def command(name: str) -> click.Command:
    found: click.Command = importlib.import_module(f"bench.cli.{name}").command
    return found


def loaded_by(*words: str) -> set[str]:
    """Give the packages that a fresh interpreter has loaded once `bench WORDS` has run."""
    code = (
        "import sys; from bench import cli; sys.argv = ['bench', *sys.argv[1:]]; code = cli._run(); "
        "print('\\n'.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("run", "--help"), ("report", "-h"), ("models",)])
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not HEAVY & loaded_by(*words)


@pytest.mark.parametrize("words", [("plan",), ("check",)])
def test_a_plan_imports_no_torch(words: tuple[str, ...]) -> None:
    assert not {"torch", "transformers", "pandas", "numpy", "scipy", "rich"} & loaded_by(*words, "suites/quickstart.yaml")


def test_the_help_lists_every_command_and_the_exit_codes(bench: Bench) -> None:
    answer = bench("--help")
    assert answer.code == 0
    assert all(re.search(rf"^  {name}\s", answer.out, re.MULTILINE) for name in cli.COMMANDS)
    assert "130 interrupted" in answer.out


def test_the_version_is_the_package_s(bench: Bench) -> None:
    assert bench("--version").out == f"bench, version {__version__}\n"


def test_python_runs_the_package_as_the_command_does() -> None:
    answers = {
        words: subprocess.run([sys.executable, "-m", "bench", *words], capture_output=True, text=True, check=False)
        for words in (("--version",), ("plan", "no-such-suite.yaml"))
    }
    assert answers["--version",].stdout == f"bench, version {__version__}\n"
    refused = answers["plan", "no-such-suite.yaml"]
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("no-such-suite.yaml: ")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_usage_and_two_examples_that_parse(name: str, bench: Bench) -> None:
    answer = bench(name, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: bench {name} ")
    examples = re.findall(rf"^\s+bench ({name}\b.*)$", answer.out, re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example)[1:]
        command(name).make_context(name, words)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_option_of_every_command_has_help(name: str) -> None:
    options = [one for one in command(name).params if isinstance(one, click.Option)]
    assert [one.opts for one in options if not one.help] == []


def test_the_examples_of_the_whole_parse(bench: Bench) -> None:
    examples = re.findall(r"^\s+bench (\w+) (.*)$", bench("--help").out, re.MULTILINE)
    assert len(examples) >= 2
    for name, rest in examples:
        command(name).make_context(name, shlex.split(rest))
