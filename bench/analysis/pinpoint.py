"""Which change is looked for between two commits, and whether a commit in between has it already.

The change is the largest that an A/B run of both ends proves. A commit in between has either all of it or nothing, so that it is
bad where its interval lies wholly beyond half of the change, good where it lies wholly before, and else nothing is said of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.analysis.gate import gated
from bench.domain.comparison import Comparison, Contrast, Verdict


class Answer(StrEnum):
    """What is said of a commit, in git's words."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change for the worse of one metric of one case. `half` is the log ratio in the middle of it, None where it is exact."""

    row: Contrast
    half: float | None

    @property
    def size(self) -> float:
        """How large it is as a log ratio, endless where base has nothing."""
        return abs(math.log(self.row.ratio)) if self.row.ratio else math.inf


def effects(comparison: Comparison, metrics: Sequence[str] = ()) -> tuple[Effect, ...]:
    """Give what COMPARISON proves to be worse, the largest first: of METRICS, or where none are named of those that are gated."""
    rows = [row for row in comparison.rows if row.worse and _wanted(row, comparison, metrics)]
    found = [Effect(row=row, half=None if _exact(row) else math.log(row.ratio or 1.0) / 2) for row in rows]
    return tuple(sorted(found, key=lambda one: -one.size))


def answer(comparison: Comparison, effect: Effect) -> Answer:
    """Say whether head of COMPARISON has EFFECT."""
    row = row_of(comparison, effect)
    if row is None:
        return Answer.SKIP
    return _of_exact(row) if effect.half is None else _of_measured(row, effect.half)


def row_of(comparison: Comparison, effect: Effect) -> Contrast | None:
    """Give the row of COMPARISON that has the case and metric of EFFECT; None where there is none."""
    wanted = (effect.row.case.id, effect.row.metric.name)
    return next((row for row in comparison.rows if (row.case.id, row.metric.name) == wanted), None)


def _wanted(row: Contrast, comparison: Comparison, metrics: Sequence[str]) -> bool:
    return row.metric.name in metrics if metrics else gated(row, comparison.rules)


def _exact(row: Contrast) -> bool:
    return row.metric.deterministic or row.low is None or not row.ratio


def _of_exact(row: Contrast) -> Answer:
    if row.verdict in {Verdict.MISSING, Verdict.INCOMPARABLE, Verdict.INCONCLUSIVE}:
        return Answer.SKIP
    return Answer.BAD if row.worse else Answer.GOOD


def _of_measured(row: Contrast, half: float) -> Answer:
    if not (row.low and row.high):
        return Answer.SKIP
    sign = math.copysign(1.0, half)
    least, most = sorted((sign * math.log(row.low), sign * math.log(row.high)))
    if least > abs(half):
        return Answer.BAD
    return Answer.GOOD if most < abs(half) else Answer.SKIP
