"""Inputs of cases whose engine lives abroad: prepared by this environment's own processor, and kept in files of the run.

They are made once, before the case's first trial, by a worker of this environment that loads the model as its class has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.domain.outcome import Outcome
from bench.domain.plan import Trial
from bench.domain.procedure import PageCache
from bench.domain.record import Record
from bench.protocol.messages import Handed

FOLDER = "inputs"
"""Name of the folder in a run's directory. What is in it can be made again."""

Produce = Callable[[Trial, Handed], Record]
"""Runs a trial for its inputs only."""


@dataclass(slots=True, kw_only=True)
class Inputs:
    """Files of inputs in FOLDER, by the case's id and the seed; those that could not be made are not tried again."""

    folder: Path
    tell: Callable[[str], None]
    _failed: dict[Path, Record] = field(default_factory=dict)

    def of(self, trial: Trial, produce: Produce) -> Handed | Record:
        """Say where the inputs of TRIAL are, which PRODUCE makes where they are not there yet; or how making them ended."""
        suite = trial.planned.suite
        path = self.folder / f"{trial.planned.case.id}-{suite.procedure.seed}.safetensors"
        if not path.exists() and path not in self._failed:
            self.folder.mkdir(exist_ok=True)
            self.tell(f"preparing the inputs of {trial.planned.case.label} in this environment")
            plain = replace(trial.planned, suite=replace(suite, page_cache=PageCache.UNSET))
            record = produce(replace(trial, planned=plain), Handed(path=str(path), leave=True))
            if record.outcome is not Outcome.FINISHED:
                self._failed[path] = record
        failed = self._failed.get(path)
        return Handed(path=str(path)) if failed is None else _told(failed, trial)


def _told(failed: Record, trial: Trial) -> Record:
    """Give the record of TRIAL, whose inputs FAILED to be made."""
    reason = f"its inputs could not be prepared: {failed.reason}"
    return replace(failed, trial=trial.number, reason=reason, samples=(), observed={})
