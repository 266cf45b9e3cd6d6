"""pytest-benchmark's JSON, so that its `compare` command and what reads its files read our runs: one benchmark a case and step.

Its rounds are our iterations, pooled over trials in their order; `extra_info` has the case, and how many rounds are of each trial,
so that `bench import` gives the records back. Its statistics are computed by its own class.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.domain.errors import UsageError
from bench.domain.metric import Metric, Unit
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.domain.values import Json
from bench.protocol.codec import to_json
from bench.report.formats import Material

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIX = ".json"
_MEASURED = "measure."
_FORM = "5.3.1"
"""The version of pytest-benchmark whose form this is."""


def render(material: Material) -> str:
    """Render the times of MATERIAL's steps.

    Raises UsageError where pytest-benchmark is missing, and where the records are of more than one run.
    """
    describe = _statistics()
    runs = dict.fromkeys(record.run for record in material.records)
    if len(runs) > 1:
        raise UsageError(f"a file of pytest-benchmark holds one run, and these are {len(runs)}: name one")
    found = [_benchmark(name, trials, describe) for name, trials in _trials(material.records).items()]
    first = material.records[0] if material.records else None
    answer = {
        "machine_info": {} if first is None else _machine(first.environment),
        "commit_info": {"id": None if first is None else first.suite.commit, "dirty": False},
        "benchmarks": found,
        "datetime": "" if first is None else min(record.started_at for record in material.records),
        "version": _FORM,
    }
    return f"{json.dumps(answer, indent=1, allow_nan=False)}\n"


def _statistics() -> "Callable[[Sequence[float]], dict[str, Json]]":
    try:
        kind: Any = import_module("pytest_benchmark.stats").Stats
    except ImportError as error:
        raise UsageError("this form needs pytest-benchmark: pip install 'transformers-bench[test]'") from error

    def describe(values: Sequence[float]) -> dict[str, Json]:
        stats = kind()
        for value in values:
            stats.update(value)
        return {**stats.as_dict(), "data": list(values), "iterations": 1}

    return describe


def _trials(records: Sequence[Record]) -> dict[tuple[str, str], list[tuple[Record, Metric, tuple[float, ...]]]]:
    """Give, for each case and step, its finished trials in the order of their numbers with their samples."""
    found: dict[tuple[str, str], list[tuple[Record, Metric, tuple[float, ...]]]] = {}
    for record in sorted(records, key=lambda one: (one.case.label, one.trial or 0)):
        for metric, values in _steps(record) if record.outcome is Outcome.FINISHED else ():
            found.setdefault((record.case.id, metric.name), []).append((record, metric, values))
    return found


def _steps(record: Record) -> Iterator[tuple[Metric, tuple[float, ...]]]:
    for some in record.samples:
        if some.metric.unit is Unit.SECOND and some.phase.startswith(_MEASURED) and some.part is None:
            yield some.metric, some.values


def _benchmark(
    key: tuple[str, str],
    trials: Sequence[tuple[Record, Metric, tuple[float, ...]]],
    describe: "Callable[[Sequence[float]], dict[str, Json]]",
) -> Mapping[str, Json]:
    record, metric, _ = trials[0]
    name = f"{record.case.label} {key[1]}"
    return {
        "group": metric.name,
        "name": name,
        "fullname": f"{record.suite.file}::{name}",
        "params": None,
        "param": None,
        "extra_info": {
            "bench": {
                "case": to_json(record.case),
                "metric": to_json(metric),
                "suite": to_json(record.suite),
                "observed": to_json(record.observed),
                "environment": to_json(record.environment),
                "rounds": [len(values) for _, _, values in trials],
            }
        },
        "options": {"warmup": True},
        "stats": describe([value for _, _, values in trials for value in values]),
    }


def _machine(facts: Mapping[str, Json]) -> Mapping[str, Json]:
    """Say what its form has of a machine, as far as it is known."""
    return {
        "machine": facts.get("architecture"),
        "system": str(facts.get("os", "")).partition("-")[0],
        "release": facts.get("os"),
        "python_version": facts.get("python"),
        "cpu": {"brand_raw": facts.get("cpu"), "count": facts.get("cores_logical")},
    }
