"""The data's way, one short function a step: suites become a plan, a plan becomes records, records become reports.

Everything that the commands do is here in the order in which it happens; the rooms below know nothing of each other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bench.domain.errors import ExitCode, Problem, SuiteError, UsageError, WorkerError
from bench.domain.outcome import Outcome, Refusal
from bench.domain.values import Json

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    import pandas as pd

    from bench.domain.comparison import Comparison, Gate, Rules, RunNoise
    from bench.domain.description import Description
    from bench.domain.history import Series
    from bench.domain.model import ModelFacts
    from bench.domain.plan import Plan, PlannedCase, Suite
    from bench.domain.record import Record
    from bench.domain.summary import Summary
    from bench.execution.carry_out import Listener
    from bench.execution.executors import Executor
    from bench.planning.plans import Filter, Source
    from bench.protocol.messages import Event, Request
    from bench.store.runs import RunDirectory

RECORDS = Path("reports/records")
"""Where run directories are made unless --out names another folder."""
BASELINES = Path("reports/baselines")
"""Where runs are kept to be compared with."""


# ── suites → plan ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_suites(files: Sequence[Path], *, allow_floating: bool = False) -> "tuple[Source, ...]":
    """Read FILES and find their models. Raises SuiteError with the problems of all of them, UsageError where one is unreadable."""
    from bench.planning.plans import Source
    from bench.planning.suites import load

    sources: list[Source] = []
    problems: list[Problem] = []
    for file in files:
        try:
            suite, draft = load(file, allow_floating=allow_floating)
            models = tuple(_find(suite, index, draft.complain, draft.root) for index in range(len(suite.models)))
            draft.settle()
        except SuiteError as error:
            problems.extend(error.problems)
        else:
            sources.append(Source(suite=suite, draft=draft, models=tuple(model for model in models if model is not None)))
    if problems:
        raise SuiteError(tuple(problems))
    return tuple(sources)


def _find(suite: "Suite", index: int, complain: Callable[[int, str], None], root: object) -> "ModelFacts | None":
    """Find what is known of model INDEX of SUITE; what the suite says wrongly of it becomes a problem of its line."""
    from bench.models import facts
    from bench.planning.tree import Node
    from bench.worker import tasks

    try:
        return facts.find(suite.models[index], tasks.declared())
    except UsageError as error:
        complain(root.line_of(("models", index)) if isinstance(root, Node) else 1, str(error))
        return None


def draw_up(sources: "Sequence[Source]", wanted: "Filter | None" = None) -> "Plan":
    """Draw up the plan of SOURCES. Raises SuiteError where their selections make no sense."""
    from bench.planning import plans

    return plans.draw_up(sources, _judge(), wanted or plans.Filter())


def _judge() -> "Callable[[ModelFacts, Mapping[str, Json]], Refusal | None]":
    """Give what says why a case cannot run, before anything is loaded: the model, then the version, then the lengths."""
    from bench.models.limits import check_limits
    from bench.worker import built

    def judge(facts: "ModelFacts", requested: Mapping[str, Json]) -> Refusal | None:
        return facts.refusals[0] if facts.refusals else built.refusal(requested) or check_limits(facts, requested)

    return judge


def expected_s(plan: "Plan") -> float | None:
    """Guess the seconds that PLAN takes; None where the size of a model is not known."""
    from bench.planning import duration

    return duration.expected_s(plan.cases)


def suite_schema() -> dict[str, Json]:
    """Give the JSON Schema of a suite."""
    from bench.planning import document

    return document.schema()


# ── plan → records ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True, kw_only=True)
class Ran:
    """What a run left: its directory, and the newest record of each trial."""

    directory: "RunDirectory"
    records: "list[Record]" = field(default_factory=list)

    def exit_code(self, *, strict: bool) -> ExitCode:
        """Give the exit code that the records mean: 3 where a trial failed, with STRICT also where a case has no numbers."""
        fine = {Outcome.FINISHED} if strict else {outcome for outcome in Outcome if not outcome.failed}
        return ExitCode.FINE if all(record.outcome in fine for record in self.records) else ExitCode.TRIALS_FAILED


def run(plan: "Plan", *, out: Path, resume: bool, executor: str, listener: "Listener", command: Sequence[str]) -> Ran:
    """Carry PLAN out and have every record on disk as its trial ends, in a run directory in OUT.

    With RESUME the newest run of the same plan is completed; where there is none, one is started. Raises UsageError where there
    is no such EXECUTOR, WorkerError where no worker can be started, CannotWriteError where the disk refuses a record.
    """
    from bench.execution import executors, trial
    from bench.store import jsonl, runs, select
    from bench.store import resume as rest

    executors.find(executor)  # one that is not there is told before a directory is made
    found = runs.newest(out, plan.digest) if resume else None
    before = [item for item in jsonl.read(found.records) if not isinstance(item, str)] if found and found.records.exists() else []
    directory = found or runs.create(out, plan.digest, [suite.file for suite in plan.suites], len(plan.cases), command)
    ran = Ran(directory=directory, records=before)
    with jsonl.Journal(directory.path) as journal:

        def keep(record: "Record") -> None:
            journal.append(record)
            ran.records.append(record)
            listener.ended(record)

        for case in rest.unrecorded(plan.skipped, before):
            keep(trial.skipped(case, directory.manifest.id))
        _carry_out(plan, ran, lambda: executors.find(executor), listener, keep)
    ran.records = list(select.newest_attempts(ran.records))
    if directory.manifest.finished_at is None:
        ran.directory = runs.finish(directory)
    return ran


def _carry_out(
    plan: "Plan", ran: Ran, make: "Callable[[], Executor]", listener: "Listener", keep: "Callable[[Record], None]"
) -> None:
    """Open an executor for each start method that has something left to do, and measure."""
    from bench.execution.carry_out import Job, by_start_method
    from bench.planning import arrange
    from bench.store import resume as rest

    done, attempts = rest.settled(ran.records), rest.attempts(ran.records)
    grown = _Growth(ran)
    for method, cases in by_start_method(plan.cases).items():
        if all(rest.key_of(trial) in done for trial in arrange.least(cases)) and not any(grown(planned) for planned in cases):
            continue
        executor = make()
        try:
            count = max(arrange.nurseries(planned.suite.procedure) for planned in cases)
            if executor.loads:
                listener.said(f"starting {count} {'nurseries' if count > 1 else 'nursery'} (importing torch and transformers)")
            capabilities = executor.open(count, method)[0]
            if capabilities.reason is not None:
                listener.said(f"trials start as fresh interpreters: {capabilities.reason}")
            job = Job(
                run=ran.directory.manifest.id,
                executor=executor,
                start={"start_method": capabilities.start_method.value, "start_method_reason": capabilities.reason},
                listener=listener,
                arrange=arrange.block,
                cores=arrange.cores,
                todo=lambda trial: rest.key_of(trial) not in done,
                attempt=lambda trial: attempts.get(rest.key_of(trial), 0) + 1,
                grows=grown,
            )
            for record in job.carry_out(cases):
                keep(record)
        finally:
            executor.close()


@dataclass(slots=True)
class _Growth:
    """Whether a case gets trials beyond its least number: only where its interval is still wider than its target."""

    ran: Ran

    def __call__(self, planned: "PlannedCase") -> bool:
        from bench.analysis.target import wants_more

        procedure = planned.suite.procedure
        if procedure.max_trials <= procedure.trials:
            return False
        own = [
            record
            for record in self.ran.records
            if record.case.id == planned.case.id and record.suite.digest == planned.suite.digest and record.trial is not None
        ]
        return wants_more(own)


# ── records → reports ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_records(paths: Iterable[Path]) -> "tuple[tuple[Record, ...], tuple[str, ...]]":
    """Read the newest record of every trial below PATHS, with a remark for each line that is none. Raises RecordsError."""
    from bench.store import select

    return select.read(tuple(paths))


def summarize(records: "Sequence[Record]", remarks: Sequence[str] = ()) -> "Summary":
    """Read RECORDS together: one row a case and run."""
    from bench.analysis.summarize import summarize as summary_of

    return summary_of(records, remarks)


def render(records: "Sequence[Record]", remarks: Sequence[str], form: str, seen_on: TextIO | None = None) -> str | bytes:
    """Render RECORDS in the form called FORM, for the stream that it will be SEEN_ON where that is one.

    Raises UsageError where there is no form of this name.
    """
    from bench.report import formats
    from bench.report.screen import PLAIN, screen

    where = PLAIN if seen_on is None else screen(seen_on)
    return formats.find(form).render(formats.Material(summary=summarize(records, remarks), records=tuple(records), screen=where))


def write(path: Path, content: str | bytes) -> None:
    """Have CONTENT in PATH, whole or not at all. Raises UsageError where it cannot be written."""
    from bench.store import whole

    try:
        whole.write(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def read(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Read run directories, record files or globs as a long-form table: one row a sample.

    Columns: run, suite, case, label, the axes, observed_*, outcome, phase, part, metric, unit, better, definition, trial,
    attempt, iteration, value (SI units). Raises RecordsError where a path holds no records.
    """
    from bench.report.long import frame

    records, _ = read_records(Path(path) for path in paths)
    return frame(records)


