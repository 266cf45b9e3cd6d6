"""Two saved runs: what may be said of each metric of each case.

Two runs at different times share no noise. What separates them besides the change is how far runs of the same code lie apart on
that machine, which `bench baseline noise` measures; where it is unknown, 5 % is assumed, and said; both are raised where the trials
scatter more. The two sides of an A/B run took turns and are judged by their pairs instead. Deterministic metrics are compared
exactly. docs/verdicts.md has the rules and their error rates.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.analysis import loads, paired
from bench.analysis.apart import why_incomparable
from bench.analysis.derive import RULES as DERIVED
from bench.analysis.disturbance import allowance, paced, paces, room
from bench.analysis.gate import GATED
from bench.analysis.sides import Pair, Side, endings, own, pairs, remarks, side
from bench.analysis.unlike import unlike
from bench.analysis.verdicts import Open, settle
from bench.analysis.welch import LEAST, Gap, at_least, difference
from bench.domain.comparison import Comparison, Contrast, Rules, RunNoise, Spread, Verdict
from bench.domain.metric import Better, Metric, Reduce, Unit
from bench.domain.record import Record
from bench.domain.summary import Estimate, Row

ASSUMED = Spread(sigma=0.05, degrees=0)
"""How far runs of unchanged code are taken to lie apart where nobody has measured it."""
RATES = frozenset(rule.metric.name for rule in DERIVED if rule.is_rate)
"""Metrics without rows of their own: they say what the time says that they come from."""
PARITY = "parity."
JITTER = 1e-4
"""Differences of parity below this are rounding of another order of additions."""
DRIFT = 0.1
"""Share of the larger distance from perfect parity by which the distances may differ."""
TOKENS = "realised_"
TOLD = 0.02
"""Log of what disturbance may have done to a time, from which on it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A case that both sides have, and how to compare it. `apart` is what its pairs say, None where there are none.

    `disturbed` are the logs by which disturbance may have lengthened the times of base and of head, `paces` those by which the
    machine itself was slower beside one than beside the other.
    """

    base: Row
    head: Row
    machines: str | None
    rules: Rules
    noise: RunNoise | None
    disturbed: tuple[float, float]
    paces: tuple[float, float]
    apart: Mapping[str, paired.Apart] | None = None


def compare(
    base: Sequence[Record], head: Sequence[Record], rules: Rules | None = None, noise: RunNoise | None = None
) -> Comparison:
    """Compare BASE and HEAD, records of which each is the one that counts for its trial, by RULES.

    NOISE is the spread between runs of unchanged code on their machine. Rows stand in the order of base's cases.
    """
    base, head = own(base), own(head)
    rules = of_suites(rules or Rules(), head)
    first, second = side(base), side(head)
    found = tuple(pairs(first, second))
    taken = {case: paired.apart(both) for case, both in paired.pairs(base, head).items()}
    alike, left_out = (found, ()) if taken else loads.alike(found, first, second)
    rows = [row for pair in alike for row in _rows(pair, first, second, rules, noise, taken)]
    waiting = iter(settle([row for row in rows if isinstance(row, Open)], rules))
    settled = tuple(next(waiting) if isinstance(row, Open) else row for row in rows)
    return Comparison(
        base=first.ids,
        head=second.ids,
        rows=settled,
        endings=endings(found),
        unlike=unlike(first, second, found),
        remarks=(*(_of_pairs(taken, settled) if taken else _of_noise(rows, noise)), *left_out, *remarks(first, second)),
        rules=rules,
    )


def of_suites(rules: Rules, head: Sequence[Record]) -> Rules:
    """Put what the suites of HEAD's records say of their gates into RULES, unless it is there already; the newest record counts."""
    if rules.gates is not None:
        return rules
    ordered = sorted(head, key=lambda record: record.started_at)
    return replace(rules, gates={record.case.id: record.suite.gate for record in ordered if record.suite.gate is not None})


def _rows(
    pair: Pair, base: Side, head: Side, rules: Rules, noise: RunNoise | None, taken: Mapping[str, Mapping[str, paired.Apart]]
) -> Iterator[Contrast | Open]:
    if pair.base is None or pair.head is None:
        row, absent = pair.either, "head" if pair.head is None else "base"
        yield from (_missing(row, estimate, absent, f"{absent} has no such case") for estimate in _shown(row).values())
        return
    prints = base.fingerprint(pair.base), head.fingerprint(pair.head)
    machines = None if prints[0] == prints[1] and not isinstance(prints[0], list) else "measured on machines that are not alike"
    apart = taken.get(pair.base.case.id, {}) if taken else None
    before, after = base.trials(pair.base), head.trials(pair.head)
    case = _Case(
        base=pair.base,
        head=pair.head,
        machines=machines,
        rules=rules,
        noise=noise,
        disturbed=(allowance(before), allowance(after)),
        paces=paces(before, after),
        apart=apart,
    )
    yield from _of_case(case)


