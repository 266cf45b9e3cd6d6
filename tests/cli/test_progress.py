"""How a run goes: lines where nobody watches, a bar where somebody does. Both on standard error."""

import io
import sys
from dataclasses import replace

import pytest

from bench.cli import progress
from bench.domain.outcome import Outcome
from bench.domain.plan import Plan, PlannedCase
from bench.domain.procedure import Procedure
from bench.domain.record import Record
from bench.protocol.messages import Finished, PhaseBegan
from tests.support.builders import a_record
from tests.support.cases import a_model, a_planned_case, a_suite, a_trial


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_plan(trials: int = 2) -> Plan:
    suite = a_suite(procedure=Procedure(trials=trials, max_trials=trials))
    planned = PlannedCase(case=a_planned_case(), model=a_model(), suite=suite)
    return Plan(suites=(suite,), cases=(planned,), skipped=(), remarks=(), digest="d")


def ended(number: int | None = 0, outcome: Outcome = Outcome.FINISHED, reason: str | None = None) -> Record:
    return replace(a_record(trial=number), outcome=outcome, reason=reason)


def go_through(listener: "progress.Plain | progress.Live") -> None:
    """Tell LISTENER of a remark, a skipped case, a trial that finished, one that did not, and one more than planned."""
    listener.said("a [remark]")
    listener.ended(ended(None, Outcome.SKIPPED, "it cannot"))
    for number, outcome in enumerate((Outcome.FINISHED, Outcome.ERROR, Outcome.FINISHED)):
        listener.begins(a_trial(number))
        listener.heard(PhaseBegan(name="load", at_s=0.0))
        listener.heard(Finished())
        listener.ended(ended(number, outcome, "it broke"))


def test_where_nobody_watches_each_trial_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.listen(a_plan()) as listener:
        assert isinstance(listener, progress.Plain)
        go_through(listener)
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == ""
    assert lines[:2] == ["a [remark]", "tiny-gpt2: skipped: it cannot"]
    assert lines[2].startswith("[1/2] tiny-gpt2 trial 1: finished in 0.0 s (0 s left)")
    assert lines[3] == "[2/2] tiny-gpt2 trial 2: error in 0.0 s: it broke"
    assert lines[4].startswith("[3/3] ")


def test_a_trial_that_never_began_has_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.listen(a_plan()) as listener:
        listener.ended(ended(0, Outcome.UNSUPPORTED, "no disk"))
    assert capsys.readouterr().err == "[1/2] tiny-gpt2 trial 1: unsupported: no disk\n"


def test_where_somebody_watches_there_is_a_bar_and_a_line_for_what_did_not_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.listen(a_plan()) as listener:
        assert isinstance(listener, progress.Live)
        go_through(listener)
        assert listener.label == "tiny-gpt2 · trial 3"
    shown = screen.getvalue()
    assert "a [remark]" in shown
    assert "tiny-gpt2: skipped: it cannot" in shown
    assert "tiny-gpt2 trial 2: error in 0.0 s: it broke" in shown
