"""One case asked for by keywords, as from a test: the suite that it stands for goes the way that every suite goes."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.domain.errors import SuiteError, UsageError
from bench.domain.values import Json
from bench.workflow.plans import draw_up, read_suites
from bench.workflow.reports import summarize
from bench.workflow.runs import run

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.plan import Plan, PlannedCase
    from bench.domain.record import Record
    from bench.domain.summary import Row
    from bench.execution.carry_out import Listener
    from bench.execution.executors import Executor

_LOAD = ("page_cache", "mmap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case that was measured in trials of its own: its row, as reports have it, its records, and the run's directory."""

    row: "Row"
    records: "tuple[Record, ...]"
    directory: Path

    def value(self, metric: str) -> float:
        """Give the case's value of METRIC, in its SI unit. Raises UsageError where it has none of this name."""
        found = self.row.metrics.get(metric)
        if found is None:
            raise UsageError(f"{self.row.case.label} has no metric {metric!r} (has: {', '.join(self.row.metrics)})")
        return found.value


def plan_case(name: str, model: "str | Mapping[str, Json]", **asked: Json) -> "Plan":
    """Draw up the plan of the one case of MODEL that ASKED means; the suite of its records is called NAME.

    ASKED are a task, a revision, the axes, page_cache, and keys of a suite's procedure. Raises UsageError with everything that is
    wrong, in the words that problems of a suite have.
    """
    suite = _suite(name, model, asked)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "case.yaml"
        path.write_text(json.dumps(suite), encoding="utf-8")
        try:
            plan = draw_up(read_suites([path], allow_floating=False))
        except SuiteError as error:
            raise UsageError("; ".join(dict.fromkeys(problem.what for problem in error.problems))) from error
    return _called(plan, name)


def _suite(name: str, model: "str | Mapping[str, Json]", asked: Mapping[str, Json]) -> Mapping[str, Json]:
    """Sort ASKED into the parts of a suite. What is in none of them is taken for an axis, and refused with those that there are."""
    from bench.planning.forms import Sampling

    sampling = {key: value for key, value in asked.items() if key in Sampling.model_fields}
    load = {key: value for key, value in asked.items() if key in _LOAD}
    task, revision = asked.get("task"), asked.get("revision")
    own = {"task", "revision", *sampling, *load}
    return {
        "version": 1,
        "name": name,
        "models": [_model(model, task, revision)],
        "axes": {key: [value] for key, value in asked.items() if key not in own},
        "procedure": sampling,
        "load": load,
    }


def _model(model: "str | Mapping[str, Json]", task: Json, revision: Json) -> Json:
    """Spell MODEL as an entry of a suite: a mapping as it is, a name by what it names."""
    from bench.domain.model import Kind
    from bench.models import naming

    more = {} if task is None else {"task": task}
    if isinstance(model, Mapping):
        return {**model, **more}
    ref = naming.name_model(model, revision=None if revision is None else str(revision))
    if ref.kind is Kind.HUB:
        return {"hub": ref.where, **({} if ref.revision is None else {"revision": ref.revision}), **more}
    return {"preset" if ref.kind is Kind.PRESET else "path": ref.where, **more}


def _called(plan: "Plan", name: str) -> "Plan":
    """Give PLAN with NAME in the place of the file, which is gone."""
    from dataclasses import replace

    def named(one: "PlannedCase") -> "PlannedCase":
        return replace(one, suite=replace(one.suite, file=name))

    return replace(
        plan,
        suites=tuple(replace(suite, file=name) for suite in plan.suites),
        cases=tuple(named(planned) for planned in plan.cases),
        skipped=tuple(replace(one, suite=replace(one.suite, file=name)) for one in plan.skipped),
    )


def measure_case(plan: "Plan", out: Path, executor: "Executor", listener: "Listener", command: tuple[str, ...]) -> Measured:
    """Measure the one case of PLAN in trials of its own, recorded in a run directory in OUT. Raises what `run` raises."""
    ran = run(plan, out=out, resume=False, executor=executor, listener=listener, command=command)
    (row,) = summarize(ran.records).rows
    return Measured(row=row, records=tuple(ran.records), directory=ran.directory.path)
