"""Clocks. Wall time is the headline, since it is what users feel; the rest tells what disturbed it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.protocol.messages import PhaseBegan, PhaseEnded
from bench.worker.wire import Send

NANO = 1e-9


@dataclass(slots=True)
class Clock:
    """Wall time since the trial's process started, in seconds. Tests hand in another `now_ns`."""

    now_ns: Callable[[], int] = time.perf_counter_ns
    zero_ns: int = field(init=False)

    def __post_init__(self) -> None:
        """Start now."""
        self.zero_ns = self.now_ns()

    def elapsed_s(self) -> float:
        """Give the seconds since the start."""
        return (self.now_ns() - self.zero_ns) * NANO

    def time_s(self, step: Callable[[], object], synchronize: Callable[[], None]) -> float:
        """Time one STEP in seconds: between start and stop there is the step and a device synchronise, nothing else."""
        start = self.now_ns()
        step()
        synchronize()
        return (self.now_ns() - start) * NANO


@dataclass(slots=True)
class PhaseNote:
    """What a phase says of itself while it runs."""

    stopped_by: str | None = None
    high_water_bytes: int | None = None


@contextmanager
def phase(name: str, send: Send, clock: Clock) -> Iterator[PhaseNote]:
    """Announce the begin and the end of phase NAME. A phase that fails never ends: that is where the trial failed."""
    note = PhaseNote()
    send(PhaseBegan(name=name, at_s=clock.elapsed_s()))
    yield note
    send(PhaseEnded(name=name, at_s=clock.elapsed_s(), stopped_by=note.stopped_by, high_water_bytes=note.high_water_bytes))
