"""Many runs as series: one a case, metric and machine, with the changes that stayed and what else changed there.

A series of runs' own values resolves only what exceeds the spread between runs (docs/verdicts.md has how much that is). A/B runs
make series of their own, of ratios head/base against one base, in which the minute cancels; the two kinds are never mixed.
"""

import math
from collections.abc import Iterator, Sequence

from bench.analysis import paired
from bench.analysis.change_points import change_points
from bench.analysis.compare import RATES
from bench.analysis.summarize import summarize
from bench.analysis.unlike import between
from bench.domain.history import Change, Point, Series
from bench.domain.record import Record, Side
from bench.domain.summary import Row, Run
from bench.domain.values import canonical

SHOWN = ("forward", "e2e", "ttft_model", "tpot", "train.step", "load.total", "params.bytes")
"""The metrics of a history for which none is named."""


def history(records: Sequence[Record], metrics: Sequence[str] = ()) -> tuple[Series, ...]:
    """Make the series of METRICS, where there are none those that matter most, from RECORDS of many runs."""
    wanted = metrics or SHOWN
    alone = [record for record in records if record.paired is None]
    summary = summarize(alone)
    runs = {run.id: run for run in summary.runs}
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in summary.rows:
        for name in row.metrics:
            if name in wanted and (metrics or name not in RATES):
                key = (row.case.id, row.metrics[name].metric.definition, str(runs[row.run].environment.get("fingerprint")))
                grouped.setdefault(key, []).append(row)
    by_run = _by_run(alone)
    made = [_series(definition, fingerprint, rows, runs, by_run) for (_, definition, fingerprint), rows in grouped.items()]
    made += _ratios([record for record in records if record.paired is not None], wanted)
    return tuple(sorted(made, key=lambda one: (one.case.label, wanted.index(one.metric.name), one.ratio, one.fingerprint)))


def _by_run(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.run, []).append(record)
    return found


def _ratios(records: Sequence[Record], wanted: Sequence[str]) -> list[Series]:
    """Make the series of ratios of A/B runs: one a case of head, metric, machine and base, a point a run."""
    sides: dict[str, tuple[list[Record], list[Record]]] = {}
    for record in records:
        assert record.paired is not None  # noqa: S101 -- the caller has chosen those
        sides.setdefault(record.paired.ab, ([], []))[record.paired.side is Side.HEAD].append(record)
    grouped: dict[tuple[str, ...], list[tuple[Point, paired.Apart, Record]]] = {}
    for base, head in sides.values():
        for both in paired.pairs(base, head).values():
            before, after = both[0]
            for name, apart in paired.apart(both).items():
                if name in wanted and apart.logged:
                    point = Point(run=after.run, started_at=after.started_at, value=math.exp(apart.middle()))
                    key = (
                        after.case.id,
                        apart.metric.definition,
                        str(after.environment.get("fingerprint")),
                        before.case.id,
                        _code(before),
                    )
                    grouped.setdefault(key, []).append((point, apart, after))
    by_run = _by_run(records)
    made = []
    for (_, _, fingerprint, *_), found in grouped.items():
        ordered = sorted(found, key=lambda one: (one[0].started_at, one[0].run))
        points = tuple(point for point, _, _ in ordered)
        _, apart, last = ordered[-1]
        changes = tuple(_changes(points, by_run))
        made.append(
            Series(case=last.case, metric=apart.metric, fingerprint=fingerprint, points=points, changes=changes, ratio=True)
        )
    return made


def _code(record: Record) -> str:
    """Tell what a side's numbers are of, its machine apart: interpreter, libraries and the variables that were set."""
    return canonical([record.environment.get(name) for name in ("python", "libraries", "set_variables")])


def _series(
    definition: str, fingerprint: str, rows: Sequence[Row], runs: dict[str, Run], by_run: dict[str, list[Record]]
) -> Series:
    ordered = sorted(rows, key=lambda row: (runs[row.run].started_at, row.run))
    estimates = [next(one for one in row.metrics.values() if one.metric.definition == definition) for row in ordered]
    points = tuple(
        Point(run=row.run, started_at=runs[row.run].started_at, value=estimate.value)
        for row, estimate in zip(ordered, estimates, strict=True)
    )
    return Series(
        case=ordered[-1].case,
        metric=estimates[-1].metric,
        fingerprint=fingerprint,
        points=points,
        changes=tuple(_changes(points, by_run)),
    )


def _changes(points: Sequence[Point], by_run: dict[str, list[Record]]) -> Iterator[Change]:
    for found in change_points([point.value for point in points]):
        before, after = points[found.at - 1].run, points[found.at].run
        yield Change(found=found, unlike=between(by_run[before], by_run[after]))
