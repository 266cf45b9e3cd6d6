"""Tasks, one file each: the file name is the name users write, with - for _.

A task file holds `TASK`, its declaration, and `raw`, which makes the raw inputs of one batch. It imports no torch, so that suites
can be checked by people who have none.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from bench.domain.task import Task
from bench.worker.material.making import Maker, Raw


class TaskPlug(Protocol):
    """What a task file provides."""

    TASK: Task

    def raw(self, make: Maker) -> Raw:
        """Make the raw inputs of one batch."""


def names() -> tuple[str, ...]:
    """List the tasks that there are, importing none."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def find(name: str) -> TaskPlug:
    """Import the task called NAME. Raises KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    return cast("TaskPlug", import_module(f"{__name__}.{name.replace('-', '_')}"))


def declared() -> Mapping[str, Task]:
    """Give every task's declaration by its name."""
    return {name: find(name).TASK for name in names()}