def _of_case(case: _Case) -> Iterator[Contrast | Open]:
    before, after = _shown(case.base), _shown(case.head)
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            yield _row(case, before[name], after[name])
        elif name in before:
            yield _missing(case.base, before[name], "head", _why_none(case.head))
        else:
            yield _missing(case.head, after[name], "base", _why_none(case.base))


def _why_none(row: Row) -> str | None:
    return None if row.reason is None else f"the case ended {row.outcome.value}: {row.reason}"


def _shown(row: Row) -> Mapping[str, Estimate]:
    """Give the metrics of ROW that have rows: no rates, and the realised counts of tokens among the deterministic ones."""
    measured = {name: estimate for name, estimate in row.metrics.items() if name not in RATES}
    if not measured:
        return {}
    return {**measured, **dict(_tokens(row))}


def _tokens(row: Row) -> Iterator[tuple[str, Estimate]]:
    for name, value in row.observed.items():
        if name.startswith(TOKENS) and isinstance(value, int | float) and not isinstance(value, bool):
            found = float(value)
            yield name, Estimate(metric=count(name), value=found, least=found, most=found, n=1, trials=row.finished, each=(found,))


def count(name: str) -> Metric:
    """Declare the realised count of tokens called NAME: it is read off the inputs and compared like a metric."""
    return Metric(name=name, unit=Unit.ONE, better=Better.NONE, definition=f"{name}.v1", reduce=Reduce.LAST, deterministic=True)


def _missing(row: Row, estimate: Estimate, absent: str, reason: str | None) -> Contrast:
    base, head = (None, estimate.value) if absent == "base" else (estimate.value, None)
    reason = reason or f"{absent} has no such metric"
    return Contrast(case=row.case, metric=estimate.metric, base=base, head=head, verdict=Verdict.MISSING, reason=reason)


def _row(case: _Case, base: Estimate, head: Estimate) -> Contrast | Open:
    plain = Contrast(
        case=case.head.case, metric=head.metric, base=base.value, head=head.value, ratio=None, verdict=Verdict.INCOMPARABLE
    )
    if base.metric.definition != head.metric.definition:
        return replace(plain, reason=f"two definitions: {base.metric.definition} and {head.metric.definition}")
    plain = replace(plain, ratio=_ratio(base.value, head.value))
    apart = case.machines or why_incomparable(case.base, case.head, head.metric, in_pairs=case.apart is not None)
    if apart is not None:
        return _apart(plain, apart, base, head, case)
    if head.metric.deterministic or base.metric.deterministic:
        return _exact(plain, base, head)
    if head.metric.name.startswith(PARITY):
        return _parity(plain, base.value, head.value)
    return _measured(plain, base.each, head.each, case)


def _ratio(base: float, head: float) -> float | None:
    if base == 0:
        return 1.0 if head == 0 else None
    return head / base


def _apart(row: Contrast, reason: str, base: Estimate, head: Estimate, case: _Case) -> Contrast:
    """Leave a row without a verdict; across machines its ratio is shown."""
    if not case.rules.across_machines:
        return replace(row, ratio=None, reason=reason)
    enough = min(len(base.each), len(head.each)) >= LEAST and not head.metric.deterministic
    bounds = _bounds(difference(base.each, head.each, None)) if enough else (None, None)
    return replace(row, low=bounds[0], high=bounds[1], reason=reason)


def _bounds(found: Gap) -> tuple[float | None, float | None]:
    if not found.logged:
        return None, None
    low, high = found.bounds()
    return math.exp(low), math.exp(high)


def _exact(row: Contrast, base: Estimate, head: Estimate) -> Contrast:
    """Compare a deterministic metric, and its parts by name."""
    parts = [
        f"{name} {base.parts.get(name, 0):.17g} → {head.parts.get(name, 0):.17g}"
        for name in dict.fromkeys((*base.parts, *head.parts))
        if base.parts.get(name, 0) != head.parts.get(name, 0)
    ]
    verdict = Verdict.EQUAL
    if base.value != head.value:
        verdict = Verdict.LARGER if head.value > base.value else Verdict.SMALLER
    return replace(row, verdict=verdict, reason=f"by part: {', '.join(parts)}" if parts else None)


