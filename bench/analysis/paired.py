"""Pairs of trials that took turns: each gives one log ratio of a metric, from which the minute is gone that both shared.

A pair's value is the midmean of the log ratios of its calls, base's j-th and head's j-th, one right after the other.
The side that begins a pair loads its model first, and is slower for it; which one begins is balanced, and what comes with it is
taken off (a crossover's blocks, Hills and Armitage 1979). The pairs' values are tested by Yuen's trimmed t (1974) at up to three
looks, whose nominal levels together spend the level of one test: a case may stop at a look and the error rate holds
(group-sequential; most is spent late, as by O'Brien and Fleming 1979).
docs/verdicts.md has measured rates.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.derive import RULES
from bench.analysis.estimate import LEDGER
from bench.analysis.reading import Reading, readings
from bench.analysis.welch import Difference, locate
from bench.domain.comparison import Rules
from bench.domain.metric import Metric, Reduce, Unit
from bench.domain.outcome import Outcome
from bench.domain.record import Record, Side

LOOKS = (8, 16, 24)
"""Numbers of pairs at which a verdict may be given; 24 are the most there are."""
SHARES = (0.2, 0.3, 0.75)
"""Nominal level of each look as a share of the level that they spend together. They sum to more than 1, for what is above a level
at one look mostly is at the next; benchmarks/verdicts.py counts what they spend."""
LEAST = 5
"""Pairs below which nothing is said: of 5, two are trimmed."""
LEAST_BEGUN = 5
"""Pairs that each side has begun before what comes with it is told: a midmean of fewer is little more than their scatter. At the
first look, of 8 pairs, it stays in the scatter: with two degrees of freedom less, three, no clear case would end there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The difference as it stood at each look, the last one last, and the share of the level that each may spend."""

    each: tuple[Difference, ...]
    shares: tuple[float, ...]

    @property
    def logged(self) -> bool:
        """Whether the differences are of logarithms."""
        return self.each[-1].logged

    @property
    def mirrored(self) -> "Looks":
        """The looks with their sides changed."""
        return Looks(each=tuple(one.mirrored for one in self.each), shares=self.shares)

    def chance(self, margin: float) -> float:
        """Give the one-sided p over all looks: the smallest of theirs, each set against its share of the level."""
        return min(1.0, *(one.chance(margin) / share for one, share in zip(self.each, self.shares, strict=True)))

    def bounds(self) -> tuple[float, float]:
        """Give the 95 % interval at the last look."""
        return self.each[-1].bounds()

    def detectable(self, margin: float, level: float) -> float:
        """Give the smallest relative increase that the last look finds with probability 0.95."""
        return self.each[-1].detectable(margin, level * self.shares[-1])

    def scaled(self, relative: float) -> float:
        """Put a RELATIVE increase on the scale of the differences."""
        return self.each[-1].scaled(relative)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """One metric over the pairs: `ratios` are logs where `logged`, else differences as a share of the larger side.

    `begun` says of each pair whether base began it, None where its records do not tell; empty is none of them.
    """

    metric: Metric
    ratios: tuple[float, ...]
    logged: bool
    begun: tuple[bool | None, ...] = ()

    def gap(self) -> Looks | None:
        """Give what verdicts go by; None where there are fewer than 5 pairs."""
        count = len(self.ratios)
        if count < LEAST:
            return None
        places = (*(look for look in LOOKS[:-1] if look < count), count)
        return Looks(each=tuple(self._at(place) for place in places), shares=SHARES[: len(places)])

    def middle(self) -> float:
        """Give where the ratios lie, on their own scale."""
        count = len(self.ratios)
        return self._at(count).size if count >= LEAST else statistics.median(self.ratios)

    def _at(self, pairs: int) -> Difference:
        ratios, lost = self._balanced(pairs)
        place = locate(ratios, least_cut=1)
        squared = place.squared * (pairs - 1) / (pairs - 1 - lost)
        return Difference(size=place.mean, error=math.sqrt(squared), degrees=place.degrees - lost, logged=self.logged)

    def _balanced(self, pairs: int) -> tuple[Sequence[float], int]:
        """Give the first PAIRS ratios without what the beginning side has of it, and the degrees of freedom that this costs.

        Both groups are moved to the middle between their midmeans, so that the middle stays where it is. Of the means one degree
        would be lost; midmeans are less exact, and with two the level holds (benchmarks/verdicts.py).
        """
        ratios, begun = self.ratios[:pairs], self.begun[:pairs]
        groups = [[ratio for ratio, one in zip(ratios, begun, strict=False) if one is which] for which in (True, False)]
        if min(len(group) for group in groups) < LEAST_BEGUN or sum(len(group) for group in groups) < pairs:
            return ratios, 0
        half = (midmean(groups[0]) - midmean(groups[1])) / 2
        return [ratio - (half if one else -half) for ratio, one in zip(ratios, begun, strict=True)], 2


def pairs(base: Sequence[Record], head: Sequence[Record]) -> dict[str, list[tuple[Record, Record]]]:
    """Give the pairs of BASE and HEAD that finished on both sides, in order, by the id of the case in base.

    There are none where the records are not of the two sides of one A/B run.
    """
    waiting = {
        (record.paired.ab, record.paired.base_case, record.paired.number): record
        for record in base
        if record.paired is not None and record.paired.side is Side.BASE and record.outcome is Outcome.FINISHED
    }
    found: dict[str, list[tuple[Record, Record]]] = {}
    for record in sorted((one for one in head if one.paired is not None), key=_number):
        assert record.paired is not None  # noqa: S101 -- filtered above
        key = (record.paired.ab, record.paired.base_case, record.paired.number)
        if record.paired.side is Side.HEAD and record.outcome is Outcome.FINISHED and key in waiting:
            found.setdefault(record.paired.base_case, []).append((waiting[key], record))
    return found


def _number(record: Record) -> int:
    return -1 if record.paired is None else record.paired.number


def apart(found: Sequence[tuple[Record, Record]]) -> dict[str, Apart]:
    """Give by name how far every metric is apart in the pairs FOUND, those that both sides of a pair have.

    Where the two of a pair found the page cache in different states, their loads are no pair.
    """
    read = []
    begins = [None if base.paired is None else base.paired.began for base, _ in found]
    for base, head in found:
        same = base.observed.get("page_cache") == head.observed.get("page_cache")
        read.append(tuple(_values(record, loads=same) for record in (base, head)))
    result: dict[str, Apart] = {}
    for name in dict.fromkeys(name for before, after in read for name in before if name in after):
        both = [(before[name], after[name]) for before, after in read if name in before and name in after]
        logged = min(value for pair in both for side in pair for value in side.values) > 0
        ratios = tuple(_log_ratio(*pair) if logged else _share(*pair) for pair in both)
        begun = tuple(one for one, (before, after) in zip(begins, read, strict=True) if name in before and name in after)
        result[name] = Apart(metric=both[0][1].metric, ratios=ratios, logged=logged, begun=begun)
    return result


def _values(record: Record, *, loads: bool) -> dict[str, Reading]:
    """Read the metrics of one trial, with the times that follow from them."""
    found = {
        reading.metric.name: reading
        for reading in readings(record.samples)
        if reading.metric.name not in LEDGER and (loads or not reading.metric.name.startswith("load."))
    }
    return {**found, **{reading.metric.name: reading for reading in _derived(found, record)}}


def _derived(found: Mapping[str, Reading], record: Record) -> Iterator[Reading]:
    for rule in RULES:
        if not rule.is_rate and all(name in found for name in rule.of):
            value = rule.seconds({name: found[name].value for name in rule.of}, record.observed)
            if value is not None:
                yield Reading(metric=rule.metric, value=value, values=(value,))


def _log_ratio(base: Reading, head: Reading) -> float:
    """Give the midmean of the ratios of calls; of a value that is no median of calls (a peak over phases, say) its own ratio."""
    calls = base.metric.reduce is Reduce.MEDIAN and len(base.values) == len(head.values) > 1
    if not calls:
        return math.log(head.value / base.value)
    return midmean([math.log(after / before) for before, after in zip(base.values, head.values, strict=True)])


def midmean(values: Sequence[float]) -> float:
    """Give the mean of VALUES without their lowest and their highest quarter, of three and more at least one of each.

    Pairs scatter less by it than by the median of the same calls, idle as beside hogs, and a quarter of bad calls is borne
    (docs/verdicts.md).
    """
    ordered = sorted(values)
    cut = max(1, len(ordered) // 4) if len(ordered) > 2 else 0  # noqa: PLR2004 -- of two both are kept
    return statistics.fmean(ordered[cut : len(ordered) - cut])


def _share(base: Reading, head: Reading) -> float:
    return (head.value - base.value) / (max(abs(base.value), abs(head.value)) or 1.0)


def decided(case: str, found: Mapping[str, Apart], names: frozenset[str], rows: int, rules: Rules) -> bool:
    """Tell whether one time of NAMES is proved slower or faster, and the 95 % intervals of all the others lie on its side.

    Proved is what no later correction over ROWS can take back. FOUND is what the pairs of CASE, its id in head, say. The others
    cannot turn that: one that may be unchanged, or went the other way, is waited for. Were each of them to be proved, the one that
    scatters most would set how long a change is measured that is plain in the others.
    """
    level = min(rules.level, rules.false_share / rows)
    gaps = {name: one.gap() for name, one in found.items() if name in names and one.metric.unit is Unit.SECOND}
    known = {name: gap for name, gap in gaps.items() if gap is not None}
    if not known or len(known) < len(gaps):
        return False
    ways: tuple[dict[str, Looks], dict[str, Looks]] = (known, {name: gap.mirrored for name, gap in known.items()})
    return any(
        min(gap.bounds()[0] for gap in way.values()) > 0
        and any(gap.chance(rules.of(case, name).margin) < level for name, gap in way.items())
        for way in ways
    )
