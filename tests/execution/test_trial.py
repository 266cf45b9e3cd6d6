import signal

import pytest

from bench.domain.metric import Better, Metric, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode, Refusal
from bench.domain.plan import SkippedCase
from bench.domain.procedure import StartMethod
from bench.domain.record import Phase, Record
from bench.execution import trial
from bench.execution.executors.replay import Replay
from bench.protocol.messages import (
    Capabilities,
    Environment,
    Event,
    Exited,
    Failed,
    Finished,
    Forked,
    Noise,
    Noted,
    Observed,
    PhaseBegan,
    PhaseEnded,
    Sampled,
    Unknown,
)
from tests.support.cases import a_planned_case, a_suite, a_trial

FORWARD = Samples(
    metric=Metric(name="forward", unit=Unit.SECOND, better=Better.LOWER, definition="forward.v1"),
    phase="measure.forward",
    values=(0.25,),
)


def recorded(*events: Event) -> Record:
    """Carry out a trial of which these events come."""
    heard: list[Event] = []
    record = trial.carry_out(a_trial(3, nursery=1), Replay([list(events)]), "run", 2, (0, 1), heard.append)
    assert heard == [Environment(facts={"replayed": True}), *events]
    return record


def test_a_finished_trial_has_what_its_events_said() -> None:
    record = recorded(
        Forked(pid=1),
        Environment(facts={"cpu": "x"}),
        PhaseBegan(name="load", at_s=0.5),
        PhaseEnded(name="load", at_s=1.5),
        Observed(facts={"dtype": "float32"}),
        Observed(facts={"attention_kernel": "flash"}),
        PhaseBegan(name="measure.forward", at_s=2.0),
        PhaseEnded(name="measure.forward", at_s=3.0, stopped_by="count"),
        Sampled(samples=FORWARD),
        Noise(facts={"marks": []}),
        Noted(text="a note"),
        Finished(),
        Exited(status=0),
    )
    assert record.outcome is Outcome.FINISHED
    assert (record.reason, record.reason_code, record.failed_in, record.signal, record.stderr_tail) == (None, None, None, None, "")
    assert (record.trial, record.attempt, record.run) == (3, 2, "run")
    assert record.environment == {"replayed": True, "cpu": "x", "nursery": 1, "cores": [0, 1]}
    assert record.observed == {"dtype": "float32", "attention_kernel": "flash"}
    assert record.phases == (
        Phase(name="load", started_s=0.5, ended_s=1.5),
        Phase(name="measure.forward", started_s=2.0, ended_s=3.0, stopped_by="count"),
    )
    assert record.samples == (FORWARD,)
    assert record.noise == {"marks": []}
    assert record.notes == ("a note",)


def test_a_trial_that_is_killed_names_signal_and_phase() -> None:
    record = recorded(PhaseBegan(name="load", at_s=0.0), Sampled(samples=FORWARD), Exited(status=-signal.SIGSEGV))
    assert (record.outcome, record.reason_code) == (Outcome.KILLED, ReasonCode.SIGNAL)
    assert record.reason == "the process was killed by SIGSEGV in phase load; nothing of this tool sent it"
    assert (record.failed_in, record.signal) == ("load", "SIGSEGV")
    assert record.samples == (FORWARD,), "what was measured before is kept"


def test_a_signal_without_a_name_has_its_number() -> None:
    assert recorded(Exited(status=-63)).signal == "signal 63"


def test_a_kill_while_the_kernel_ran_out_of_memory_is_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([7, 8])
    monkeypatch.setattr(trial, "_oom_kills", lambda: next(counts))
    record = recorded(Exited(status=-signal.SIGKILL))
    assert (record.outcome, record.reason_code) == (Outcome.OUT_OF_MEMORY, ReasonCode.SYSTEM_OUT_OF_MEMORY)
    assert record.reason == "the system ran out of memory and its kernel killed the process"


def test_a_trial_that_ends_without_a_word_is_an_error() -> None:
    record = recorded(Exited(status=7))
    assert (record.outcome, record.reason_code) == (Outcome.ERROR, ReasonCode.EXITED)
    assert record.reason == "the process ended with exit code 7 and said nothing"
    assert record.signal is None


def test_what_was_refused_leaves_no_number() -> None:
    refused = Failed(outcome=Outcome.UNSUPPORTED, reason="cannot", reason_code=ReasonCode.NOT_IN_CLASS)
    record = recorded(Sampled(samples=FORWARD), refused, Exited(status=1))
    assert (record.outcome, record.reason, record.samples) == (Outcome.UNSUPPORTED, "cannot", ())


def test_the_first_last_word_counts() -> None:
    late = Failed(outcome=Outcome.TIMEOUT, reason="too long", reason_code=ReasonCode.TIME_LIMIT)
    assert recorded(late, Finished(), Exited(status=-9)).outcome is Outcome.TIMEOUT
    assert recorded(Finished(), late, Exited(status=0)).outcome is Outcome.FINISHED


def test_an_unknown_event_is_kept_as_a_note() -> None:
    record = recorded(Unknown(line={"type": "weather", "rain": True}), Finished(), Exited(status=0))
    assert record.notes == ("unknown event: {'type': 'weather', 'rain': True}",)


def test_the_end_of_a_phase_whose_begin_was_torn_ends_no_other_one() -> None:
    record = recorded(
        PhaseBegan(name="load", at_s=0.0),
        PhaseEnded(name="load", at_s=1.0),
        PhaseEnded(name="first_call", at_s=2.0),
        Exited(status=-9),
    )
    assert record.phases == (Phase(name="load", started_s=0.0, ended_s=1.0),)
    assert record.notes == ("phase first_call ended at 2.000000 s, and its begin was not heard of",)


def test_other_events_are_for_executors() -> None:
    ready = Capabilities(version=1, python="p", libraries={}, start_method=StartMethod.SPAWN)
    assert recorded(ready, Finished(), Exited(status=0)).notes == ()


def test_a_skipped_case_is_a_record_without_a_trial() -> None:
    refusal = Refusal(reason="too long", reason_code=ReasonCode.INPUT_MISMATCH)
    record = trial.skipped(SkippedCase(case=a_planned_case(), suite=a_suite(), refusal=refusal), "run")
    assert (record.trial, record.outcome, record.reason, record.reason_code) == (
        None,
        Outcome.SKIPPED,
        "too long",
        ReasonCode.INPUT_MISMATCH,
    )


def test_a_trial_that_could_not_begin_is_unsupported() -> None:
    record = trial.refused(a_trial(1), Refusal(reason="no room", reason_code=ReasonCode.DISK_SPACE), "run", 1)
    assert (record.trial, record.outcome, record.reason_code) == (1, Outcome.UNSUPPORTED, ReasonCode.DISK_SPACE)


def test_the_kernel_s_kills_are_counted() -> None:
    assert trial._oom_kills() >= 0