def _parity(row: Contrast, base: float, head: float) -> Contrast:
    """Compare the distances from perfect parity: outputs have rounding, and no scatter between trials that would tell of it."""
    before, after = ((1 - value if row.metric.better is Better.HIGHER else value) for value in (base, head))
    if abs(after - before) <= max(JITTER, DRIFT * max(abs(after), abs(before))):
        return replace(row, verdict=Verdict.EQUIVALENT)
    return replace(row, verdict=Verdict.LARGER if head > base else Verdict.SMALLER)


def _measured(row: Contrast, base: Sequence[float], head: Sequence[float], case: _Case) -> Contrast | Open:
    if case.apart is not None:
        return _in_pairs(row, case.apart.get(row.metric.name))
    if min(len(base), len(head)) < LEAST:
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=f"fewer than {LEAST} trials on a side: their scatter is not known")
    is_time = row.metric.unit is Unit.SECOND
    if is_time and not math.isfinite(max(case.disturbed)):
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=_disturbed(case, row.metric))
    found: Gap = difference(base, head, at_least(_between(case.noise, row.metric), base, head))
    if is_time:
        found = room(room(found, *case.disturbed), *case.paces)
    low, high = _bounds(found)
    waiting = replace(row, low=low, high=high, reason=_disturbed(case, row.metric))
    return Open(contrast=waiting, difference=found, alone=difference(base, head, None))


def _in_pairs(row: Contrast, found: paired.Apart | None) -> Contrast | Open:
    gap = None if found is None else found.gap()
    if gap is None:
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=f"fewer than {paired.LEAST} pairs: their scatter is not known")
    last = gap.each[-1]
    low, high = _bounds(last)
    return Open(contrast=replace(row, ratio=math.exp(last.size) if last.logged else row.ratio, low=low, high=high), difference=gap)


def _disturbed(case: _Case, metric: Metric) -> str | None:
    """Say that a side was disturbed or the machine slower so that it matters: that may be all that a change of a time METRIC is."""
    if metric.unit is not Unit.SECOND:
        return None
    said = [text for text in (_marked(case), paced(*case.paces)) if text is not None]
    return "; ".join(said) or None


def _marked(case: _Case) -> str | None:
    """Say that a side was disturbed so that it matters, or one more often than the other."""
    before, after = case.base, case.head
    unlike = before.marked * after.finished != after.marked * before.finished
    if not unlike and max(case.disturbed) < TOLD:
        return None
    marked = f"disturbed: {before.marked} of {before.finished} trials in base, {after.marked} of {after.finished} in head"
    if max(case.disturbed) < TOLD:
        return marked
    if not math.isfinite(max(case.disturbed)):
        return f"{marked}, which lost so much to others that times say nothing of the program"
    base, head = (f"{math.expm1(log):.0%}" for log in case.disturbed)
    return f"{marked}, which may have slowed base by up to {base} and head by up to {head}"


def _between(noise: RunNoise | None, metric: Metric) -> Spread:
    return (None if noise is None else noise.spread(metric)) or ASSUMED


def _of_pairs(taken: Mapping[str, Mapping[str, paired.Apart]], rows: Sequence[Contrast]) -> Iterator[str]:
    """Say how many pairs stand behind the verdicts, and what they resolve."""
    counts = sorted({max((len(one.ratios) for one in metrics.values()), default=0) for metrics in taken.values()})
    yield f"both sides took turns call by call; pairs of processes a case: {' or '.join(map(str, counts))}"
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.metric.name in GATED and row.smallest_detectable is not None:
            found.setdefault(row.metric.name, []).append(row.smallest_detectable)
    if found:
        middles = {name: statistics.median(sizes) for name, sizes in found.items()}
        each = ", ".join(f"{name} {'over 100 %' if size > 1 else f'{size * 100:.1f} %'}" for name, size in middles.items())
        yield f"the slowdown that this would have found 95 times in 100, in the median of the cases: {each}"


def _of_noise(rows: Sequence[Contrast | Open], noise: RunNoise | None) -> Iterator[str]:
    """Say where the spread between runs comes from, once for all rows that it was used for."""
    used = {row.contrast.metric.name: row.contrast.metric for row in rows if isinstance(row, Open)}
    known = [name for name, metric in used.items() if noise is not None and noise.spread(metric) is not None]
    if noise is not None and known:
        yield f"spread between runs of unchanged code: from {len(noise.runs)} runs on this machine"
    if len(known) < len(used):
        whose = "" if not known else f" of {', '.join(name for name in used if name not in known)}"
        yield (
            f"the spread{whose} between runs of unchanged code on this machine is not known, and {ASSUMED.sigma * 100:.0f} % "
            "assumed, more where trials scatter: bench baseline noise measures it"
        )
