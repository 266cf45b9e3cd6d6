"""When sampling ends: rules that look at the measured times only, so that they can be tried on synthetic series.

Sources: warm-up does not always end (Barrett et al. 2017), hence the caps; docs/how-it-measures.md has the measured series.
"""

from collections.abc import Sequence
from statistics import median

from bench.domain.procedure import Procedure, Warmup

WINDOW = 5
STEADY = 0.02
LEAST_WARMUP = 2
WARMUP_CAP_S = 5.0
WARMUP_CAP = 10_000
WARMUP_SHARE = 0.1
MEASURE_SHARE = 0.15
LEAST_MEASURED = 3


def warm(times_s: Sequence[float], rule: Warmup, time_limit_s: float) -> str | None:
    """Say why warm-up is over after calls that took TIMES_S, in order, or None where it is not.

    Automatic warm-up is over when the last five calls are no faster than the five before by more than 2 % (`steady`), or
    after 5 s, a tenth of the time limit or 10,000 calls (`cap`), and never before two calls.
    """
    spent_s = sum(times_s)
    if rule.iterations is not None:
        return "count" if len(times_s) >= rule.iterations else None
    if rule.seconds is not None:
        return "seconds" if spent_s >= rule.seconds else None
    if len(times_s) < LEAST_WARMUP:
        return None
    if len(times_s) >= 2 * WINDOW:
        before, last = median(times_s[-2 * WINDOW : -WINDOW]), median(times_s[-WINDOW:])
        if last >= before * (1 - STEADY):
            return "steady"
    return "cap" if spent_s >= min(WARMUP_CAP_S, WARMUP_SHARE * time_limit_s) or len(times_s) >= WARMUP_CAP else None


def enough(times_s: Sequence[float], procedure: Procedure) -> str | None:
    """Say why measuring is over after calls that took TIMES_S, or None where it is not.

    `count`: the least iterations and the least seconds are both reached. `cap`: the most iterations. `budget`: slow calls
    have used their share of the time limit (15 % for each kind of step) and there are at least three of them.
    """
    spent_s, count = sum(times_s), len(times_s)
    if count >= procedure.max_iterations:
        return "cap"
    if count >= procedure.min_iterations and spent_s >= procedure.min_seconds:
        return "count"
    if count >= min(LEAST_MEASURED, procedure.min_iterations) and spent_s >= MEASURE_SHARE * procedure.time_limit_s:
        return "budget"
    return None
