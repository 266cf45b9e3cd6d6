"""Cases of other environments run elsewhere: a set of nurseries an interpreter, opened when its first trial comes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.domain.errors import WorkerError
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import PlannedCase
from bench.domain.procedure import StartMethod
from bench.execution import environments
from bench.execution.carry_out import Place
from bench.execution.executors import Executor
from bench.execution.executors.local import Local


@dataclass(slots=True, kw_only=True)
class Elsewhere:
    """Gives cases of other environments their place. HOME runs those of this one; what cannot be opened is refused once and kept.

    Environments stay open side by side, so that their trials interleave as all others do.
    """

    home: Executor
    method: StartMethod
    nurseries: int
    tell: Callable[[str], None]
    _interpreters: dict[tuple[str, str], str | Refusal] = field(default_factory=dict)
    _places: dict[str, Place | Refusal] = field(default_factory=dict)

    def __call__(self, planned: PlannedCase) -> Place | Refusal | None:
        """Give the place of PLANNED, None where that is home."""
        name = str(planned.case.requested.get("environment", environments.THIS))
        if name == environments.THIS or not self.home.loads:
            return None
        if not isinstance(self.home, Local):
            reason = f"environment {name}: this executor has workers of one environment only; the local one opens others"
            return Refusal(reason=reason, reason_code=ReasonCode.NO_ENVIRONMENT)
        key = (planned.suite.file, name)
        if key not in self._interpreters:
            self._interpreters[key] = environments.interpreter_of(planned, self.tell)
        python = self._interpreters[key]
        if isinstance(python, Refusal) or python == sys.executable:
            return python if isinstance(python, Refusal) else None
        if python not in self._places:
            self._places[python] = self._open(name, python)
        return self._places[python]

    def _open(self, name: str, python: str) -> Place | Refusal:
        """Start the nurseries of PYTHON; say why where they do not, or where a library that they need is missing."""
        executor = Local(python=python)
        self.tell(f"starting {self.nurseries} {'nurseries' if self.nurseries > 1 else 'nursery'} of environment {name}")
        try:
            capabilities = executor.open(self.nurseries, self.method)[0]
        except WorkerError as error:
            executor.close()
            return Refusal(reason=f"environment {name}: {error}", reason_code=ReasonCode.NO_ENVIRONMENT)
        lacks = environments.lacking(name, tuple(capabilities.libraries))
        if lacks is not None:
            executor.close()
            return lacks
        start = {"start_method": capabilities.start_method.value, "start_method_reason": capabilities.reason}
        return Place(executor=executor, start=start)

    def close(self) -> None:
        """End all nurseries that were opened."""
        for place in self._places.values():
            if isinstance(place, Place):
                place.executor.close()
        self._places.clear()
