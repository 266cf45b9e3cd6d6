"""What disturbed a trial: readings of the kernel's own counters before and after, and the marks that follow from them.

Nothing is dropped for being marked; reports show the mark. The limits are those of docs/how-it-measures.md.
"""

import contextlib
import gc
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from bench.domain.values import Json
from bench.worker.host import nvidia

FOREIGN_LIMIT = 0.05
RUN_DELAY_LIMIT = 0.02
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_IDLE_FIELDS = (3, 4)
_STEAL_FIELD = 7
_OLDEST = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment, in seconds and counts."""

    at_s: float
    own_cpu_s: float
    busy_s: float | None
    steal_s: float | None
    run_delay_s: float | None
    pressure_s: float | None
    voluntary_switches: int
    involuntary_switches: int
    major_faults: int
    collections: int
    throttles: int | None
    gpu: nvidia.Reading | None = None


def read(device: str = "cpu") -> Reading:
    """Read all counters now, with those of DEVICE where it is a GPU: well under a millisecond without one."""
    gpu = nvidia.read(device)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    busy, steal = _machine()
    return Reading(
        at_s=time.perf_counter(),
        own_cpu_s=usage.ru_utime + usage.ru_stime,
        busy_s=busy,
        steal_s=steal,
        run_delay_s=_run_delay(),
        pressure_s=_pressure(),
        voluntary_switches=usage.ru_nvcsw,
        involuntary_switches=usage.ru_nivcsw,
        major_faults=usage.ru_majflt,
        collections=gc.get_stats()[_OLDEST]["collections"],
        throttles=_throttles(),
        gpu=gpu,
    )


def between(before: Reading, after: Reading, cores: int | None = None, partners: int = 0) -> dict[str, Json]:
    """Give what happened between two readings: shares of one core's wall time, counts, those of a GPU, and `marks` in words.

    CORES are those that this process may use; where they are left out, those that it may use now. With PARTNERS, trials that this
    one takes turns with on the same cores and GPU, the share of other processes is None: the partners' own work is in it.
    """
    wall = max(after.at_s - before.at_s, 1e-9)
    own = after.own_cpu_s - before.own_cpu_s
    facts: dict[str, Json] = {
        "wall_s": round(wall, 6),
        "own_cpu_s": round(own, 6),
        "foreign_cpu_share": None if partners else _share(before.busy_s, after.busy_s, wall, less=own),
        "steal_share": _share(before.steal_s, after.steal_s, wall),
        "run_delay_share": _share(before.run_delay_s, after.run_delay_s, wall),
        "cpu_pressure_share": _share(before.pressure_s, after.pressure_s, wall),
        "voluntary_switches": after.voluntary_switches - before.voluntary_switches,
        "involuntary_switches": after.involuntary_switches - before.involuntary_switches,
        "major_faults": after.major_faults - before.major_faults,
        "oldest_collections": after.collections - before.collections,
        "throttles": None if before.throttles is None or after.throttles is None else after.throttles - before.throttles,
        "load_1m": round(os.getloadavg()[0], 2),
    }
    found = marks(facts, (cores or len(os.sched_getaffinity(0))) - own / wall)
    if before.gpu is not None and after.gpu is not None:
        of_gpu = nvidia.between(before.gpu, after.gpu, partners)
        facts["gpu"] = of_gpu
        found += nvidia.marks(of_gpu)
    return {**facts, "marks": found}


def marks(facts: dict[str, Json], left: float) -> list[Json]:
    """Say in words what of FACTS is beyond its limit; LEFT is the share of its cores that the process did not have.

    Threads of one process that wait for each other on a core that it has to itself were not disturbed.
    """
    found: list[Json] = []
    foreign, delay = facts["foreign_cpu_share"], facts["run_delay_share"]
    if isinstance(foreign, float) and foreign > FOREIGN_LIMIT:
        found.append(f"other processes used {foreign:.0%} of a core")
    if isinstance(delay, float) and min(delay, left) > RUN_DELAY_LIMIT:
        found.append(f"runnable but not running for {min(delay, left):.1%} of the time")
    if facts["major_faults"]:
        found.append(f"{facts['major_faults']} major page faults")
    if facts["throttles"]:
        found.append(f"{facts['throttles']} thermal throttle events")
    return found


def _share(before: float | None, after: float | None, wall: float, less: float = 0.0) -> float | None:
    return None if before is None or after is None else round(max(after - before - less, 0.0) / wall, 5)


def _machine() -> tuple[float | None, float | None]:
    """Give seconds that all cores were busy, and stolen, since boot."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        busy = sum(tick for index, tick in enumerate(ticks) if index not in {*_IDLE_FIELDS, _STEAL_FIELD})
        return busy * _TICK_S, ticks[_STEAL_FIELD] * _TICK_S
    return None, None


def _run_delay() -> float | None:
    """Sum over this process's threads the seconds that they were runnable and did not run."""
    total = None
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            total = (total or 0.0) + int(path.read_text().split()[1]) * 1e-9
    return total


def _pressure() -> float | None:
    """Give the seconds in which some runnable task of the machine waited for a core."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/pressure/cpu").read_text().split("total=")[1].split()[0]) * 1e-6
    return None


def _throttles() -> int | None:
    counts = [
        int(path.read_text()) for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    ]
    return sum(counts) if counts else None
