"""How much of n ranks is of use: T1/(n Tn), against the row of the same run that differs in its ranks alone and has one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.domain.metric import Better, Metric, Unit
from bench.domain.summary import Estimate, Row
from bench.domain.values import canonical

EFFICIENCY = Metric(name="scaling_efficiency", unit=Unit.ONE, better=Better.HIGHER, definition="scaling_efficiency.v1")
TIMES = ("e2e", "forward")
"""What T is: the first of these that both rows have."""
_OF_RANKS = frozenset({"ranks", "parallel"})


def scaled(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Give ROWS, those of several ranks with their efficiency where the row of one rank is among them.

    Bounds are those that the intervals of both times leave.
    """
    alone = {_but_ranks(row): row for row in rows if row.case.requested.get("ranks") == 1}
    return tuple(_with(row, alone.get(_but_ranks(row))) for row in rows)


def _but_ranks(row: Row) -> tuple[str, str, str]:
    requested = {axis: value for axis, value in row.case.requested.items() if axis not in _OF_RANKS}
    return row.run, row.suite, canonical(requested)


def _with(row: Row, one: Row | None) -> Row:
    ranks = row.case.requested.get("ranks")
    if one is None or not isinstance(ranks, int) or ranks == 1:
        return row
    name = next((name for name in TIMES if name in row.metrics and name in one.metrics), None)
    if name is None or not row.metrics[name].value:
        return row
    metrics: Mapping[str, Estimate] = {**row.metrics, EFFICIENCY.name: _efficiency(one.metrics[name], row.metrics[name], ranks)}
    return replace(row, metrics=metrics)


def _efficiency(one: Estimate, several: Estimate, ranks: int) -> Estimate:
    bounded = None not in {one.low, one.high, several.low, several.high}
    return Estimate(
        metric=EFFICIENCY,
        value=one.value / (ranks * several.value),
        low=(one.low or 0) / (ranks * (several.high or 1)) if bounded else None,
        high=(one.high or 0) / (ranks * (several.low or 1)) if bounded and several.low else None,
        least=one.least / (ranks * several.most),
        most=one.most / (ranks * several.least) if several.least else one.most,
        n=min(one.n, several.n),
        trials=min(one.trials, several.trials),
    )
