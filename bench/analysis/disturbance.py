"""How much of a time may be what disturbed its trials, by the kernel's own counters and by fixed work that was timed beside them.

Saved runs share no minute, so that a verdict on them has to leave room for it. Trials that took turns have shared it.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.welch import Gap
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.domain.values import Json

OF_NEIGHBOURS = 1.0
"""What neighbours that use all cores may add to a time beside the waiting for a core: cold caches, memory, clock."""
MOST = 3.0
"""Seconds lost for each second of work, beyond which times say nothing of the program."""
TOLD_OF_PACE = 0.05
"""Log of what a slower machine may have done to a time, from which on it is told."""
MOST_OF_POOL = 0.25
"""The same of several threads: they wait for the last of them, spinning or not.

Beside one busy process two threads on two cores were seen to take ten times as long.
"""


def allowance(records: Sequence[Record]) -> float:
    """Give the log by which what disturbed RECORDS, the trials of a case, may have lengthened their times, in the median trial.

    It is infinite where that trial lost so much that its times say nothing of the program.
    """
    found = [_of_trial(record) for record in records if record.outcome is Outcome.FINISHED]
    return statistics.median(found) if found else 0.0


def paces(base: Sequence[Record], head: Sequence[Record]) -> tuple[float, float]:
    """Give the logs by which the machine itself was slower beside BASE, and beside HEAD, trials of a case, than beside the other.

    That is what fixed work took longer there, in the median trial: of several pieces the one that differs most, since a time may
    depend on any of them. Nothing where one side was measured without, or by another Python or numpy: the work depends on these.
    """
    before, after = _pace(base), _pace(head)
    apart = [after[name] - log for name, log in before.items() if name in after]
    return max([0.0, *(-log for log in apart)]), max([0.0, *apart])


def paced(base: float, head: float) -> str | None:
    """Say of `paces` that the machine itself was slower beside one side, where that was by much."""
    side, log = max(("base", base), ("head", head), key=lambda one: one[1])
    said = f"fixed work took {math.expm1(log):.0%} longer in {side}: the machine itself was slower then"
    return said if log >= TOLD_OF_PACE else None


def _pace(records: Sequence[Record]) -> dict[tuple[str, str], float]:
    """Give by piece, and what it ran on, the log of the seconds that it took, in the median of RECORDS."""
    logs: dict[tuple[str, str], list[float]] = {}
    for record in records:
        found, libraries = record.noise.get("yardsticks"), record.environment.get("libraries")
        numpy = libraries.get("numpy") if isinstance(libraries, Mapping) else None
        software = f"{record.environment.get('python')} {numpy}"
        for name, values in (found if isinstance(found, Mapping) else {}).items():
            seconds = [_seen(value) for value in values] if isinstance(values, list | tuple) else []
            if record.outcome is Outcome.FINISHED and seconds and min(seconds) > 0:
                logs.setdefault((name, software), []).append(statistics.fmean(map(math.log, seconds)))
    return {name: statistics.median(found) for name, found in logs.items()}


def _of_trial(record: Record) -> float:
    """Give log((own + lost) / own) of CPU seconds, with what neighbours may add; where nothing is told, nothing.

    Lost is what it waited for a core and what the host took, at most what its cores had beside its own work: threads of one process
    that wait for each other lose nothing to others.
    """
    own, wall = _seen(record.noise.get("own_cpu_s")), _seen(record.noise.get("wall_s"))
    if own <= 0:
        return 0.0
    cores = record.environment.get("cores") or record.environment.get("affinity")
    there = len(cores) if isinstance(cores, list) and cores else _seen(record.environment.get("cores_logical")) or 1.0
    told = wall * (_seen(record.noise.get("run_delay_share")) + _seen(record.noise.get("steal_share")))
    lost = min(told, max(there * wall - own, 0.0)) / own
    if lost > (MOST_OF_POOL if _seen(record.observed.get("threads")) > 1 else MOST):
        return math.inf
    others = _seen(record.noise.get("foreign_cpu_share")) / (_seen(record.environment.get("cores_logical")) or 1.0)
    return math.log1p(lost) + math.log1p(OF_NEIGHBOURS * min(others, 1.0))


def _seen(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def room(gap: Gap, base: float, head: float) -> "Disturbed":
    """Leave room in GAP for what may have disturbed one of BASE and HEAD, logs, more than the other.

    What disturbed both alike is in their scatter, and not in their ratio.
    """
    return Disturbed(gap=gap, above=max(head - base, 0.0), below=max(base - head, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """A gap of which disturbance may be `above` where it is one of a slower head, and `below` where it is one of a faster head.

    Both are logs. What is proved is proved beyond them.
    """

    gap: Gap
    above: float
    below: float

    @property
    def mirrored(self) -> "Disturbed":
        """The gap with its sides changed."""
        return Disturbed(gap=self.gap.mirrored, above=self.below, below=self.above)

    @property
    def logged(self) -> bool:
        """Whether it is one of logarithms."""
        return self.gap.logged

    def chance(self, margin: float) -> float:
        """Give the one-sided p of a gap this far above MARGIN and what may be disturbance."""
        return self.gap.chance(self._beyond(margin))

    def bounds(self) -> tuple[float, float]:
        """Give the 95 % interval, wider by what may be disturbance, on the scale of the gap."""
        low, high = self.gap.bounds()
        return low - self.scaled(math.expm1(self.above)), high + self.scaled(math.expm1(self.below))

    def detectable(self, margin: float, level: float) -> float:
        """Give the smallest relative increase that a test of LEVEL finds with probability 0.95."""
        return self.gap.detectable(self._beyond(margin), level)

    def scaled(self, relative: float) -> float:
        """Put a RELATIVE increase on the scale of the gap."""
        return self.gap.scaled(relative)

    def _beyond(self, margin: float) -> float:
        return (1 + margin) * math.exp(self.above) - 1
