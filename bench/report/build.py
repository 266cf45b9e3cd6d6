"""From a summary to the format-neutral report: what holds for all of it first, then what it measured, then what it could not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.domain.listing import some
from bench.domain.outcome import Outcome
from bench.domain.summary import Row, Run, Summary
from bench.domain.values import Json
from bench.report.document import Column, Report, Section, Table
from bench.report.groups import sections
from bench.report.growth import growth
from bench.report.keys import Keys, in_order, keys, shown
from bench.report.spelling import size

_LIBRARIES = ("torch", "transformers")


def build(summary: Summary) -> Report:
    """Build the report of SUMMARY."""
    by = keys(summary.rows)
    made = [*sections(summary.rows, by), growth(summary.growths), _without(summary.rows, by), _remarks(summary)]
    return Report(
        title=f"Benchmark of {', '.join(dict.fromkeys(row.suite for row in summary.rows)) or 'nothing'}",
        facts=(*(line for run in summary.runs for line in _run(run)), _counts(summary.rows), *_constants(by)),
        sections=tuple(section for section in made if section is not None),
    )


def _run(run: Run) -> tuple[str, ...]:
    commits = f", suite at commit {', '.join(map(_short, run.commits))}" if run.commits else ""
    began = f"Run {run.id}, begun {run.started_at}{commits}"
    about = environment(run.environment)
    return (began, f"Machine: {about}") if about else (began,)


def _short(commit: str) -> str:
    """Shorten COMMIT, keeping the mark of changes that were not committed."""
    return commit[:10] + ("+" if commit.endswith("+") else "")


def environment(facts: Mapping[str, Json]) -> str:
    """Put machine and libraries into one line; what is not known is left out."""
    memory = facts.get("memory_bytes")
    libraries = facts.get("libraries")
    versions = libraries if isinstance(libraries, Mapping) else {}
    parts = [
        facts.get("cpu"),
        _cores(facts),
        size(memory) if isinstance(memory, int | float) else None,
        *_accelerators(facts.get("accelerators")),
        facts.get("os"),
        f"Python {facts['python']}" if "python" in facts else None,
        *(f"{name} {versions[name]}" for name in _LIBRARIES if name in versions),
    ]
    return " · ".join(str(part) for part in parts if part)


def _cores(facts: Mapping[str, Json]) -> str | None:
    logical, physical = facts.get("cores_logical"), facts.get("cores_physical")
    return f"{logical} cores" + (f" ({physical} physical)" if physical not in {None, logical} else "") if logical else None


def _accelerators(found: Json) -> list[str]:
    """Name the accelerators, alike ones once with their number."""
    cards = found if isinstance(found, list | tuple) else ()
    names = Counter(str(card.get("name", "accelerator")) for card in cards if isinstance(card, Mapping))
    return [f"{count} × {name}" for name, count in names.items()]  # noqa: RUF001 -- a product


def _counts(rows: Sequence[Row]) -> str:
    outcomes = Counter(row.outcome for row in rows)
    each = ", ".join(f"{outcomes[outcome]} {outcome.value}" for outcome in Outcome if outcome in outcomes)
    trials = sorted({row.finished for row in rows if row.outcome is Outcome.FINISHED})
    of_each = f", of {_many(trials[0], 'trial')} each" if len(trials) == 1 else ""
    return f"{_many(len(rows), 'case')}{': ' if each else ''}{each}{of_each}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _constants(by: Keys) -> tuple[str, ...]:
    """Say once what is the same in all cases that it applies to."""
    said = [f"{name} {value}" for name, value in by.constants if name not in {"run", "suite"}]
    return (f"In all cases: {', '.join(said)}",) if said else ()


def _without(rows: Sequence[Row], by: Keys) -> Section | None:
    """List the cases that did not finish, with the reason."""
    failed = in_order([row for row in rows if row.outcome is not Outcome.FINISHED], by.names)
    if not failed:
        return None
    names = by.of(failed)
    columns = (
        *(Column(title=name, key=True) for name in names),
        Column(title="outcome", key=True),
        Column(title="trials", key=True),
    )
    table = Table(
        columns=(*columns, Column(title="reason", prose=True)),
        rows=tuple(
            (
                *(shown(row, name) for name in names),
                row.outcome.value,
                f"{row.finished} of {row.planned}" if row.planned else "",
                row.reason or "",
            )
            for row in failed
        ),
    )
    return Section(
        title="Not finished",
        table=table,
        shared=by.shared(failed),
        notes=("trials: how many finished; only those have numbers above",),
    )


def _remarks(summary: Summary) -> Section | None:
    """List the remarks, those on rows once with the rows that they concern."""
    concerned: dict[str, list[str]] = {}
    for row in summary.rows:
        for remark in row.remarks:
            concerned.setdefault(remark, []).append(row.case.label)
    numbered = sum(1 for row in summary.rows if row.metrics)
    points = (*summary.remarks, *(f"{remark} ({_whose(labels, numbered)})" for remark, labels in concerned.items()))
    return Section(title="Remarks", points=points) if points else None


def _whose(labels: Sequence[str], every: int) -> str:
    if len(labels) == every > 1:
        return "all cases with numbers"
    return some(labels, 3)
