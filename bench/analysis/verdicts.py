"""From differences to verdicts with known error rates: margin, level, and Benjamini and Hochberg's correction over all rows.

A row is slower where its difference exceeds the margin at the level of one row *and* stands after the correction over all times of
the comparison; faster likewise. With nothing changed, the probability of any slower or faster in a comparison is then at most twice
`false_share` (Benjamini and Hochberg 1995). Metrics that are no times are corrected among themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.welch import Gap
from bench.domain.comparison import Contrast, Rules, Verdict
from bench.domain.metric import Unit

_TIMES = {True: Verdict.SLOWER, False: Verdict.FASTER}
_OTHERS = {True: Verdict.LARGER, False: Verdict.SMALLER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A row that waits for its verdict, and the difference that it will be judged by.

    `alone` is the difference without what separates runs: where that would be enough, the remark says so. The `reason` that its
    contrast has stays only there, and where it is found slower, faster, larger or smaller.
    """

    contrast: Contrast
    difference: Gap
    alone: Gap | None = None


def settle(rows: Sequence[Open], rules: Rules) -> tuple[Contrast, ...]:
    """Give every one of ROWS its verdict, and the smallest effect that would have been found in it."""
    settled: dict[int, Contrast] = {}
    for family in (True, False):
        places = [place for place, row in enumerate(rows) if is_time(row.contrast) is family]
        found = _settle([rows[place] for place in places], rules)
        settled.update(zip(places, found, strict=True))
    return tuple(settled[place] for place in range(len(rows)))


def is_time(contrast: Contrast) -> bool:
    """Tell whether CONTRAST is of a time."""
    return contrast.metric.unit is Unit.SECOND


def _settle(rows: Sequence[Open], rules: Rules) -> list[Contrast]:
    if not rows:
        return []
    own = [rules.of(row.contrast.case.id, row.contrast.metric.name) for row in rows]
    above = _found([row.difference for row in rows], own, rules)
    below = _found([row.difference.mirrored for row in rows], own, rules)
    level = min(rules.level, rules.false_share / len(rows))
    return [_judged(row, one, level, more=more, less=less) for row, one, more, less in zip(rows, own, above, below, strict=True)]


def _judged(row: Open, rules: Rules, level: float, *, more: bool, less: bool) -> Contrast:
    verdict = _verdict(row, rules, more=more, less=less)
    return replace(
        row.contrast,
        verdict=verdict,
        smallest_detectable=row.difference.detectable(rules.margin, level),
        reason=row.contrast.reason if more or less else _undecided(row, rules) if verdict is Verdict.INCONCLUSIVE else None,
    )


def _found(differences: Sequence[Gap], own: Sequence[Rules], rules: Rules) -> list[bool]:
    """Tell of which DIFFERENCES it is proved that they are above the margin, each by its OWN rules."""
    from scipy.stats import false_discovery_control

    chances = [one.chance(its.margin) for one, its in zip(differences, own, strict=True)]
    corrected = false_discovery_control(chances)
    return [bool(chance <= rules.level and after <= rules.false_share) for chance, after in zip(chances, corrected, strict=True)]


def _verdict(row: Open, rules: Rules, *, more: bool, less: bool) -> Verdict:
    if more or less:
        return (_TIMES if is_time(row.contrast) else _OTHERS)[more]
    return Verdict.EQUIVALENT if _equivalent(row.difference, rules) else Verdict.INCONCLUSIVE


def _equivalent(difference: Gap, rules: Rules) -> bool:
    """Tell whether the 95 % interval of DIFFERENCE lies within the bounds of equivalence, which are at least the margin."""
    bound = difference.scaled(max(rules.equivalence, rules.margin))
    low, high = difference.bounds()
    return -bound <= low and high <= bound


def _undecided(row: Open, rules: Rules) -> str | None:
    """Say that a difference would have been found, were it not for how far runs of unchanged code lie apart."""
    if row.alone is None or min(row.alone.chance(rules.margin), row.alone.mirrored.chance(rules.margin)) > rules.level:
        return None
    if row.contrast.reason is not None:  # what it may come from stands there
        return f"beyond the scatter of its trials, not beyond what lies between runs; {row.contrast.reason}"
    return "beyond the scatter of its trials, not beyond that between runs: a measured spread between runs would tell"
