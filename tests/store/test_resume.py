import pytest

from bench.domain.outcome import Outcome, ReasonCode, Refusal
from bench.domain.plan import SkippedCase, Trial
from bench.domain.record import Record
from bench.execution import trial as one_trial
from bench.store import resume
from tests.support.builders import a_record
from tests.support.cases import a_planned_case, a_suite, a_trial


def record_of(trial: Trial, **changes: object) -> Record:
    return a_record(
        trial.planned.case, trial.number, suite=one_trial.origin(trial.planned.suite), **{"outcome": Outcome.FINISHED, **changes}
    )


def test_trials_without_a_record_are_pending_in_order() -> None:
    trials = [a_trial(number) for number in range(4)]
    assert resume.pending(trials, [record_of(trials[1]), record_of(trials[3])]) == (trials[0], trials[2])


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.SKIPPED])
def test_only_what_may_have_passed_is_run_again(outcome: Outcome) -> None:
    trial = a_trial()
    again = outcome in {Outcome.KILLED, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY, Outcome.LOST, Outcome.ERROR}
    assert resume.pending([trial], [record_of(trial, outcome=outcome)]) == ((trial,) if again else ())


def test_the_newest_attempt_decides_wherever_it_stands() -> None:
    trial = a_trial()
    killed, done = record_of(trial, outcome=Outcome.KILLED), record_of(trial, attempt=2)
    for order in ((killed, done), (done, killed)):
        assert resume.pending([trial], order) == ()
        assert resume.attempts(order) == {resume.key_of(trial): 2}


def test_a_trial_of_a_changed_suite_is_another() -> None:
    trial = a_trial()
    other = a_trial(suite=a_suite(digest="changed"))
    assert resume.pending([trial], [record_of(other)]) == (trial,)


def test_skipped_cases_are_recorded_once() -> None:
    refusal = Refusal(reason="too long", reason_code=ReasonCode.INPUT_MISMATCH)
    one, two = (SkippedCase(case=a_planned_case(name), suite=a_suite(), refusal=refusal) for name in ("one", "two"))
    records = [one_trial.skipped(one, "run"), record_of(a_trial(case=two.case))]
    assert resume.unrecorded([one, two], records) == (two,)
