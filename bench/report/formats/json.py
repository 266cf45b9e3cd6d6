"""JSON for programs: schema 1 of `bench report --format json`, nothing rounded, SI units."""

import json
from collections.abc import Mapping

from bench.domain.metric import Unit
from bench.domain.summary import Estimate, Growth, Ledger, Rate, Row, Run
from bench.domain.values import Json
from bench.protocol.codec import to_json
from bench.report.formats import Material

SUFFIX = ".json"
SCHEMA = 1


def render(material: Material) -> str:
    """Render the summary of MATERIAL."""
    summary = material.summary
    answer = {
        "schema": SCHEMA,
        "runs": [_run(run) for run in summary.runs],
        "rows": [_row(row) for row in summary.rows],
        **({"growth": [_growth(one) for one in summary.growths]} if summary.growths else {}),
        "remarks": summary.remarks,
    }
    return f"{json.dumps(to_json(answer), indent=2, allow_nan=False)}\n"


def _run(run: Run) -> Mapping[str, object]:
    return {
        "id": run.id,
        "environment": run.environment,
        "started_at": run.started_at,
        "suites": run.suites,
        "commits": run.commits,
    }


def _row(row: Row) -> Mapping[str, object]:
    return {
        "case": {"id": row.case.id, "label": row.case.label, "requested": row.case.requested, "observed": row.observed},
        "run": row.run,
        "suite": row.suite,
        "outcome": row.outcome,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "metrics": {name: metric(estimate) for name, estimate in row.metrics.items()},
        "trials": {"planned": row.planned, "finished": row.finished, "marked": row.marked},
        "stopped_by": row.stopped_by,
        "trials_stopped_by": row.trials_stopped_by,
        **({"drifted": row.drift is not None} if "parity_reference" in row.observed else {}),
        "remarks": row.remarks,
        **({} if row.ledger is None else {"ledger": _ledger(row.ledger)}),
    }


def _growth(one: Growth) -> Mapping[str, object]:
    return {
        "run": one.run,
        "suite": one.suite,
        "case": one.label,
        "over": one.over,
        "lengths": one.lengths,
        "metric": one.metric.name,
        "exponent": one.exponent,
        "low": one.low,
        "high": one.high,
        "last": one.last,
    }


def _ledger(ledger: Ledger) -> Mapping[str, object]:
    return {
        "stages": [
            {
                "stage": stage.name,
                "value": stage.seconds,
                "unit": Unit.SECOND,
                **({"parts": stage.parts} if stage.parts else {}),
                **({"per_item": stage.seconds / ledger.items} if ledger.items else {}),
                **({"rates": {rate.metric.name: _rate(rate) for rate in stage.rates}} if stage.rates else {}),
            }
            for stage in ledger.stages
        ],
        **({"items": ledger.items} if ledger.items else {}),
        "end_to_end": ledger.end_to_end_s,
        "residual": ledger.residual_s,
        "not_observed": ledger.not_observed,
    }


def _rate(rate: Rate) -> Mapping[str, Json]:
    one = rate.metric
    return {"value": rate.value, "unit": one.unit.value, "better": one.better.value, "definition": one.definition}


def metric(estimate: Estimate) -> Mapping[str, Json]:
    """Give an estimate as programs read it: interface.md's fields, then what is beside them where there is such."""
    beside: dict[str, Json] = {
        "parts": dict(estimate.parts),
        "phases": dict(estimate.phases),
        "percentiles": [
            {"share": found.share, "value": found.value, "low": found.low, "high": found.high} for found in estimate.percentiles
        ],
    }
    return {
        "value": estimate.value,
        "unit": estimate.metric.unit.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "trials": estimate.trials,
        "better": estimate.metric.better.value,
        "definition": estimate.metric.definition,
        "least": estimate.least,
        "most": estimate.most,
        "deterministic": estimate.metric.deterministic,
        **{name: value for name, value in beside.items() if value},
    }
