"""What may go wrong for the user, each with the exit code of the command line.

BenchError
├── UsageError        2   a command was called with what it cannot take
├── SuiteError        2   a suite has problems; all of them are listed at once
├── RecordsError      2   a run directory cannot be read
├── CannotWriteError  3   the disk refused a record; what stands there is safe
└── WorkerError       3   a worker could not be started or broke the protocol
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The stable exit codes of every command."""

    FINE = 0
    REGRESSION = 1
    USAGE = 2
    TRIALS_FAILED = 3
    INTERRUPTED = 130


class BenchError(Exception):
    """An error whose text is one line for the user: what, where, why, what next."""

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(BenchError):
    """A command was called with something that it cannot take."""


class RecordsError(BenchError):
    """Records that were named cannot be read."""


class CannotWriteError(BenchError):
    """A record could not be written; those before it are safe on disk."""

    exit_code = ExitCode.TRIALS_FAILED


class WorkerError(BenchError):
    """A worker process could not be started, or broke the protocol."""

    exit_code = ExitCode.TRIALS_FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a suite file, and where."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        """Spell it as compilers do, so that editors can jump there."""
        return f"{self.file}:{self.line}: {self.what}"


class SuiteError(BenchError):
    """A suite cannot be run as it stands; `problems` holds every reason, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep PROBLEMS; the text has one line for each."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
