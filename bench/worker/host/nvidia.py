"""NVIDIA GPUs as their driver sees them (NVML): clock, power, heat, what slows them down, memory errors, and who else is on them.

Read, never set. Where nvidia-ml-py or a driver is missing, or the driver does not tell, a fact is None and nothing is judged by it.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import or_
from typing import Any

import psutil

from bench.domain.values import Json

CLOCK_LIMIT = 0.02
"""Relative change of clock or power limit between begin and end of a trial from which it is marked. A clock is set in steps of some
0.8 % (15 of 1,980 MHz)."""
SLOWED_LIMIT = 0.01
"""Share of a trial's time in which the driver held the clock down, from which the trial is marked."""
_REASONS = {
    "power": ("nvmlClocksEventReasonSwPowerCap", "nvmlClocksEventReasonHwPowerBrakeSlowdown"),
    "heat": ("nvmlClocksEventReasonSwThermalSlowdown", "nvmlClocksEventReasonHwThermalSlowdown"),
}
_POLICIES = {
    "power": "NVML_PERF_POLICY_POWER",
    "heat": "NVML_PERF_POLICY_THERMAL",
    "board limit": "NVML_PERF_POLICY_BOARD_LIMIT",
    "reliability": "NVML_PERF_POLICY_RELIABILITY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One GPU at one moment: megahertz, watts, degrees Celsius; `slowed_s` counts seconds since the driver was loaded, by reason.

    `slowed_by` is why the clock is held down just now, `contexts` the processes that compute on it, the reading one among them.
    """

    at_s: float
    clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    power_limit_w: float | None = None
    temperature_c: int | None = None
    slowed_by: tuple[str, ...] | None = None
    slowed_s: Mapping[str, float] = field(default_factory=dict)
    memory_errors: int | None = None
    contexts: int | None = None


def read(device: str) -> Reading | None:
    """Read the GPU of DEVICE as torch names it (`cuda:0`); None where it is none of NVIDIA's, or nothing tells."""
    nvml = _library() if device.startswith("cuda") else None
    handle = None if nvml is None else _handle(nvml, device)
    if nvml is None or handle is None:
        return None
    running = nvml.ask("nvmlDeviceGetComputeRunningProcesses", handle)
    return Reading(
        at_s=time.perf_counter(),
        clock_mhz=nvml.ask("nvmlDeviceGetClockInfo", handle, nvml.constant("NVML_CLOCK_SM")),
        memory_clock_mhz=nvml.ask("nvmlDeviceGetClockInfo", handle, nvml.constant("NVML_CLOCK_MEM")),
        power_limit_w=_thousandth(nvml.ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
        temperature_c=nvml.ask("nvmlDeviceGetTemperature", handle, nvml.constant("NVML_TEMPERATURE_GPU")),
        slowed_by=_slowed_by(nvml, handle),
        slowed_s=dict(_slowed_s(nvml, handle)),
        memory_errors=nvml.ask(
            "nvmlDeviceGetTotalEccErrors",
            handle,
            nvml.constant("NVML_MEMORY_ERROR_TYPE_UNCORRECTED"),
            nvml.constant("NVML_VOLATILE_ECC"),
        ),
        contexts=None if running is None else len(running),
    )


def between(before: Reading, after: Reading, partners: int = 0) -> dict[str, Json]:
    """Give what happened to a GPU between two readings by one process, which PARTNERS other processes of its trial share it with.

    Clocks, limit and temperature are pairs, before and after.
    """
    wall = max(after.at_s - before.at_s, 1e-9)
    others = [one.contexts - 1 - partners for one in (before, after) if one.contexts is not None]
    errors = None if before.memory_errors is None or after.memory_errors is None else after.memory_errors - before.memory_errors
    shares = {why: (after.slowed_s[why] - start) / wall for why, start in before.slowed_s.items() if why in after.slowed_s}
    slowed = {*(before.slowed_by or ()), *(after.slowed_by or ()), *(why for why, share in shares.items() if share > SLOWED_LIMIT)}
    return {
        "clock_mhz": [before.clock_mhz, after.clock_mhz],
        "memory_clock_mhz": [before.memory_clock_mhz, after.memory_clock_mhz],
        "power_limit_w": [before.power_limit_w, after.power_limit_w],
        "temperature_c": [before.temperature_c, after.temperature_c],
        "slowed_by": sorted(slowed),
        "slowed_share": {why: round(share, 5) for why, share in shares.items()},
        "memory_errors": errors,
        "other_processes": max(0, *others) if others else None,
    }


def marks(facts: Mapping[str, Any]) -> Iterator[str]:
    """Say in words what of FACTS, those of `between`, is beyond its limit."""
    for why in facts["slowed_by"]:
        share = facts["slowed_share"].get(why, 0.0)
        yield f"{why} slowed the GPU down {f'for {share:.0%} of the time' if share > SLOWED_LIMIT else 'at begin or end'}"
    for name, what, unit in (("clock_mhz", "clock", "MHz"), ("power_limit_w", "power limit", "W")):
        before, after = facts[name]
        if before and after and abs(after / before - 1) > CLOCK_LIMIT:
            yield f"the GPU's {what} went from {before:g} to {after:g} {unit}"
    if facts["memory_errors"]:
        yield f"{facts['memory_errors']} uncorrected memory errors of the GPU"
    if facts["other_processes"]:
        yield f"{facts['other_processes']} other processes on the GPU"


def everything() -> list[Json]:
    """Describe every GPU of this machine as it is now, with the processes on it by name."""
    nvml = _library()
    found: list[Json] = []
    for index in range(0 if nvml is None else nvml.ask("nvmlDeviceGetCount") or 0):
        assert nvml is not None  # noqa: S101 -- there are none without it
        handle = nvml.ask("nvmlDeviceGetHandleByIndex", index)
        if handle is None:
            continue
        sm, on = nvml.constant("NVML_CLOCK_SM"), nvml.ask("nvmlDeviceGetPersistenceMode", handle)
        found.append(
            {
                "index": index,
                "name": nvml.ask("nvmlDeviceGetName", handle),
                "clock_mhz": nvml.ask("nvmlDeviceGetClockInfo", handle, sm),
                "highest_clock_mhz": nvml.ask("nvmlDeviceGetMaxClockInfo", handle, sm),
                "power_limit_w": _thousandth(nvml.ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
                "default_power_limit_w": _thousandth(nvml.ask("nvmlDeviceGetPowerManagementDefaultLimit", handle)),
                "temperature_c": nvml.ask("nvmlDeviceGetTemperature", handle, nvml.constant("NVML_TEMPERATURE_GPU")),
                "persistence": None if on is None else bool(on),
                "processes": [_named(one) for one in nvml.ask("nvmlDeviceGetComputeRunningProcesses", handle) or ()],
            }
        )
    return found


@dataclass(frozen=True, slots=True)
class _Library:
    """NVML, initialised: a question that the driver cannot answer is answered by None."""

    module: Any

    def ask(self, name: str, *args: Any) -> Any:
        with contextlib.suppress(self.module.NVMLError, AttributeError):
            return getattr(self.module, name)(*args)
        return None

    def constant(self, name: str) -> Any:
        return getattr(self.module, name)

    def bits(self, names: Iterable[str]) -> int:
        """Join the bits of NAMES; one that this version does not know is none."""
        return reduce(or_, (getattr(self.module, name, 0) for name in names), 0)


@cache
def _library() -> _Library | None:
    """Initialise NVML, once a process: what a process that forks has of it, its children must not use."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return _Library(pynvml)


def _handle(nvml: _Library, device: str) -> Any | None:
    """Find DEVICE by the card's own id: torch and the driver number cards differently (CUDA_VISIBLE_DEVICES)."""
    import torch

    own = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    return None if own is None else nvml.ask("nvmlDeviceGetHandleByUUID", f"GPU-{own}")


def _slowed_by(nvml: _Library, handle: Any) -> tuple[str, ...] | None:
    bits = nvml.ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
    if bits is None:
        return None
    return tuple(why for why, names in _REASONS.items() if bits & nvml.bits(names))


def _slowed_s(nvml: _Library, handle: Any) -> Iterator[tuple[str, float]]:
    """Give for every reason the seconds that the driver has held the clock down for it; its counters are in nanoseconds."""
    for why, name in _POLICIES.items():
        found = nvml.ask("nvmlDeviceGetViolationStatus", handle, nvml.constant(name))
        if found is not None:
            yield why, found.violationTime * 1e-9


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000


def _named(running: Any) -> str:
    """Name a process on a GPU; one in another container has a number that means nothing here."""
    name = "a process that is not seen from here"
    with contextlib.suppress(psutil.Error):
        name = psutil.Process(running.pid).name()
    used = "" if running.usedGpuMemory is None else f", {running.usedGpuMemory / 2**20:,.0f} MiB"
    return f"{name} ({running.pid}){used}"
