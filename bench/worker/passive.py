"""Observers that ride along: peaks of host and device memory with every phase, what disturbs with all that is timed.

They act at begin and end only. Inside a phase the kernel and the allocator keep the marks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.domain.metric import Samples
from bench.protocol.messages import Noise, Sampled
from bench.worker.clock import Clock, PhaseNote, phase
from bench.worker.host import memory, noise, yardsticks
from bench.worker.metrics import DEVICE_ALLOCATED_PEAK, DEVICE_RESERVED_PEAK, HOST_PEAK, sample
from bench.worker.wire import Send


@dataclass(slots=True)
class Observer:
    """Runs phases and samples their peaks. Host memory is net of what the process had at the start and of its libraries."""

    send: Send
    clock: Clock
    device: str = "cpu"
    partners: int = 0
    """Trials that this one takes turns with, on the same cores and device."""
    baseline_bytes: int = field(init=False)
    libraries_at_start_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        """Take the baseline: the memory that is resident now."""
        self.libraries_at_start_bytes = memory.library_bytes()
        self.baseline_bytes = memory.resident_bytes()

    @contextmanager
    def phase(self, name: str) -> Iterator[PhaseNote]:
        """Run phase NAME and sample its peaks when it has ended."""
        memory.reset_high_water()
        self._reset_device()
        with phase(name, self.send, self.clock) as note:
            yield note
            note.high_water_bytes = memory.high_water_bytes()
        for samples in (*self._host(name, note.high_water_bytes), *self._device(name)):
            self.send(Sampled(samples=samples))

    @contextmanager
    def disturbances(self) -> Iterator[None]:
        """Read before and after what runs inside what machine and device tell of disturbances, and send what lies between."""
        pace = None if self.partners else yardsticks.read()  # who takes turns shares the pace
        before = noise.read(self.device)
        yield
        facts = noise.between(before, noise.read(self.device), partners=self.partners)
        if pace is not None:
            facts["yardsticks"] = yardsticks.between(pace, yardsticks.read())
        self.send(Noise(facts=facts))

    def _host(self, name: str, peak: int | None) -> tuple[Samples, ...]:
        if peak is None:
            return ()
        newly_used = max(memory.library_bytes() - self.libraries_at_start_bytes, 0)
        return (sample(HOST_PEAK, name, max(peak - self.baseline_bytes - newly_used, 0)),)

    def _reset_device(self) -> None:
        if self.device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)

    def _device(self, name: str) -> tuple[Samples, ...]:
        if not self.device.startswith("cuda"):
            return ()
        import torch

        return (
            sample(DEVICE_ALLOCATED_PEAK, name, torch.cuda.max_memory_allocated(self.device)),
            sample(DEVICE_RESERVED_PEAK, name, torch.cuda.max_memory_reserved(self.device)),
        )