def summary(table: "pd.DataFrame") -> "pd.DataFrame":
    """Summarise a table that `read` gave, or a selection of its lines: one row a run, case and metric, derived metrics among them.

    Columns: run, suite, case, label, outcome, metric, unit, better, definition, value, low, high (the 95 % interval over trials,
    missing below five of them), least, most, n (samples), trials. Raises UsageError where TABLE is no such table.
    """
    from bench.report.long import estimates, records_of

    return estimates(summarize(records_of(table)))


# ── records beside records ───────────────────────────────────────────────────────────────────────────────────────────────────────


def compare(base: Path | None, head: Path, rules: "Rules", baselines: Path = BASELINES) -> "Comparison":
    """Compare the runs at BASE and HEAD by RULES, with the spread between runs that is kept in BASELINES for their machine.

    BASE None is the baseline of head's machine. Raises RecordsError where a path holds no records, UsageError where there is no
    baseline.
    """
    from bench.analysis.compare import compare as compared
    from bench.store import baselines as kept

    after, _ = read_records([head])
    before, _ = read_records([kept.find(baselines, after) if base is None else base])
    return compared(before, after, rules, kept.noise_of(baselines, after))


def judge(comparison: "Comparison", accepted: Path | None, *, strict: bool) -> "Gate":
    """Put COMPARISON to the gate, with the changes that the file ACCEPTED lists. Raises UsageError or SuiteError for that file."""
    from bench.analysis import gate
    from bench.planning import accepted as known

    path = accepted or (known.FILE if known.FILE.exists() else None)
    return gate.judge(comparison, () if path is None else known.read(path), strict=strict)


