"""Estimates of every metric of a case: the measured ones, then those that follow from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.analysis import endurance, goodput
from bench.analysis.derive import RULES, Rule
from bench.analysis.ledgers import PLAIN, WATCHED
from bench.analysis.reading import Reading, readings
from bench.analysis.statistics import center, interval, percentiles
from bench.domain.metric import Metric, Unit
from bench.domain.record import Record
from bench.domain.summary import Estimate

LATENCIES = frozenset({"itl", "e2e", "forward", "queue_wait", "request.ttft", "request.e2e", "request.tpot"})
"""Metrics whose percentiles are of interest."""
SHARES = frozenset({
    "goodput", "data.wait_share", "pipeline.idle_share", "draft.acceptance", "requests.same_tokens", "parity.top1_agreement",
})  # fmt: skip
"""Metrics that are a part of a whole, and so lie between 0 and 1."""
LEDGER = frozenset({WATCHED, PLAIN})
"""Samples that are read as a ledger, not as metrics: their sums hold within a pass only."""


def estimates(trials: Sequence[Record]) -> tuple[dict[str, Estimate], tuple[str, ...]]:
    """Estimate every metric of TRIALS, the finished ones of a case in the order of their numbers, by name.

    The second value says what is wrong with metrics that are left out: deterministic ones that differ between trials, and names
    that trials declare in two ways.
    """
    read = [_by_name((*readings(trial.samples), *endurance.readings(trial.samples), *goodput.readings(trial))) for trial in trials]
    found: dict[str, Estimate] = {}
    wrong: list[str] = []
    for name in dict.fromkeys(name for trial in read for name in trial if name not in LEDGER):
        group = [reading for trial in read for reading in trial.get(name, ())]
        problem = _problem(name, group)
        if problem is None:
            found[name] = _estimate(group)
        else:
            wrong.append(problem)
    usable = [{name: trial[name][0] for name in trial if name in found} for trial in read]
    for rule in RULES:
        derived = _derived(rule, usable, trials)
        if derived is not None and rule.metric.name not in found:
            found[rule.metric.name] = derived
    return found, tuple(wrong)


def _by_name(read: Iterable[Reading]) -> dict[str, list[Reading]]:
    named: dict[str, list[Reading]] = {}
    for reading in read:
        named.setdefault(reading.metric.name, []).append(reading)
    return named


def _problem(name: str, group: Sequence[Reading]) -> str | None:
    """Say why GROUP, the readings of NAME in all trials, cannot be summarised."""
    declared = dict.fromkeys(reading.metric for reading in group)
    if len(declared) > 1:
        ids = ", ".join(dict.fromkeys(metric.definition for metric in declared))
        return f"{name} is declared in {len(declared)} ways by trials of the same case ({ids})"
    if not group[0].metric.deterministic:
        return None
    for part in (None, *dict.fromkeys(part for reading in group for part in reading.parts)):
        values = dict.fromkeys(reading.value if part is None else reading.parts.get(part) for reading in group)
        if len(values) > 1:
            shown = ", ".join("none" if value is None else f"{value:.17g}" for value in values)
            return f"{name}{f' of {part}' if part else ''} must be the same in every trial and is not: {shown}"
    return None


def _estimate(group: Sequence[Reading]) -> Estimate:
    metric = group[0].metric
    estimate = _over_trials(metric, [reading.value for reading in group], sum(len(reading.values) for reading in group))
    return replace(
        estimate,
        parts=_centers(reading.parts for reading in group),
        phases=_centers(reading.phases for reading in group),
        percentiles=percentiles([reading.values for reading in group]) if metric.name in LATENCIES else (),
    )


def _over_trials(metric: Metric, values: Sequence[float], samples: int) -> Estimate:
    """Estimate METRIC from the VALUES of its trials, of which SAMPLES stand behind."""
    low, high = (None if metric.deterministic else interval(values)) or (None, None)
    if low is not None and high is not None and metric.name in SHARES:
        low, high = max(low, 0.0), min(high, 1.0)  # what no share can be is no news, and to cut it off costs no coverage
    return Estimate(
        metric=metric,
        value=values[0] if metric.deterministic else center(values),
        low=low,
        high=high,
        least=min(values),
        most=max(values),
        n=samples,
        trials=len(values),
        each=tuple(values),
    )


def _centers(maps: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Give for every key of MAPS, one a trial, the value over those that have it."""
    values: dict[str, list[float]] = {}
    for one in maps:
        for key, value in one.items():
            values.setdefault(key, []).append(value)
    return {key: center(group) for key, group in values.items()}


def _derived(rule: Rule, read: Sequence[Mapping[str, Reading]], trials: Sequence[Record]) -> Estimate | None:
    """Estimate RULE's metric; None where it is not defined in every trial that has what it follows from.

    A rate is not defined where a trial's time is not above zero, and a time where the whole's is not: noise made the difference.
    """
    having = [
        (trial, record.observed) for trial, record in zip(read, trials, strict=True) if all(name in trial for name in rule.of)
    ]
    seconds = [rule.seconds({name: trial[name].value for name in rule.of}, facts) for trial, facts in having]
    defined = [value for value in seconds if value is not None]
    if not defined or len(defined) < len(seconds) or (rule.is_rate and min(defined) <= 0):
        return None
    samples = min(sum(len(trial[name].values) for trial, _ in having) for name in rule.of)
    estimate = _over_trials(rule.metric, defined, samples)
    if rule.metric.unit is Unit.SECOND and estimate.value <= 0:
        return None
    return _turned(estimate) if rule.is_rate else estimate


def _turned(time: Estimate) -> Estimate:
    """Turn seconds a unit into units a second: bounds change places. All are above zero, since the trials' values are."""
    return replace(
        time,
        value=1 / time.value,
        low=None if time.high is None else 1 / time.high,
        high=None if time.low is None else 1 / time.low,
        least=1 / time.most,
        most=1 / time.least,
        each=tuple(1 / value for value in time.each),
    )
