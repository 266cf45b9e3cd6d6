"""Series of many runs as something to read: one line a series with its course drawn small, then every change with its causes."""

from collections.abc import Mapping, Sequence

from bench.domain.history import Change, Series
from bench.domain.listing import some
from bench.domain.metric import Unit
from bench.domain.values import Json
from bench.protocol.codec import to_json
from bench.report.changes import amount, fact
from bench.report.document import Column, Report, Section, Table

_BLOCKS = "▁▂▃▄▅▆▇█"
_LONGEST = 60
"""Points that a course shows: the newest ones."""
_AT_MOST = 4


def build(series: Sequence[Series]) -> Report:
    """Build the report of SERIES."""
    machines = {one.fingerprint for one in series}
    runs = {point.run for one in series for point in one.points}
    return Report(
        title="History",
        facts=(
            f"{len(runs)} runs, {len({one.case.id for one in series})} cases, {len(machines)} machines, {len(series)} series",
            "A change stays for two runs and more and is larger than the scatter between neighbouring runs",
        ),
        sections=tuple(section for section in (_table(series), _changes(series)) if section is not None),
    )


def answer(series: Sequence[Series]) -> Json:
    """Give SERIES as programs read them: SI units, nothing rounded."""
    return [
        {
            "case": {"id": one.case.id, "label": one.case.label},
            "metric": one.metric.name,
            "unit": (Unit.ONE if one.ratio else one.metric.unit).value,
            "ratio": one.ratio,
            "fingerprint": one.fingerprint,
            "points": to_json(one.points),
            "changes": [{**_as_mapping(to_json(change.found)), "unlike": to_json(change.unlike)} for change in one.changes],
        }
        for one in series
    ]


def _as_mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)  # noqa: S101 -- the codec makes objects of dataclasses
    return value


def sparkline(values: Sequence[float]) -> str:
    """Draw the course of VALUES, the newest 60, one character each, from their least to their most."""
    shown = values[-_LONGEST:]
    least, most = min(shown), max(shown)
    if least == most:
        return _BLOCKS[0] * len(shown)
    return "".join(_BLOCKS[round((value - least) / (most - least) * (len(_BLOCKS) - 1))] for value in shown)


def _table(series: Sequence[Series]) -> Section | None:
    if not series:
        return None
    columns = (
        *(Column(title=name, key=True) for name in ("case", "metric", "machine")),
        *(Column(title=name) for name in ("runs", "first", "last", "changes")),
        Column(title="course", prose=True),
    )
    rows = tuple(
        (
            one.case.label,
            _named(one),
            one.fingerprint,
            str(len(one.points)),
            _value(one, 0),
            _value(one, -1),
            str(len(one.changes)) if one.changes else "",
            sparkline([point.value for point in one.points]),
        )
        for one in series
    )
    note = f"a course goes from the series' least to its most, the newest {_LONGEST} runs of it; machines are never in one series"
    return Section(title="Series", table=Table(columns=columns, rows=rows), notes=(note,))


def _named(one: Series) -> str:
    return f"{one.metric.name}, head/base" if one.ratio else one.metric.name


def _value(one: Series, place: int) -> str:
    if one.ratio:
        return f"{one.points[place].value:.4f}"
    return amount(one.points[place].value, one.metric.unit, exactly=one.metric.deterministic)


def _changes(series: Sequence[Series]) -> Section | None:
    points = [_said(one, change) for one in series for change in one.changes]
    return Section(title="Changes that stayed", points=tuple(points)) if points else None


def _said(one: Series, change: Change) -> str:
    found, point = change.found, one.points[change.found.at]
    moved = some((f"{two.what} {fact(two.base, 24)} → {fact(two.head, 24)}" for two in change.unlike), _AT_MOST)
    size = f"ratio {found.ratio:.3f} [{found.low:.3f}, {found.high:.3f}]"
    return (
        f"{one.case.label}, {_named(one)}: {size} from run {point.run} on; "
        f"{f'not alike there: {moved}' if moved else 'environment, commit and procedure are alike there'}"
    )