def render_comparison(form: str, comparison: "Comparison", rules: "Rules", gate: "Gate | None", seen_on: TextIO | None) -> str:
    """Render COMPARISON, judged by RULES and GATE, in FORM. Raises UsageError where there is no such form."""
    from bench.analysis.gate import gated
    from bench.report import comparison_forms
    from bench.report.screen import PLAIN, screen

    where = PLAIN if seen_on is None else screen(seen_on)
    return comparison_forms.render(form, comparison, rules, gate, gated, where)


def keep_baseline(run: Path, baselines: Path) -> Path:
    """Make the run at RUN the baseline of its machine and suites in BASELINES. Raises UsageError, RecordsError."""
    from bench.store import baselines as kept

    return kept.keep(baselines, read_records([run])[0])


def measure_noise(runs: Sequence[Path], baselines: Path) -> "tuple[RunNoise, Path, tuple[str, ...]]":
    """Measure how far RUNS of unchanged code lie apart and keep it in BASELINES, with a remark for each run left out.

    Raises UsageError where they are too few, too close in time, or not of the same code; RecordsError where there are no records.
    """
    from bench.analysis.run_noise import run_noise
    from bench.store import baselines as kept

    noise, left_out = run_noise(read_records(runs)[0])
    return noise, kept.keep_noise(baselines, noise), left_out


