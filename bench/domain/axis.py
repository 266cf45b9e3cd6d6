"""What an axis of the matrix is: its default, how its values are spelled, and what it applies to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json

_NEVER_GENERATES = frozenset({Scenario.TRAIN_STEP, Scenario.LOAD, Scenario.DATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis.

    A value is known where it is one of `choices`, or an integer of at least `least`, or a string that `pattern` matches whole, or
    a mapping whose keys are all in `mapping_keys` (any key where it holds "*"), or a list of strings where `lists` is set.
    The axis applies where the task and the model have one trait of each group in `needs`, in the scenarios of `scenarios`
    (empty: all) that are not in `never`. `choices_in` has the choices, the default first, of scenarios that mean something of
    their own by it. Where a data set of the user's feeds the case, what is `of_data` is decided by its items and is no axis.
    """

    name: str
    default: Json
    meaning: str
    choices: tuple[str | bool, ...] = ()
    least: int | None = None
    pattern: str | None = None
    mapping_keys: tuple[str, ...] = ()
    lists: bool = False
    needs: tuple[frozenset[Trait], ...] = ()
    scenarios: frozenset[Scenario] = frozenset()
    never: frozenset[Scenario] = frozenset()
    choices_in: Mapping[Scenario, tuple[str, ...]] = field(default_factory=dict, hash=False)
    of_data: bool = False

    def knows(self, value: Json) -> bool:
        """Tell whether VALUE is a spelling of this axis."""
        if isinstance(value, bool):
            return any(value is choice for choice in self.choices)
        if isinstance(value, int):
            return self.least is not None and value >= self.least
        if isinstance(value, str):
            return value in self.choices or (self.pattern is not None and re.fullmatch(self.pattern, value) is not None)
        if isinstance(value, dict):
            return bool(value) and ("*" in self.mapping_keys or set(value) <= set(self.mapping_keys))
        return self.lists and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)

    def applies(self, traits: frozenset[Trait], scenario: Scenario) -> bool:
        """Tell whether a task and model with TRAITS use this axis in SCENARIO."""
        if scenario in _NEVER_GENERATES:
            traits -= {Trait.GENERATES}
        told = scenario not in self.never and (not self.scenarios or scenario in self.scenarios)
        return told and all(group & traits for group in self.needs)

    def within(self, scenario: Scenario) -> "Axis":
        """Give this axis as SCENARIO has it: with its own choices and default where it means something of its own by it."""
        own = self.choices_in.get(scenario)
        return self if own is None else replace(self, choices=own, default=own[0])
