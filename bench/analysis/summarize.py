"""From records to a summary: one row a case and run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.analysis import ends, remarks
from bench.analysis.drift import drift
from bench.analysis.estimate import estimates
from bench.analysis.growth import growths
from bench.analysis.ledgers import ledger
from bench.analysis.remarks import Evidence
from bench.analysis.scaling import scaled
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.record import Record
from bench.domain.summary import Row, Run, Summary
from bench.domain.values import Json, canonical

READINGS = frozenset({"host_baseline_bytes", "page_cache_resident"})
"""Observed facts that are readings of the machine: they differ between trials by nature, and no remark is made of it."""


def summarize(records: Sequence[Record], found: Sequence[str] = ()) -> Summary:
    """Summarise RECORDS, of which each is the one that counts for its trial; FOUND are remarks of those who read them.

    Rows and runs stand in the order in which their first records do; within a row only the trials' numbers order them. A row is
    `finished` where all its trials are; otherwise it carries the first other outcome with its reason, and the metrics of the
    trials that finished. A deterministic metric that differs between trials makes the row an error, which names it.
    """
    groups: dict[tuple[str, str, str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.run, record.suite.name, record.suite.digest, record.case.id), []).append(record)
    found_in = [_row(sorted(group, key=_number)) for group in groups.values()]
    rows = scaled([evidence.row for evidence in found_in])
    return Summary(
        runs=_runs(records),
        rows=rows,
        growths=growths(rows),
        remarks=(*found, *remarks.of_all(found_in)),
    )


def _number(record: Record) -> tuple[int, int]:
    return (-1 if record.trial is None else record.trial, record.attempt)


def _row(group: Sequence[Record]) -> Evidence:
    first = group[0]
    finished = [record for record in group if record.outcome is Outcome.FINISHED]
    other = next((record for record in group if record.outcome is not Outcome.FINISHED), None)
    metrics, wrong = estimates(finished)
    outcome, reason, code = (Outcome.FINISHED, None, None) if other is None else (other.outcome, other.reason, other.reason_code)
    if other is None and wrong:
        outcome, reason, code = Outcome.ERROR, "; ".join(wrong), ReasonCode.DIFFERS_BETWEEN_TRIALS
    observed, differing = merged([record.observed for record in finished or group])
    row = Row(
        run=first.run,
        suite=first.suite.name,
        case=first.case,
        outcome=outcome,
        reason=reason,
        reason_code=code,
        observed=observed,
        metrics=metrics,
        ledger=ledger(finished),
        planned=0 if first.trial is None else max(first.procedure.trials, len(group)),
        finished=len(finished),
        marked=sum(1 for record in finished if record.noise.get("marks")),
        stopped_by=_stopped_by(finished),
        trials_stopped_by=ends.why(group, metrics),
    )
    row = replace(row, drift=drift(row))
    said = (*(wrong if other is not None else ()), *(_differs(name) for name in differing if name not in READINGS))
    evidence = Evidence(row=row, trials=tuple(finished))
    return replace(evidence, row=replace(row, remarks=(*said, *remarks.of_row(evidence))))


def _differs(name: str) -> str:
    return f"{name} was not observed to be the same in every trial: all values are listed"


def merged(facts: Iterable[Mapping[str, Json]]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Merge FACTS: what is equal in all of them stays, what differs becomes the list of its values; those are named second."""
    values: dict[str, dict[str, Json]] = {}
    for some in facts:
        for name, value in some.items():
            values.setdefault(name, {})[canonical(value)] = value
    same = {name: next(iter(found.values())) if len(found) == 1 else list(found.values()) for name, found in values.items()}
    return same, tuple(name for name, found in values.items() if len(found) > 1)


def _stopped_by(trials: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Give for each phase of TRIALS the reasons why sampling ended in it, each once."""
    reasons: dict[str, dict[str, None]] = {}
    for record in trials:
        for phase in record.phases:
            if phase.stopped_by is not None:
                reasons.setdefault(phase.name, {})[phase.stopped_by] = None
    return {name: tuple(found) for name, found in reasons.items()}


def _runs(records: Iterable[Record]) -> tuple[Run, ...]:
    by_run: dict[str, list[Record]] = {}
    for record in records:
        by_run.setdefault(record.run, []).append(record)
    return tuple(
        Run(
            id=name,
            environment=merged([record.environment for record in sorted(group, key=lambda record: record.started_at)])[0],
            started_at=min(record.started_at for record in group),
            suites=tuple(dict.fromkeys(record.suite.name for record in group)),
            commits=tuple(dict.fromkeys(record.suite.commit for record in group if record.suite.commit is not None)),
        )
        for name, group in by_run.items()
    )