def history(folders: Sequence[Path], metrics: Sequence[str]) -> "tuple[Series, ...]":
    """Read all runs below FOLDERS as series of METRICS.

    Raises RecordsError where there are no runs, UsageError where none of them has such a metric.
    """
    from bench.analysis.history import history as series_of

    found = series_of(read_records(folders)[0], metrics)
    unknown = set(metrics).difference(one.metric.name for one in found)
    if unknown:
        raise UsageError(f"no run has a metric called {', '.join(sorted(unknown))}; docs/metrics.md lists the names")
    return found


def import_results(tool: str, file: Path, out: Path) -> Path:
    """Make a run directory in OUT of the results that TOOL left in FILE. Raises UsageError, RecordsError, CannotWriteError."""
    from bench.store import imports, jsonl, runs

    importer = imports.find(tool)
    importer.read(file, "")  # what cannot be read is told before a directory is made
    directory = runs.create(out, "", [str(file)], 0, ["bench", "import", tool, str(file)])
    with jsonl.Journal(directory.path) as journal:
        for record in importer.read(file, directory.manifest.id):
            journal.append(record)
    return runs.finish(directory).path


# ── the machine, and models ──────────────────────────────────────────────────────────────────────────────────────────────────────


def ask_worker(request: "Request") -> "list[Event]":
    """Start one worker, let it carry REQUEST out and give its events. Raises WorkerError."""
    from bench.domain.procedure import StartMethod
    from bench.execution import executors

    worker = executors.find("local")
    try:
        worker.open(1, StartMethod.NURSERY)
        return list(worker.ask(request, 0, None, None))
    finally:
        worker.close()


def describe_machine() -> dict[str, Json]:
    """Describe this machine, its libraries and settings as a worker sees them, and how quiet it is now (over one second)."""
    import time

    from bench.protocol.messages import Describe, Environment
    from bench.worker import noise

    facts: dict[str, Json] = {}
    for event in ask_worker(Describe()):
        if isinstance(event, Environment):
            facts |= event.facts
    before = noise.read()
    time.sleep(1.0)
    return {**facts, "noise": noise.between(before, noise.read())}


def describe_model(name: str, task: str | None, revision: str | None = None) -> "Description":
    """Describe NAME, a preset, a folder or `org/name` of the Hub, for TASK, its first where there is none; no weights are read.

    Raises UsageError where nothing has this name or no class of transformers knows it, WorkerError where no worker can say.
    """
    from bench.domain.description import Description
    from bench.models import facts, naming
    from bench.models.digests import Unread
    from bench.protocol.codec import from_json
    from bench.protocol.messages import DescribeModel, Failed, Observed
    from bench.worker import tasks

    model = facts.find(naming.name_model(name, task=task, revision=revision), tasks.declared(), digests=Unread())
    for event in ask_worker(DescribeModel(model=model)):
        if isinstance(event, Observed):
            return from_json(Description, event.facts)
        if isinstance(event, Failed):
            raise UsageError(f"{name} cannot be described: {event.reason}")
    raise WorkerError(f"the worker that described {name} ended without an answer")


def write_model(name: str, task: str | None, out: Path, seed: int) -> None:
    """Write preset NAME for TASK, its first where there is none, as a checkpoint with its processor into OUT.

    Raises UsageError where there is no such preset or task, or where it cannot be written.
    """
    from bench.domain.model import Kind, ModelRef
    from bench.domain.procedure import StartMethod
    from bench.execution import executors, materialise
    from bench.models import facts, presets
    from bench.worker import tasks

    preset = presets.find(name)
    task = task or preset.default_task
    if task not in preset.tasks:
        raise UsageError(f'preset "{name}" has no task "{task}" (has: {", ".join(preset.tasks)})')
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: name another one, or remove it first")
    size = facts.find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task), tasks.declared()).weight_bytes or 0
    executor = executors.find("local")
    try:
        executor.open(1, StartMethod.NURSERY)
        refusal = materialise.write(name, task, out, seed, size, executor)
    finally:
        executor.close()
    if refusal is not None:
        raise UsageError(refusal.reason)
