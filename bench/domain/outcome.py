"""How a trial ended, and why, in words that programs may rely on."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a trial ended."""

    FINISHED = "finished"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    KILLED = "killed"
    LOST = "lost"
    ERROR = "error"

    @property
    def failed(self) -> bool:
        """A failure of the trial (exit code 3), unlike an answer such as `unsupported`."""
        return self not in {Outcome.FINISHED, Outcome.UNSUPPORTED, Outcome.SKIPPED}


class ReasonCode(StrEnum):
    """Stable words for why a trial has no numbers."""

    INPUT_MISMATCH = "input_mismatch"
    MISSING_PACKAGE = "missing_package"
    MISSING_WEIGHTS = "missing_weights"
    BROKEN_WEIGHTS = "broken_weights"
    NOT_IN_CLASS = "not_in_class"
    NOT_IN_VERSION = "not_in_version"
    NO_TASK = "no_task"
    NO_DEVICE = "no_device"
    NO_ENVIRONMENT = "no_environment"
    MODEL_NOT_FOUND = "model_not_found"
    OFFLINE = "offline"
    DISK_SPACE = "disk_space"
    REMOTE_CODE = "remote_code"
    PICKLE = "pickle"
    PAGE_CACHE = "page_cache"
    NOT_AS_REQUESTED = "not_as_requested"
    MEMORY_LIMIT = "memory_limit"
    ALLOCATION_FAILED = "allocation_failed"
    SYSTEM_OUT_OF_MEMORY = "system_out_of_memory"
    TIME_LIMIT = "time_limit"
    SIGNAL = "signal"
    EXITED = "exited"
    NONFINITE_LOSS = "nonfinite_loss"
    EXCEPTION = "exception"
    INTERRUPTED = "interrupted"
    DIFFERS_BETWEEN_TRIALS = "differs_between_trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why something will not be measured: a sentence for people and a word for programs."""

    reason: str
    reason_code: ReasonCode
