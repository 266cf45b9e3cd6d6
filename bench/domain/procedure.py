"""How to measure: the sampling plan of a suite (docs/how-it-measures.md gives the reasons for the defaults)."""

from dataclasses import dataclass, field
from enum import StrEnum

PROCEDURE_VERSION = 7
"""Raised with every change that can move a number; CHANGELOG's Measurement headings say what changed."""


class StartMethod(StrEnum):
    """How a trial's process comes to be: forked from a nursery, or a fresh interpreter each time."""

    NURSERY = "nursery"
    SPAWN = "spawn"


class PageCache(StrEnum):
    """State of the checkpoint's pages before loading. UNSET leaves it as found, and then it is only observed."""

    WARM = "warm"
    COLD = "cold"
    UNSET = "unset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmup:
    """Until steady (both None), a number of iterations, or seconds."""

    iterations: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """The sampling plan. `trials` is exact unless `max_trials` is larger; times in seconds."""

    trials: int = 5
    max_trials: int = 5
    warmup: Warmup = field(default_factory=Warmup)
    target_interval: float = 0.02
    min_iterations: int = 10
    max_iterations: int = 1000
    min_seconds: float = 0.5
    time_limit_s: float = 300.0
    order: str = "interleaved"
    seed: int = 0
    start_method: StartMethod = StartMethod.NURSERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a trial. `host_memory_bytes` is of anonymous memory above the baseline at the fork."""

    host_memory_bytes: int | None = None
