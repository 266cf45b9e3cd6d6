"""Nurseries that outlive a run: many small runs of one process share the import of the libraries."""

from dataclasses import dataclass, field

from bench.domain.procedure import StartMethod
from bench.execution.executors.local import Local
from bench.protocol.messages import Capabilities


@dataclass(slots=True, kw_only=True)
class Kept(Local):
    """A local executor that a run's end leaves open. Who made it has to `end` it."""

    opened: dict[StartMethod, tuple[int, tuple[Capabilities, ...]]] = field(default_factory=dict)

    def open(self, nurseries: int, method: StartMethod) -> tuple[Capabilities, ...]:
        """Give what is open already where it is enough, else start NURSERIES workers in its place. Raises WorkerError."""
        count, capabilities = self.opened.get(method, (0, ()))
        if count < nurseries:
            self.end()
            capabilities = Local.open(self, nurseries, method)
            self.opened[method] = (nurseries, capabilities)
        return capabilities

    def close(self) -> None:
        """Leave the nurseries open."""

    def end(self) -> None:
        """End all workers and everything that they started."""
        self.opened.clear()
        Local.close(self)
