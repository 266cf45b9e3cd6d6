"""pytest-benchmark's JSON as records: a benchmark is a case, and the process that ran it one trial.

Files that `bench report --format pytest-benchmark` wrote give back the cases, metrics and trials that they were made from. Of
others the rounds are the samples; where the file has no rounds (saved without --benchmark-save-data), its median is the only
sample, and the record says so.
"""

import hashlib
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.domain.errors import RecordsError
from bench.domain.metric import Better, Metric, Samples, Unit
from bench.domain.outcome import Outcome
from bench.domain.plan import Case
from bench.domain.procedure import Procedure
from bench.domain.record import Record, SuiteOrigin
from bench.domain.values import Json, canonical
from bench.protocol.codec import dumps, from_json

ROUND = Metric(name="pytest_benchmark", unit=Unit.SECOND, better=Better.LOWER, definition="pytest_benchmark.v1")
"""One round of a benchmark, divided by its iterations."""
PHASE = "measure.pytest_benchmark"
Form = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What holds for the whole file."""

    path: Path
    run: str
    began: str
    environment: Form
    suite: SuiteOrigin


def read(path: Path, run: str) -> Sequence[Record]:
    """Read the file at PATH as records of RUN. Raises RecordsError, naming the place, where it is not of the tool's form."""
    data, form = _open(path)
    try:
        about = _about(path, run, form, hashlib.sha256(data).hexdigest())
    except ValueError as error:
        raise RecordsError(f"{path}: its machine_info is not of pytest-benchmark's form: {error}") from error
    records: dict[tuple[str, int], Record] = {}
    for number, benchmark in enumerate(_list(form["benchmarks"])):
        try:
            for one in _records(_object(benchmark), about):
                dumps(one)  # what no record can hold, such as NaN among the parameters, is told before any is kept
                key = (one.case.id, one.trial or 0)
                before = records.get(key)
                records[key] = one if before is None else replace(before, samples=(*before.samples, *one.samples))
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            which = f"benchmark {number}{_named(benchmark)}"
            raise RecordsError(f"{path}: {which} is not of pytest-benchmark's form: {what}") from error
    return tuple(records.values())


def _open(path: Path) -> tuple[bytes, Form]:
    """Give the file at PATH, as it is and as a form that lists benchmarks."""
    try:
        data = path.read_bytes()
        form: Json = json.loads(data)
    except OSError as error:
        raise RecordsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RecordsError(f"{path}: is not JSON: {error}") from error
    if not isinstance(form, Mapping) or not isinstance(form.get("benchmarks"), list):
        raise RecordsError(f"{path}: is no file of pytest-benchmark: it has no list of benchmarks")
    if not form["benchmarks"]:
        raise RecordsError(f"{path}: its list of benchmarks is empty: there is nothing to import")
    return data, form


def _named(benchmark: Json) -> str:
    """Give the name of BENCHMARK for a message, where it has one."""
    name = benchmark.get("fullname") if isinstance(benchmark, Mapping) else None
    return f" ({name})" if isinstance(name, str) else ""


def _about(path: Path, run: str, form: Form, digest: str) -> _File:
    machine = form.get("machine_info")
    commit = form.get("commit_info")
    named = _object(machine) if isinstance(machine, Mapping) else {}
    return _File(
        path=path,
        run=run,
        began=str(form.get("datetime", "")),
        environment=_environment(named),
        suite=SuiteOrigin(
            name=path.stem, file=str(path), digest=digest, commit=_commit(commit) if isinstance(commit, Mapping) else None
        ),
    )


def _commit(commit: Form) -> str | None:
    name = commit.get("id")
    return f"{name}{'+' if commit.get('dirty') else ''}" if isinstance(name, str) else None


def _environment(machine: Form) -> Form:
    """Say of the machine what our environments say, as far as the file knows it."""
    cpu = machine.get("cpu")
    known = _object(cpu) if isinstance(cpu, Mapping) else {}
    hardware = {"cpu": known.get("brand_raw"), "architecture": machine.get("machine"), "cores_logical": known.get("count")}
    return {
        **hardware,
        "fingerprint": hashlib.sha256(canonical(hardware).encode()).hexdigest()[:12],
        "os": f"{machine.get('system')}-{machine.get('release')}",
        "python": machine.get("python_version"),
        "imported": "pytest-benchmark",
    }


def _records(benchmark: Form, about: _File) -> list[Record]:
    """Make the records of one benchmark. Raises KeyError, TypeError or ValueError where it is not of its form."""
    stats = _object(benchmark["stats"])
    values = tuple(_number(value) for value in _list(stats.get("data") or [stats["median"]]))
    extra = benchmark.get("extra_info")
    ours = extra.get("bench") if isinstance(extra, Mapping) else None
    note = () if stats.get("data") else ("the file has no rounds: their median is the only sample",)
    if isinstance(ours, Mapping):
        alone = {**ours, "rounds": [1]} if note and len(_list(ours["rounds"])) == 1 else ours
        return [replace(one, notes=note) for one in _given_back(alone, values, about)]
    record = _record(_case(benchmark), 0, Samples(metric=ROUND, phase=PHASE, values=values), about)
    return [replace(record, notes=note)]


def _given_back(ours: Form, values: Sequence[float], about: _File) -> list[Record]:
    """Part VALUES into the trials that our own export made them from."""
    case, metric = from_json(Case, ours["case"]), from_json(Metric, ours["metric"])
    rounds = [int(_number(count)) for count in _list(ours["rounds"])]
    if sum(rounds) != len(values):
        raise ValueError(f"the trials have {sum(rounds)} rounds, the data {len(values)}")
    ends = list(itertools.accumulate(rounds))
    return [
        replace(
            _record(
                case, trial, Samples(metric=metric, phase=f"measure.{metric.name}", values=tuple(values[end - count : end])), about
            ),
            suite=from_json(SuiteOrigin, ours["suite"]),
            observed=_object(ours["observed"]),
            procedure=Procedure(trials=len(rounds), max_trials=len(rounds)),
            environment={**_object(ours["environment"]), "imported": "pytest-benchmark"},
        )
        for trial, (count, end) in enumerate(zip(rounds, ends, strict=True))
    ]


def _record(case: Case, trial: int, samples: Samples, about: _File) -> Record:
    return Record(
        run=about.run,
        suite=about.suite,
        case=case,
        trial=trial,
        started_at=about.began,
        procedure=Procedure(trials=1, max_trials=1),
        outcome=Outcome.FINISHED,
        environment=about.environment,
        samples=(samples,),
    )


def _case(benchmark: Form) -> Case:
    name = str(benchmark["fullname"])
    params = benchmark.get("params")
    requested: dict[str, Json] = {"model": name, "task": "pytest-benchmark", "scenario": "inference"}
    if isinstance(params, Mapping):
        requested |= {f"param.{key}": value for key, value in params.items()}
    return Case(id=hashlib.sha256(canonical(requested).encode()).hexdigest()[:20], label=name, requested=requested)


def _object(value: Json) -> Form:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, found {canonical(value)[:60]}")
    return value


def _list(value: Json) -> Sequence[Json]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array, found {canonical(value)[:60]}")
    return value


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, found {canonical(value)[:60]}")
    if not abs(value) <= sys.float_info.max:  # NaN is smaller than nothing
        raise ValueError(f"expected a finite number, found {str(value)[:60]}")
    return float(value)
