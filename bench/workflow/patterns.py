"""Patterns of module names that a suite writes, tried on its models before anything is measured: a misspelt one freezes nothing."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.domain.errors import Problem, SuiteError

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.plan import Plan, PlannedCase
    from bench.protocol.messages import Event, Request

AXES = ("freeze", "train")


def check(plan: "Plan", ask: "Callable[[Request], list[Event]]") -> None:
    """Try the patterns of PLAN on its models, which ASK builds without weights.

    Raises SuiteError with each that matches nothing in a model, by its line. A model that cannot be built says so in its own trial.
    """
    from bench.protocol.messages import MatchNames, Observed

    problems: list[Problem] = []
    for planned, patterns in _patterns(plan):
        for event in ask(MatchNames(model=planned.model, patterns=patterns)):
            if isinstance(event, Observed):
                problems.extend(_problem(planned, pattern, str(said)) for pattern, said in event.facts.items())
    if problems:
        raise SuiteError(tuple(dict.fromkeys(problems)))


def _patterns(plan: "Plan") -> "Iterable[tuple[PlannedCase, tuple[str, ...]]]":
    """Give the patterns of each model and task of PLAN, with a case of it."""
    found: dict[tuple[str, str, str], tuple[PlannedCase, dict[str, None]]] = {}
    for planned in plan.cases:
        named = [one for axis in AXES if isinstance(given := planned.case.requested.get(axis), list | tuple) for one in given]
        if named:
            key = (planned.suite.file, planned.model.content, planned.model.task)
            found.setdefault(key, (planned, {}))[1].update(dict.fromkeys(map(str, named)))
    return ((planned, tuple(names)) for planned, names in found.values())


def _problem(planned: "PlannedCase", pattern: str, said: str) -> Problem:
    """Put what was SAID of PATTERN beside the first line of the suite that has it."""
    file = planned.suite.file
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    line = next((number for number, text in enumerate(lines, 1) if pattern in text and any(axis in text for axis in AXES)), None)
    line = line or next((number for number, text in enumerate(lines, 1) if pattern in text), 1)
    return Problem(file=file, line=line, what=f"{planned.model.ref.name}: {said}")
