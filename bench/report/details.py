"""What stands behind a value: its percentiles, its parts, and the phases of a peak."""

from collections.abc import Sequence

from bench.domain.metric import Unit
from bench.domain.summary import Ledger, Rate, Row, place_of
from bench.report.document import Column, Section
from bench.report.keys import Keys, in_order
from bench.report.spelling import Scale, number, scale
from bench.report.tables import Cells, table

_REST, _WHOLE = "unaccounted", "end_to_end"
_UNSEEN = "not observed"


def ledgers(rows: Sequence[Row], by: Keys) -> Section | None:
    """Show where the time of one request went, stage by stage, all in one unit."""
    holding = in_order([row for row in rows if row.ledger is not None], by.names)
    if not holding:
        return None
    each = [row.ledger for row in holding if row.ledger is not None]
    scaled = scale(Unit.SECOND, [ledger.end_to_end_s for ledger in each])
    names = dict.fromkeys(name for ledger in each for name in (*_entries(ledger), *ledger.not_observed))
    stages = sorted(names.keys() - {_REST, _WHOLE}, key=lambda name: (place_of(name), list(names).index(name)))
    columns = [_column(name, scaled, each) for name in (*stages, _REST, _WHOLE)]
    notes = ["one request, watched by hooks: the median pass of the median trial; stages and what is unaccounted sum to end_to_end"]
    if any(ledger.not_observed for ledger in each):
        notes.append(f"{_UNSEEN}: the model has modules of the stage, none was called; what they may have done is in other stages")
    drawn = table(holding, by, columns)
    return Section(title="Where the time of a request goes", table=drawn, shared=by.shared(holding), notes=tuple(notes))


def _column(name: str, by: Scale, each: Sequence[Ledger]) -> Cells:
    """Make the column of the stage NAME; where it was not seen in a ledger that has it, its cell says so."""
    column, cells = _amounts(name, by, [_entries(ledger).get(name) for ledger in each])
    return column, [_UNSEEN if name in ledger.not_observed else cell for ledger, cell in zip(each, cells, strict=True)]


def _entries(ledger: Ledger) -> dict[str, float]:
    stages = {stage.name: stage.seconds for stage in ledger.stages}
    return {**stages, _REST: ledger.residual_s, _WHOLE: ledger.end_to_end_s}


def _amounts(title: str, by: Scale, values: Sequence[float | None]) -> Cells:
    """Make a column of plain amounts."""
    return Column(title=title, unit=by.unit), ["" if value is None else number(value / by.factor) for value in values]


def stage_rates(rows: Sequence[Row], by: Keys) -> Section | None:
    """Show how much a second went through each stage of that request, where it is known how much did."""
    found = {id(row): {rate.metric.name: rate for stage in row.ledger.stages for rate in stage.rates} for row in rows if row.ledger}
    holding = in_order([row for row in rows if found.get(id(row))], by.names)
    if not holding:
        return None
    stages = {rate.metric.name: stage.name for row in holding if row.ledger for stage in row.ledger.stages for rate in stage.rates}
    names = sorted(stages, key=lambda name: place_of(stages[name]))
    columns = []
    for name in names:
        each = [found[id(row)].get(name) for row in holding]
        there = [rate for rate in each if rate is not None]
        columns.append(_amounts(name, scale(there[0].metric.unit, [rate.value for rate in there]), _values(each)))
    note = (
        "what went through a stage of the ledger above, over the seconds of that stage in the same pass, so hooks are in it; "
        "audio_rate is seconds of sound a second"
    )
    drawn = table(holding, by, columns)
    return Section(title="Rates of the stages", table=drawn, shared=by.shared(holding), notes=(note,), detail=True)


def _values(rates: Sequence[Rate | None]) -> list[float | None]:
    return [None if rate is None else rate.value for rate in rates]


def percentiles(rows: Sequence[Row], by: Keys) -> Section | None:
    """Show the percentiles that the samples support, with their intervals where there are such."""
    found = {(name, percentile.share): None for row in rows for name, one in row.metrics.items() for percentile in one.percentiles}
    holding = in_order([row for row in rows if any(one.percentiles for one in row.metrics.values())], by.names)
    if not found:
        return None
    columns = [_percentile_column(name, share, holding) for name, share in found]
    note = "of samples pooled over trials, shown where 29, 59 and 299 of them support p90, p95 and p99; (a–b) is the 95 % interval"  # noqa: RUF001
    drawn = table(holding, by, columns)
    return Section(title="Percentiles", table=drawn, shared=by.shared(holding), notes=(note,), detail=True)


def _percentile_column(name: str, share: float, rows: Sequence[Row]) -> Cells:
    each = [
        next((found for found in row.metrics[name].percentiles if found.share == share), None) if name in row.metrics else None
        for row in rows
    ]
    scaled = scale(Unit.SECOND, [found.value for found in each if found is not None])
    cells = []
    for found in each:
        text = "" if found is None else number(found.value / scaled.factor)
        if found is not None and found.low is not None and found.high is not None:
            text += f" ({number(found.low / scaled.factor)}–{number(found.high / scaled.factor)})"  # noqa: RUF001 -- a range
        cells.append(text)
    return Column(title=f"{name} p{share * 100:.0f}", unit=scaled.unit), cells


def breakdown(title: str, rows: Sequence[Row], by: Keys, names: Sequence[str], of: str) -> list[Section | None]:
    """Show the parts, or the phases, of each of the metrics NAMES in a table of its own."""
    return [_broken_down(f"{title}: {name}", [row for row in rows if name in row.metrics], by, name, of) for name in names]


def _broken_down(title: str, rows: Sequence[Row], by: Keys, name: str, of: str) -> Section | None:
    pieces = {id(row): row.metrics[name].parts if of == "parts" else row.metrics[name].phases for row in rows}
    holding = in_order([row for row in rows if pieces[id(row)]], by.names)
    if not holding:
        return None
    unit = holding[0].metrics[name].metric.unit
    names = dict.fromkeys(piece for row in holding for piece in pieces[id(row)])
    columns = []
    for name_of in names:
        values = [pieces[id(row)].get(name_of) for row in holding]
        columns.append(_amounts(name_of, scale(unit, [value for value in values if value is not None]), values))
    return Section(title=title, table=table(holding, by, columns), shared=by.shared(holding), detail=True)
