"""Executors, one file each: where workers run. The file name is the name users write."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar, Protocol

from bench.domain.errors import UsageError
from bench.domain.procedure import StartMethod
from bench.protocol.messages import Capabilities, Event, Request


class Executor(Protocol):
    """Somewhere that workers run. `loads` says whether they load models: presets then have to be on disk first."""

    loads: ClassVar[bool]

    def open(self, nurseries: int, method: StartMethod) -> tuple[Capabilities, ...]:
        """Start NURSERIES more workers side by side and wait until they are ready. Raises WorkerError where one is not."""

    def ask(self, request: Request, nursery: int, time_limit_s: float | None, memory_limit_bytes: int | None) -> Iterator[Event]:
        """Let a worker carry REQUEST out and give its events; the last is Exited, and by then nothing of it is left running.

        A limit that is passed ends the request's processes and gives Failed before Exited.
        """

    def stderr_tail(self) -> str:
        """Give the end of what the last request's processes wrote to standard error."""

    def close(self) -> None:
        """End all workers and everything that they started."""


def names() -> tuple[str, ...]:
    """List the executors that there are, importing none."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def find(name: str) -> Executor:
    """Make the executor that NAME names: a file's name, and after a colon what it is to use.

    Raises UsageError where there is none of this name.
    """
    kind, _, argument = name.partition(":")
    if kind not in names():
        raise UsageError(f"executor {kind!r} is not known (knows: {', '.join(names())})")
    executor: Executor = import_module(f"{__name__}.{kind}").make(argument)
    return executor
