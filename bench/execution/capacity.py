"""How much fits: the largest value of one axis with which a case still runs within its memory.

Doubling finds a value that does not fit, bisecting the largest that does; every value is tried in a fresh process, since the
allocator of one that failed is no place to measure the next. That a probe runs out of memory is an answer. The peak that the
kernel kept decides, also where no poll of the limit saw it. Memory scatters by some hundred KiB: the two values around the answer
are tried twice, and one that failed once does not fit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Trial
from bench.domain.procedure import Limits
from bench.domain.record import Record
from bench.domain.values import Json
from bench.execution.watch import ANONYMOUS_PEAK

KEY = "capacity"
"""The key of a case that asks for a search."""
PHASE = "capacity"
TWICE = 2
SHARE = 0.9
"""Of the memory that is available: the limit where the suite sets none, so that a search does not end with the machine."""
_MIB = 1 << 20
_OF_ITS_OWN = 64
"""The most tokens that something may need beside those that are asked for, before all values are taken to be refused."""
_DEVICE_PEAK = "memory.device_allocated_peak"


def _largest_peak(name: str) -> Metric:
    return Metric(name=name, unit=Unit.BYTE, better=Better.LOWER, definition=f"{name}.v1", reduce=Reduce.MAX)


HOST_MEMORY = _largest_peak("capacity.host_memory")
DEVICE_MEMORY = _largest_peak("capacity.device_memory")
_WHY = {Outcome.OUT_OF_MEMORY: "memory", Outcome.UNSUPPORTED: "model"}

Run = Callable[[Trial], Record]
Tell = Callable[[str], None]


class Kept(Protocol):
    """The probes of searches, kept one by one as they end, so that a search that is cut off goes on where it was."""

    def of(self, trial: Trial) -> Sequence[Record]:
        """Give the probes of TRIAL's search that are kept, in their order."""

    def keep(self, record: Record) -> None:
        """Have the probe of RECORD safe."""


class _Forgotten:
    """Keeps nothing."""

    def of(self, _trial: Trial) -> Sequence[Record]:
        return ()

    def keep(self, _record: Record) -> None:
        return None


FORGOTTEN = _Forgotten()


def capacity_of(over: str) -> Metric:
    """Declare the capacity over the axis OVER."""
    name = f"capacity.{over}"
    return Metric(name=name, unit=Unit.ONE, better=Better.HIGHER, definition=f"{name}.v1", reduce=Reduce.LAST)


def largest(fits: Callable[[int], bool], most: int, least: int = 1) -> int:
    """Give the largest value from LEAST, whose half is too small, to MOST that FITS, which is to be monotone; 0 where none does."""
    too_small = least // 2
    fit, asked = too_small, least
    while fits(asked):
        if asked == most:
            return most
        fit, asked = asked, min(2 * asked, most)
    while asked - fit > 1:
        middle = (fit + asked) // 2
        fit, asked = (middle, asked) if fits(middle) else (fit, middle)
    return 0 if fit == too_small else fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One value that was tried, and how it went."""

    value: int
    record: Record
    fits: bool
    peak: float | None


class _UndecidedError(Exception):
    """A probe ended in a way that tells nothing of memory."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe.value)
        self.probe = probe


@dataclass(slots=True, kw_only=True)
class Search:
    """A search of TRIAL's capacity by RUN, which measures a trial in a fresh process; TELL hears of each probe."""

    trial: Trial
    run: Run
    tell: Tell
    limit_bytes: int
    kept: Kept = FORGOTTEN
    probes: dict[int, list[Probe]] = field(default_factory=dict)
    least: int = 1

    def remember(self) -> None:
        """Take over the probes that are kept, but for those that tell nothing of memory as it is now."""
        for record in self.kept.of(self.trial):
            value = record.case.requested.get(self.over)
            passed = record.outcome not in {*_WHY, Outcome.FINISHED} or record.reason_code is ReasonCode.SYSTEM_OUT_OF_MEMORY
            if isinstance(value, int) and not passed:
                self.probes.setdefault(value, []).append(self._judged(value, record))
        if self.probes:
            count = sum(map(len, self.probes.values()))
            self.tell(f"{self.trial.planned.case.label}: the search goes on; {count} probes are done")

    @property
    def over(self) -> str:
        """The axis whose capacity it is."""
        return str(_asked(self.trial)["over"])

    def fits(self, value: int) -> bool:
        """Tell whether VALUE fits, trying it where that was not done yet."""
        if value not in self.probes:
            self.try_once(value)
        return all(probe.fits for probe in self.probes[value])

    def try_once(self, value: int) -> None:
        """Try VALUE. Raises _UndecidedError where the probe neither ran nor ran out of memory."""
        probe = self._judged(value, self.run(self._probing(value)))
        self.kept.keep(probe.record)
        if not probe.fits and probe.record.outcome not in {*_WHY, Outcome.FINISHED}:
            raise _UndecidedError(probe)
        self.probes.setdefault(value, []).append(probe)
        peak = f", peak {probe.peak / _MIB:.0f} MiB" if probe.fits and probe.peak is not None else ""
        went = "fits" if probe.fits else "is refused" if probe.record.outcome is Outcome.UNSUPPORTED else "does not fit"
        self.tell(f"{self.trial.planned.case.label}: {self.over} {value} {went}{peak}")

    def find(self, most: int) -> int:
        """Give the largest value up to MOST that fits, as confirmed by a second try of it and of the next."""
        self._begin(most)
        found = largest(self.fits, most, self.least)
        while found and len(self.probes[found]) < TWICE:
            self.try_once(found)
            found = largest(self.fits, most, self.least)
        if found < most and len(self.probes[found + 1]) < TWICE and self._bound(found + 1) == "memory":
            self.try_once(found + 1)
        return found

    def _begin(self, most: int) -> None:
        """Find where to begin: what a tokenizer or a processor adds of its own needs room, so that 1 may be too small."""
        value = 1
        while self._is_too_small(value):
            if value == most or value >= _OF_ITS_OWN:
                return
            value = min(2 * value, most)
        self.least = value

    def _is_too_small(self, value: int) -> bool:
        return not self.fits(value) and self.probes[value][-1].record.reason_code is ReasonCode.INPUT_MISMATCH

    def bounded_by(self, found: int, most: int) -> str:
        """Say what bounds FOUND: `max` of the suite, `memory`, or the `model` itself, which takes no more."""
        return "max" if found == most else self._bound(found + 1 if found else self.least)

    def _bound(self, value: int) -> str:
        failed = next(probe for probe in self.probes[value] if not probe.fits)
        return _WHY.get(failed.record.outcome, "memory")

    def _probing(self, value: int) -> Trial:
        planned = self.trial.planned
        requested = {key: one for key, one in planned.case.requested.items() if key != KEY}
        case = replace(planned.case, requested={**requested, self.over: value})
        suite = replace(planned.suite, limits=Limits(host_memory_bytes=self.limit_bytes))
        return replace(self.trial, planned=replace(planned, case=case, suite=suite))

    def _judged(self, value: int, record: Record) -> Probe:
        peak = _peak(record, ANONYMOUS_PEAK.name)
        within = peak is None or peak <= self.limit_bytes
        return Probe(value=value, record=record, fits=record.outcome is Outcome.FINISHED and within, peak=peak)


