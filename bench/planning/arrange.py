"""The order of trials: blocks, in each of which every case has one trial, so that a bad minute does not fall on one case.

Trials of a case are spread over nurseries, so that one process's memory layout is one of several, and over sets of cores, where
they use fewer than there are.
"""

import random
from collections.abc import Iterable, Iterator, Sequence

from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import Procedure

_MANY = 6


def nurseries(procedure: Procedure) -> int:
    """Give the number of nurseries that trials of PROCEDURE are spread over: 1 for a single trial, 3 from six trials on, else 2."""
    most = procedure.max_trials
    return 1 if most == 1 else 3 if most >= _MANY else 2


def block(cases: Iterable[PlannedCase], number: int) -> tuple[Trial, ...]:
    """Give trial NUMBER of each of CASES that has one, shuffled by the seed of its suite; as written where the suite says so."""
    trials = [
        Trial(planned=planned, number=number, nursery=number % nurseries(planned.suite.procedure))
        for planned in cases
        if number < planned.suite.procedure.max_trials
    ]
    if all(trial.planned.suite.procedure.order == "as-written" for trial in trials):
        return tuple(trials)
    seed = trials[0].planned.suite.procedure.seed
    random.Random(seed * 1_000_003 + number).shuffle(trials)  # noqa: S311 -- an order, not a secret
    return tuple(trials)


def least(cases: Iterable[PlannedCase]) -> Iterator[Trial]:
    """Give the trials that each of CASES has in any event."""
    return (Trial(planned=planned, number=number) for planned in cases for number in range(planned.suite.procedure.trials))


def cores(trial: Trial, available: Sequence[int]) -> tuple[int, ...]:
    """Give the cores of AVAILABLE that TRIAL is pinned to: as many as its threads, another set each trial; none for all."""
    threads = trial.planned.case.requested["threads"]
    if not isinstance(threads, int) or threads >= len(available):
        return ()
    sets = len(available) // threads
    first = (trial.number % sets) * threads
    return tuple(available[first : first + threads])
