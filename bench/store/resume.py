"""What a run that was cut off still has to do."""

from collections.abc import Iterable

from bench.domain.outcome import Outcome
from bench.domain.plan import SkippedCase, Trial
from bench.domain.record import Record

AGAIN = frozenset({Outcome.KILLED, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY, Outcome.LOST, Outcome.ERROR})
"""A trial that ended so is run again: what ended it may have passed."""

Key = tuple[str, str, str, int | None]


def settled(records: Iterable[Record]) -> frozenset[Key]:
    """Give the trials, by their `key_of`, whose newest record asks for no other attempt."""
    newest: dict[Key, Record] = {}
    for record in records:
        kept = newest.get(key_of_record(record))
        if kept is None or record.attempt >= kept.attempt:
            newest[key_of_record(record)] = record
    return frozenset(key for key, record in newest.items() if record.outcome not in AGAIN)


def pending(trials: Iterable[Trial], records: Iterable[Record]) -> tuple[Trial, ...]:
    """Keep of TRIALS, in order, those without a record, and those whose newest record asks for another attempt."""
    done = settled(records)
    return tuple(trial for trial in trials if key_of(trial) not in done)


def unrecorded(skipped: Iterable[SkippedCase], records: Iterable[Record]) -> tuple[SkippedCase, ...]:
    """Keep of SKIPPED the cases that no record says were skipped."""
    known = {key_of_record(record) for record in records if record.trial is None}
    return tuple(one for one in skipped if (one.suite.name, one.suite.digest, one.case.id, None) not in known)


def attempts(records: Iterable[Record]) -> dict[Key, int]:
    """Tell for each trial, by its `key_of`, the number of its newest attempt."""
    newest: dict[Key, int] = {}
    for record in records:
        newest[key_of_record(record)] = max(record.attempt, newest.get(key_of_record(record), 0))
    return newest


def key_of(trial: Trial) -> Key:
    """Tell TRIAL from the others of its run."""
    suite = trial.planned.suite
    return (suite.name, suite.digest, trial.planned.case.id, trial.number)


def key_of_record(record: Record) -> Key:
    """Tell the trial of RECORD from the others of its run, as `key_of` does."""
    return (record.suite.name, record.suite.digest, record.case.id, record.trial)