def search(trial: Trial, run: Run, tell: Tell, kept: Kept = FORGOTTEN) -> Record:
    """Search the capacity that the case of TRIAL asks for, and give one record of it. Probes that are KEPT are not repeated.

    Its metric is `capacity.AXIS`, 0 where not even 1 fits, with the peaks of all values that fitted as samples. A probe that ends
    otherwise than by memory, or a model that refuses the smallest value, ends the search as the trial would have ended.
    """
    limit = trial.planned.suite.limits.host_memory_bytes
    one = Search(trial=trial, run=run, tell=tell, limit_bytes=limit or int(_available_bytes() * SHARE), kept=kept)
    if limit is not None:  # else the limit is another one each time
        one.remember()
    most = _whole(_asked(trial)["max"])
    try:
        found = one.find(most)
    except _UndecidedError as ended:
        return _ended(one, ended.probe)
    if not found and one.probes[1][0].record.outcome is Outcome.UNSUPPORTED:
        return _ended(one, one.probes[1][0])
    return _finished(one, found, most, given=limit is not None)


def _ended(one: Search, probe: Probe) -> Record:
    record = probe.record
    reason = (
        record.reason
        if probe.value == 1 and record.outcome is Outcome.UNSUPPORTED
        else f"{one.over} {probe.value}: {record.reason}"
    )
    return replace(record, case=one.trial.planned.case, suite=record.suite, samples=(), reason=reason)


def _finished(one: Search, found: int, most: int, *, given: bool) -> Record:
    shown = one.probes[found or one.least][0].record
    observed = {key: value for key, value in shown.observed.items() if key != one.over}
    tried = [probe for value in sorted(one.probes) for probe in one.probes[value]]
    facts: dict[str, Json] = {
        "capacity_bounded_by": one.bounded_by(found, most),
        "capacity_limit_bytes": one.limit_bytes,
        "capacity_probes": [_spelled(probe) for probe in tried],
    }
    notes = [] if given else [f"limits.host_memory is not set: {SHARE:.0%} of the memory that was available is the limit"]
    if any(probe.fits for probe in one.probes.get(found + 1, ())):
        notes.append(f"{one.over} {found + 1} fitted once and once did not: its peak is at the limit")
    return replace(
        shown,
        case=one.trial.planned.case,
        outcome=Outcome.FINISHED,
        reason=None,
        reason_code=None,
        failed_in=None,
        signal=None,
        observed={**observed, **facts},
        samples=(*_capacity(one, found), *(shown.samples if found else ())),
        notes=(*shown.notes, *notes),
    )


def _spelled(probe: Probe) -> Json:
    said: dict[str, Json] = {"value": probe.value, "fits": probe.fits, "peak_bytes": probe.peak}
    return said if probe.fits else {**said, "reason": probe.record.reason or "its peak is above the limit"}


def _capacity(one: Search, found: int) -> tuple[Samples, ...]:
    return (Samples(metric=capacity_of(one.over), phase=PHASE, values=(float(found),)), *_curves(one, found))


def _curves(one: Search, found: int) -> tuple[Samples, ...]:
    """Give the peak of each value that fitted, of the host and of a device, each with that of the largest as the whole."""
    samples: list[Samples] = []
    for metric, of in ((HOST_MEMORY, ANONYMOUS_PEAK.name), (DEVICE_MEMORY, _DEVICE_PEAK)):
        for value in sorted(value for value, probes in one.probes.items() if all(probe.fits for probe in probes)):
            peaks = tuple(peak for probe in one.probes[value] if (peak := _peak(probe.record, of)) is not None)
            parts = (None, f"{one.over}={value}") if value == found else (f"{one.over}={value}",)
            samples.extend(Samples(metric=metric, phase=PHASE, values=peaks, part=part) for part in parts if peaks)
    return tuple(samples)


def _peak(record: Record, name: str) -> float | None:
    return max((value for some in record.samples if some.metric.name == name for value in some.values), default=None)


def _asked(trial: Trial) -> Mapping[str, Json]:
    asked = trial.planned.case.requested[KEY]
    return asked if isinstance(asked, Mapping) else {}


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 1


def _available_bytes() -> int:
    """Give the memory that the kernel thinks could be used without swapping."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
