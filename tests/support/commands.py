"""The command line, called as the console script calls it, in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import cli


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> Path:
        """The run's directory: the last line on standard output."""
        return Path(self.out.rstrip("\n").split("\n")[-1])

    @property
    def records(self) -> list[str]:
        """The lines of the run's records."""
        return (self.run / "records.jsonl").read_text(encoding="utf-8").splitlines()


Bench = Callable[..., Answer]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    monkeypatch.delenv("BENCH_DEBUG", raising=False)

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        capsys.readouterr()
        code = cli._run()
        said = capsys.readouterr()
        return Answer(int(code), said.out, said.err)

    return call
