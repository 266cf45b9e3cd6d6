"""Probes, one file each: what is read beside the timed steps, and what that costs.

A probe declares its cost. `static` reads the loaded model and runs nothing; `own_pass` runs the model once more, untimed, after all
timed steps, so that a profiler cannot touch a timing. Passive observers, which ride along with every phase, are not
probes of this folder: bench/worker/passive.py has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from bench.domain.metric import Samples
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Parity
from bench.worker.loads.loading import Loaded
from bench.worker.network.ledger import Way


class Cost(StrEnum):
    """What a probe disturbs."""

    STATIC = "static"
    OWN_PASS = "own_pass"  # noqa: S105 -- a pass through the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What probes look at: the loaded model, and the inputs on the device and the way to them (none for static probes).

    `parity` says what outputs are compared with; None where with nothing. `min_iterations` is the suite's: a probe that repeats a
    call by itself repeats it no more often where fewer were asked for.
    """

    loaded: Loaded
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    min_iterations: int
    inputs: Mapping[str, Any] = field(default_factory=dict)
    way: Way | None = None
    parity: Parity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a probe found: samples, and facts for `observed`."""

    samples: tuple[Samples, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


class Probe(Protocol):
    """What a probe file provides."""

    COST: Cost

    def read(self, subject: Subject) -> Reading:
        """Look at SUBJECT. Raises Refused where what it finds is not what was asked."""


def names() -> tuple[str, ...]:
    """List the probes that there are, importing none."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def find(name: str) -> Probe:
    """Import the probe called NAME."""
    return cast("Probe", import_module(f"{__name__}.{name}"))


def of_cost(cost: Cost) -> tuple[tuple[str, Probe], ...]:
    """Give the probes of one COST, with their names."""
    return tuple((name, probe) for name in names() if (probe := find(name)).COST is cost)
