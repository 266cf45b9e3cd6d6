"""The way out of the rooms of this package: what is found wrong with a model travels as an exception and ends as a refusal."""

from bench.domain.errors import UsageError
from bench.domain.outcome import ReasonCode, Refusal


class RefusedError(Exception):
    """A model cannot be measured, for the reason in `refusal`. It never leaves this package: `facts.find` gives the refusal."""

    def __init__(self, reason: str, reason_code: ReasonCode) -> None:
        """Keep REASON, a sentence for people, and REASON_CODE."""
        super().__init__(reason)
        self.refusal = Refusal(reason=reason, reason_code=reason_code)


class UnknownTaskError(UsageError):
    """A suite asks for a task that the model, or this tool, does not have; the text says which there are."""


class UnknownSubmodelError(UsageError):
    """A suite asks for a part that the model does not have; the text says which there are."""


class NoFolderError(UsageError):
    """A suite names a folder that does not exist."""
