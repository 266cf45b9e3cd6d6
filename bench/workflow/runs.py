"""A plan becomes records: each trial's is on disk as the trial ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.domain.errors import ExitCode
from bench.domain.outcome import Outcome
from bench.workflow import patterns
from bench.workflow.searches import Searches
from bench.workflow.subjects import ask_worker, what_disturbs

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.plan import Plan, PlannedCase
    from bench.domain.record import Record
    from bench.execution.carry_out import Listener
    from bench.execution.executors import Executor
    from bench.store.runs import RunDirectory


RECORDS = Path("reports/records")
"""Where run directories are made unless --out names another folder."""


@dataclass(slots=True, kw_only=True)
class Ran:
    """What a run left: its directory, and the newest record of each trial."""

    directory: "RunDirectory"
    records: "list[Record]" = field(default_factory=list)

    def exit_code(self, *, strict: bool) -> ExitCode:
        """Give the exit code that the records mean: 3 where a trial failed, with STRICT also where a case has no numbers."""
        fine = {Outcome.FINISHED} if strict else {outcome for outcome in Outcome if not outcome.failed}
        return ExitCode.FINE if all(record.outcome in fine for record in self.records) else ExitCode.TRIALS_FAILED


def run(plan: "Plan", *, out: Path, resume: bool, executor: "str | Executor", listener: "Listener", command: Sequence[str]) -> Ran:
    """Carry PLAN out and have every record on disk as its trial ends, in a run directory in OUT.

    With RESUME the newest run of the same plan is completed; where there is none, one is started. Raises UsageError where there
    is no such EXECUTOR, SuiteError where a pattern of names matches nothing, WorkerError where no worker can be started,
    CannotWriteError where the disk refuses a record.
    """
    from bench.execution import executors, trial
    from bench.store import jsonl, runs, select
    from bench.store import resume as rest

    def make() -> "Executor":
        return executors.find(executor) if isinstance(executor, str) else executor

    if make().loads:  # one that is not there is told before a directory is made
        patterns.check(plan, ask_worker)
    found = runs.newest(out, plan.digest) if resume else None
    before = [item for item in jsonl.read(found.records) if not isinstance(item, str)] if found and found.records.exists() else []
    directory = found or runs.create(out, plan.digest, [suite.file for suite in plan.suites], len(plan.cases), command)
    ran = Ran(directory=directory, records=before)
    with jsonl.Journal(directory.path) as journal:

        def keep(record: "Record") -> None:
            journal.append(record)
            ran.records.append(record)
            listener.ended(record)

        try:
            for case in rest.unrecorded(plan.skipped, before):
                keep(trial.skipped(case, directory.manifest.id))
            _carry_out(plan, ran, make, listener, keep)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt("what was measured is safe, and --resume goes on from there") from error
    ran.records = list(select.newest_attempts(ran.records))
    if directory.manifest.finished_at is None:
        ran.directory = runs.finish(directory)
    return ran


def _carry_out(
    plan: "Plan", ran: Ran, make: "Callable[[], Executor]", listener: "Listener", keep: "Callable[[Record], None]"
) -> None:
    """Open an executor for each start method that has something left to do, and measure."""
    from bench.execution import handed
    from bench.execution.carry_out import Job, by_start_method
    from bench.execution.elsewhere import Elsewhere
    from bench.execution.references import FOLDER, References
    from bench.planning import arrange
    from bench.store import resume as rest

    done, attempts = rest.settled(ran.records), rest.attempts(ran.records)
    grown = _Growth(ran)
    warned: list[str] = []
    for method, cases in by_start_method(plan.cases).items():
        if all(rest.key_of(trial) in done for trial in arrange.least(cases)) and not any(grown(planned) for planned in cases):
            continue
        executor = make()
        count = max(arrange.nurseries(planned.suite.procedure) for planned in cases)
        elsewhere = Elsewhere(home=executor, method=method, nurseries=count, tell=listener.said)
        try:
            if executor.loads:
                _tell_once(listener, warned)
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
                elsewhere=elsewhere,
                references=References(folder=ran.directory.path / FOLDER, tell=listener.said),
                inputs=handed.Inputs(folder=ran.directory.path / handed.FOLDER, tell=listener.said),
                probes=Searches(directory=ran.directory.path),
            )
            for record in job.carry_out(cases):
                keep(record)
        finally:
            elsewhere.close()
            executor.close()


def _tell_once(listener: "Listener", told: list[str]) -> None:
    """Say once a run what is wrong with this machine as a place to measure on."""
    if not told:
        told.append(what_disturbs() or "")
        if told[0]:
            listener.said(told[0])


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
