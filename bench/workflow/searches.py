"""Probes of searches of a capacity, kept in the run's directory as they end: a search that was cut off goes on where it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.plan import Trial
    from bench.domain.record import Record

FILE = "capacity.probes"
"""Records as lines, as of trials; its name is another, since a probe is no trial and no row of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """The probes that are kept in the run's DIRECTORY."""

    directory: Path

    def of(self, trial: "Trial") -> "Sequence[Record]":
        """Give the probes of TRIAL's search, in their order; a line that was torn is left out. Raises RecordsError."""
        from bench.store import jsonl, resume

        path = self.directory / FILE
        found = [one for one in jsonl.read(path) if not isinstance(one, str)] if path.exists() else []
        return [record for record in found if resume.key_of_record(record) == resume.key_of(trial)]

    def keep(self, record: "Record") -> None:
        """Have RECORD on disk before returning. Raises CannotWriteError."""
        from bench.store import jsonl

        with jsonl.Journal(self.directory, FILE) as journal:
            journal.append(record)
