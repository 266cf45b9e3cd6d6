"""Watching a trial from outside: its limits, and the split of its memory into anonymous and file-backed.

Every poll is one read of /proc/PID/status, some tens of microseconds in another process than the one measured. The kernel keeps
a high-water mark of the whole only, so the anonymous part's peak is the larger of two: what was polled, and the mark less the
most file-backed memory that was polled. The second sees what came and went between two polls.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.protocol.messages import PROBE, Event, Failed, Forked, PhaseBegan, PhaseEnded, Sampled, Started

POLL_S = 0.05
_MIB = 1024 * 1024


def _peak(name: str) -> Metric:
    return Metric(name=name, unit=Unit.BYTE, better=Better.LOWER, definition=f"{name}.v1", reduce=Reduce.MAX)


ANONYMOUS_PEAK = _peak("memory.host_anonymous_peak")
FILE_PEAK = _peak("memory.host_file_peak")

Read = Callable[[int], tuple[int, int]]


def resident(pid: int) -> tuple[int, int]:
    """Give PID's anonymous and file-backed resident bytes; zeros once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "RssFile"))}
    return found.get("RssAnon", 0), found.get("RssFile", 0)


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after one request. Limits count from Started: the import of a fresh interpreter is not the trial's."""

    time_limit_s: float | None
    memory_limit_bytes: int | None
    now: Callable[[], float] = time.monotonic
    read: Read = resident
    pid: int | None = None
    phase: str | None = None
    _started: bool = False
    _deadline: float | None = None
    _baseline: int = 0
    _peaks: list[int] = field(default_factory=lambda: [0, 0])

    def hear(self, event: Event) -> tuple[Event, ...]:
        """Take note of EVENT and give what is to be said beside it: at the end of a phase its polled peaks."""
        if isinstance(event, Forked):
            self.pid = event.pid
        if isinstance(event, Started):
            self._started = True
            self._baseline = event.baseline_bytes
            self._deadline = None if self.time_limit_s is None else self.now() + self.time_limit_s
        if isinstance(event, PhaseBegan):
            self.phase, self._peaks = event.name, [0, 0]
            self.look()
        if isinstance(event, PhaseEnded):
            self.look()
            return () if event.name.startswith(PROBE) else self._split(event)
        return ()

    def look(self) -> Failed | None:
        """Poll once; give the failure where a limit is passed."""
        if self.pid is not None:
            anonymous, of_files = self.read(self.pid)
            above = max(anonymous - self._baseline, 0)
            self._peaks = [max(self._peaks[0], above), max(self._peaks[1], of_files)]
            if self.memory_limit_bytes is not None and self._started and above > self.memory_limit_bytes:
                return self._too_large(above, self.memory_limit_bytes)
        if self._deadline is not None and self.now() > self._deadline:
            return self._too_long()
        return None

    def _split(self, ended: PhaseEnded) -> tuple[Event, ...]:
        anonymous, of_files = self._peaks
        if ended.high_water_bytes is not None:
            anonymous = max(anonymous, ended.high_water_bytes - of_files - self._baseline)
        return tuple(
            Sampled(samples=Samples(metric=metric, phase=ended.name, values=(value,)))
            for metric, value in ((ANONYMOUS_PEAK, anonymous), (FILE_PEAK, of_files))
        )

    def _too_large(self, above: int, limit: int) -> Failed:
        return Failed(
            outcome=Outcome.OUT_OF_MEMORY,
            reason=f"anonymous memory reached {above / _MIB:.0f} MiB above the baseline{self._where()}, "
            f"and limits.host_memory is {limit / _MIB:.0f} MiB",
            reason_code=ReasonCode.MEMORY_LIMIT,
        )

    def _too_long(self) -> Failed:
        return Failed(
            outcome=Outcome.TIMEOUT,
            reason=f"not done within time_limit_s of {self.time_limit_s:g} s; it was still at it{self._where()}",
            reason_code=ReasonCode.TIME_LIMIT,
        )

    def _where(self) -> str:
        return f" in phase {self.phase}" if self.phase else ""
