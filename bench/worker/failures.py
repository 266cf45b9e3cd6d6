"""Which failure is which: exceptions of many libraries become typed outcomes with a reason that a person understands."""

import errno
import re

from bench.domain.errors import BenchError
from bench.domain.outcome import Outcome, ReasonCode, Refusal
from bench.protocol.messages import Failed

_ALLOCATION = re.compile(
    r"out of memory|can't allocate memory|Cannot allocate memory|unable to mmap|CUBLAS_STATUS_ALLOC_FAILED|bad_alloc", re.IGNORECASE
)
_MISSING_PACKAGE = re.compile(
    r"No module named|(doesn't seem to be|is not|not) installed|requires? .*(library|package)|pip install|could not be found|"
    r"needs? to be installed|package .* (not|required)",
    re.IGNORECASE,
)
_NOT_IN_CLASS = re.compile(
    r"does not support|not supported|is not yet supported|is only supported|not available|Cannot use prefill chunking without",
    re.IGNORECASE,
)
_NOT_KNOWN = re.compile(r"model type `([^`]*)` but Transformers does not recognize")
_STRICT = frozenset({"StrictDataclassFieldValidationError", "StrictDataclassClassValidationError"})
_NO_KERNEL = re.compile(r"No viable backend|No available kernel", re.IGNORECASE)
_COMPILER_SAID = re.compile(r"^\S+?:\d+:\d+: (?:fatal )?error: .*$", re.MULTILINE)
_BROKEN_WEIGHTS = frozenset({"SafetensorError", "UnpicklingError"})
_LONGEST = 600


class Refused(Exception):  # noqa: N818 -- not an error: the answer that something cannot be had
    """The worker will not measure this, for a reason that it knows."""

    def __init__(self, reason: str, code: ReasonCode) -> None:
        """Keep the sentence for people and the word for programs."""
        super().__init__(reason)
        self.refusal = Refusal(reason=reason, reason_code=code)


class NonFiniteLossError(Exception):
    """A training step gave a loss that is no number: what follows from it means nothing."""

    def __init__(self, step: int, loss: float) -> None:
        """Keep which STEP of the trial it was, counted from 1, and its LOSS."""
        super().__init__(f"the loss of step {step} is {loss}: training diverged, or its dtype overflowed")


def classify(error: BaseException) -> Failed:
    """Give the outcome, reason and reason code that ERROR means."""
    if isinstance(error, Refused):
        return Failed(outcome=Outcome.UNSUPPORTED, reason=error.refusal.reason, reason_code=error.refusal.reason_code)
    text = _sentence(error)
    if isinstance(error, NonFiniteLossError):
        return Failed(outcome=Outcome.ERROR, reason=text, reason_code=ReasonCode.NONFINITE_LOSS)
    if _is_out_of_memory(error, text):
        return Failed(
            outcome=Outcome.OUT_OF_MEMORY, reason=f"memory could not be allocated: {text}", reason_code=ReasonCode.ALLOCATION_FAILED
        )
    refusal = _refusal(error, text)
    if refusal is not None:
        return Failed(outcome=Outcome.UNSUPPORTED, reason=refusal.reason, reason_code=refusal.reason_code)
    if isinstance(error, BenchError):
        return Failed(outcome=Outcome.ERROR, reason=str(error), reason_code=ReasonCode.EXCEPTION)
    return Failed(outcome=Outcome.ERROR, reason=f"{type(error).__name__}: {text}", reason_code=_code(error))


def _refusal(error: BaseException, text: str) -> Refusal | None:
    """Tell an answer of a library, that it cannot do this, from an error of it."""
    if isinstance(error, ImportError) and _MISSING_PACKAGE.search(text):
        return Refusal(reason=f"a package is missing: {text}", reason_code=ReasonCode.MISSING_PACKAGE)
    if (unknown := _NOT_KNOWN.search(text)) is not None:
        reason = f"model_type {unknown[1]!r} of config.json is none that this version of transformers knows: a newer one may"
        return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_VERSION)
    if type(error).__name__ in _STRICT:
        return Refusal(reason=f"config.json holds what its class does not take: {text}", reason_code=ReasonCode.INPUT_MISMATCH)
    if isinstance(error, ValueError | NotImplementedError) and _NOT_IN_CLASS.search(text):
        return Refusal(reason=text, reason_code=ReasonCode.NOT_IN_CLASS)
    if isinstance(error, RuntimeError) and _NO_KERNEL.search(text):
        return Refusal(reason=f"no such kernel here: {text}", reason_code=ReasonCode.NOT_IN_CLASS)
    return None


def _is_out_of_memory(error: BaseException, text: str) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return (
        isinstance(error, MemoryError)
        or _is_device_oom(error)
        or (isinstance(error, RuntimeError) and bool(_ALLOCATION.search(text)))
    )


def _code(error: BaseException) -> ReasonCode:
    """Give the word for an ERROR that is no answer: a full disk and unreadable weights have one of their own."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ReasonCode.DISK_SPACE
    if type(error).__name__ in _BROKEN_WEIGHTS:
        return ReasonCode.BROKEN_WEIGHTS
    return ReasonCode.EXCEPTION


def _is_device_oom(error: BaseException) -> bool:
    """Tell torch's out-of-memory error by name, so that classing a failure never has to import torch."""
    return any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)


def _sentence(error: BaseException) -> str:
    """Give the error's text on one line, of bounded length; of a failed import with what it comes from, which lazy modules hide."""
    text = _plain(error)
    root = _root(error) if isinstance(error, ImportError) else error
    if root is not error and _plain(root) not in text:
        text = f"{text[: _LONGEST // 2]} (from {type(root).__name__}: {_plain(root)})"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(error: BaseException) -> str:
    """Give the error's text on one line. A compiler's first complaint comes first: commands and warnings may be pages long."""
    text = str(error)
    said = _COMPILER_SAID.search(text)
    return " ".join((f"{said.group()} ({text})" if said else text).split()) or type(error).__name__


def _root(error: BaseException) -> BaseException:
    """Give the first of the errors that led to ERROR."""
    seen = {id(error)}
    while (before := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) and id(before) not in seen:
        error = before
        seen.add(id(error))
    return error
