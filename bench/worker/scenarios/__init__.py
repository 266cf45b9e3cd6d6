"""Scenarios beside inference, one file each: the file name is the name users write, with - for _.

A scenario is what a trial does once its case is known. Inference is bench/worker/recipe.py; the others open a trial with the same
functions (bench/worker/opening.py), so that load, inputs and refusals are the same in all, and go their own way from there.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from bench.protocol.messages import Measure
from bench.worker.clock import Clock
from bench.worker.wire import Send


class Scenario(Protocol):
    """What a scenario's file provides."""

    def measure(self, request: Measure, send: Send, clock: Clock) -> None:
        """Measure the case of REQUEST once, sending everything as events. Raises Refused, and what the libraries raise."""


def names() -> tuple[str, ...]:
    """List the scenarios that there are beside inference, importing none."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def find(name: str) -> Scenario:
    """Import the scenario called NAME. Raises KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    return cast("Scenario", import_module(f"{__name__}.{name.replace('-', '_')}"))
