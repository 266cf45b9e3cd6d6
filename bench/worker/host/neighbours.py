"""Who else uses the processor, and GPUs, just now: names for advice, read before a run and never beside a measurement."""

import os
import time
from collections.abc import Mapping

import psutil

from bench.domain.values import Json
from bench.worker.host import noise, nvidia

MOST = 3
"""Processes that are named."""
_LEAST = 0.05


def disturbance(seconds: float) -> dict[str, Json]:
    """Watch the machine for SECONDS while doing nothing: counters of `noise`, memory in swap, busiest processes by name, GPUs."""
    before, used = noise.read(), _cpu_seconds()
    time.sleep(seconds)
    facts = noise.between(before, noise.read())
    busiest = _busiest(used, _cpu_seconds(), seconds)
    return {**facts, "swap_used_bytes": psutil.swap_memory().used, "busiest": busiest, "gpus": nvidia.everything()}


def _cpu_seconds() -> dict[int, tuple[str, float]]:
    """Give name and processor seconds of every process but this one; those that may not be read are left out."""
    found: dict[int, tuple[str, float]] = {}
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.pid != os.getpid():
            found[process.pid] = (str(process.info["name"]), times.user + times.system)
    return found


def _busiest(before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]], seconds: float) -> list[Json]:
    shares = {pid: (used - before[pid][1]) / seconds for pid, (_, used) in after.items() if pid in before}
    ordered = sorted(shares, key=lambda pid: -shares[pid])
    return [f"{after[pid][0]} ({pid}) {shares[pid] * 100:.0f} %" for pid in ordered[:MOST] if shares[pid] > _LEAST]
