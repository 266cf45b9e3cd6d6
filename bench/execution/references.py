"""Outputs of reference cases: kept in files of the run, each made once, before the first case that is compared with it.

A reference that is a case of the matrix leaves its file as its own trial comes; where another case's trial comes first, or where it
is no case of the matrix, it is run for its outputs only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.domain.outcome import Outcome
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import PageCache
from bench.domain.record import Record
from bench.protocol.messages import Parity

FOLDER = "references"
"""Name of the folder in a run's directory. What is in it can be made again."""

Produce = Callable[[Trial, Parity], Record]
"""Runs a trial for its outputs only."""


@dataclass(slots=True, kw_only=True)
class References:
    """Files of outputs in FOLDER, by the reference's id and the seed of its inputs; a reference that failed is not run again."""

    folder: Path
    tell: Callable[[str], None]
    _missing: dict[Path, str] = field(default_factory=dict)

    def parity(self, trial: Trial, produce: Produce) -> Parity | None:
        """Say what TRIAL's outputs are compared with, which PRODUCE makes where it is not there yet; None where with nothing."""
        planned = trial.planned
        if planned.reference is None:
            return None
        case, refusal = planned.reference.case, planned.reference.refusal
        path = self.folder / f"{case.id}-{planned.suite.procedure.seed}.safetensors"
        parity = Parity(reference=case.label, path=str(path), own=case.id == planned.case.id)
        if refusal is not None:
            return replace(parity, missing=refusal.reason)
        self.folder.mkdir(exist_ok=True)
        if not parity.own and not path.exists() and path not in self._missing:
            self.tell(f"running the reference ({case.label}) for its outputs")
            record = produce(replace(trial, planned=_of_reference(planned)), replace(parity, own=True))
            if not path.exists():
                self._missing[path] = _why(record, case.label)
        return replace(parity, missing=None if parity.own else self._missing.get(path))


def _of_reference(planned: PlannedCase) -> PlannedCase:
    """Give PLANNED with its reference in its place; where its pages are matters to nobody."""
    assert planned.reference is not None  # noqa: S101 -- asked for one that has it
    suite = replace(planned.suite, page_cache=PageCache.UNSET)
    return replace(planned, case=planned.reference.case, suite=suite)


def _why(record: Record, label: str) -> str:
    """Say why the trial of RECORD left no outputs."""
    if record.outcome is Outcome.FINISHED:
        said = record.observed.get("parity_missing", "it left no outputs")
        return f"the reference ({label}) has none: {said}"
    return f"the reference ({label}) ended {record.outcome.value}: {record.reason}"
