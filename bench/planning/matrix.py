"""The combinations of one model: the product of its axes, as `include` and `exclude` change it, and their spelling as cases."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.domain import abroad
from bench.domain.axes import AXES
from bench.domain.axis import Axis
from bench.domain.model import ModelFacts
from bench.domain.plan import Case, Suite
from bench.domain.procedure import PageCache
from bench.domain.values import Json, canonical
from bench.models import submodels
from bench.planning import data_sets, particulars, references

WHOLE = ("model", "task", "submodel")
"""What entries may name beside axes: the model as a whole."""
_ID_LENGTH = 20


@dataclass(frozen=True, slots=True)
class _Option:
    """One value of an axis, with what it adds to a case's hash and label: nothing where it is the default."""

    value: Json
    spelled: str
    hashed: str
    label: str


_Combination = tuple[_Option, ...]


class Matrix:
    """The combinations of one model, by the axes that apply to it."""

    def __init__(self, suite: Suite, facts: ModelFacts) -> None:
        self.suite, self.facts = suite, facts
        sought = particulars.dropped(suite)
        applying = (
            axis.within(suite.scenario) for axis in AXES if axis.applies(facts.traits, suite.scenario) and axis.name not in sought
        )
        self.axes = tuple(axis for axis in applying if submodels.uses(axis, facts))
        self.position = {axis.name: index for index, axis in enumerate(self.axes)}
        self.combinations: list[_Combination] = []
        self.additions: list[_Combination] = []
        self.by_name = sorted(range(len(self.axes)), key=lambda index: self.axes[index].name)

    def multiply(self, excluded: set[int]) -> None:
        """Take the product of the axes, less what `exclude` names; note in EXCLUDED the entries that matched."""
        options = [[_option(axis, value) for value in self.suite.axes.get(axis.name, (axis.default,))] for axis in self.axes]
        rules = [(index, self._wanted(entry)) for index, entry in enumerate(self.suite.exclude) if self._concerns(entry)]
        for combination in itertools.product(*options):
            matched = [index for index, wanted in rules if _has(combination, wanted)]
            excluded.update(matched)
            if not matched:
                self.combinations.append(combination)

    def extend(self, entry: Mapping[str, Json]) -> tuple[int, int]:
        """Extend by ENTRY the combinations that it contradicts nowhere; give how many these are and how many it changed."""
        written = frozenset(self.suite.axes)
        axes = [key for key in entry if key not in WHOLE]
        here = [key for key in axes if key in self.position]
        if not self.is_named(entry) or any(key in written and key not in self.position for key in axes) or (axes and not here):
            return 0, 0
        wanted = self._wanted({key: entry[key] for key in here if key in written})
        added = [(self.position[key], _option(self.axes[self.position[key]], entry[key])) for key in here if key not in written]
        met = [at for at, combination in enumerate(self.combinations) if _has(combination, wanted)]
        for at in met if added else ():
            changed = list(self.combinations[at])
            for place, option in added:
                changed[place] = option
            self.combinations[at] = tuple(changed)
        return len(met), len(met) if added else 0

    def add(self, entry: Mapping[str, Json]) -> bool:
        """Add ENTRY as a combination of its own, with defaults for what it does not name; tell whether it concerns this model."""
        if not self._concerns(entry):
            return False
        values = {axis.name: entry.get(axis.name, axis.default) for axis in self.axes}
        self.additions.append(tuple(_option(axis, values[axis.name]) for axis in self.axes))
        return True

    def take_additions(self) -> None:
        """Put the combinations that were added behind those of the matrix, which later entries extend without them."""
        self.combinations += self.additions

    def is_named(self, entry: Mapping[str, Json]) -> bool:
        """Tell whether ENTRY's model, task and submodel, where it has any, are these."""
        own = {"model": self.facts.ref.name, "task": self.facts.task, "submodel": self.facts.ref.submodel}
        return all(entry.get(key, value) == value for key, value in own.items())

    def _concerns(self, entry: Mapping[str, Json]) -> bool:
        """Tell whether ENTRY can be about this model: its name and task, and only axes that apply."""
        return self.is_named(entry) and all(key in self.position for key in entry if key not in WHOLE)

    def used(self, reference: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """Give the axes of a REFERENCE that this model uses; None where it is another's, or names none that this one uses."""
        here = {key: value for key, value in reference.items() if key in self.position}
        return here if self.is_named(reference) and (here or set(reference) <= set(WHOLE)) else None

    def _wanted(self, entry: Mapping[str, Json]) -> list[tuple[int, str]]:
        return [(self.position[key], canonical(value)) for key, value in entry.items() if key not in WHOLE]

    def cases(self) -> Iterator[Case]:
        """Spell every combination as a case."""
        return self._spelled(self.combinations)

    def references(self) -> Iterator[Case | None]:
        """Give for every combination the case that it is compared with: what the reference names in place of its own values."""
        entry = references.entry_of(self.suite)
        used = None if entry is None or self.facts.ref.submodel is not None else self.used(entry)  # parts answer nothing
        if used is None:
            yield from itertools.repeat(None, len(self.combinations))
            return
        named = {self.position[key]: _option(self.axes[self.position[key]], value) for key, value in used.items()}
        places, back = range(len(self.axes)), {**named, **self._back_home(used)}
        for_each = [back if len(back) > len(named) and self._is_abroad(combination) else named for combination in self.combinations]
        compared = [
            tuple(values.get(place, combination[place]) for place in places)
            for values, combination in zip(for_each, self.combinations, strict=True)
        ]
        each = {tuple(map(id, combination)): combination for combination in compared}  # of alike ones, one is spelled
        spelled = dict(zip(each, self._spelled(list(each.values())), strict=True))
        yield from (spelled[tuple(map(id, combination))] for combination in compared)

    def _is_abroad(self, combination: _Combination) -> bool:
        return abroad.is_abroad({"engine": combination[self.position["engine"]].value})

    def _back_home(self, used: Mapping[str, Json]) -> dict[int, _Option]:
        """Give the environment of a reference whose axes USED name another engine, for cases of engines that live abroad.

        Only theirs runs there: what they are compared with runs in this one, unless the reference says where.
        """
        if "engine" not in used or "environment" in used or abroad.is_abroad(used):
            return {}
        place = self.position["environment"]
        axis = self.axes[place]
        return {place: _option(axis, axis.default)}

    def _spelled(self, combinations: Sequence[_Combination]) -> Iterator[Case]:
        """Spell COMBINATIONS as cases."""
        if not combinations:
            return
        facts, suite = self.facts, self.suite
        whole: dict[str, Json] = {"model": facts.ref.name, "task": facts.task, "scenario": suite.scenario.value}
        identity: dict[str, Json] = {"model": facts.content, "task": facts.task, "scenario": suite.scenario.value}
        whole |= (own := self._of_all_cases())
        identity |= own
        if facts.ref.parts:  # which says what its stages mean
            identity["parts"] = {stage: list(patterns) for stage, patterns in facts.ref.parts.items()}
        whole.update(data_sets.named(suite))
        identity.update(data_sets.known_by(suite))
        head = hashlib.sha256(canonical(identity).encode())
        classes = "" if facts.ref.num_labels is None else f"num_labels={facts.ref.num_labels}"
        name = " ".join(filter(None, (facts.ref.name, facts.ref.task and facts.task, facts.ref.submodel, classes)))
        # Most axes have one value in all combinations: only the others are spelled for each.
        varying = [place for place, options in enumerate(zip(*combinations, strict=True)) if len(set(map(id, options))) > 1]
        base = dict(whole)
        base.update({axis.name: option.value for axis, option in zip(self.axes, combinations[0], strict=True)})
        names = [(place, self.axes[place].name) for place in varying]
        labels = _template([option.label for option in combinations[0]], range(len(self.axes)), varying)
        hashes = _template([option.hashed for option in combinations[0]], self.by_name, varying)
        for combination in combinations:
            hashed = head.copy()
            spelled = "".join([before + (combination[place].hashed if place >= 0 else "") for before, place in hashes])
            hashed.update(spelled.encode())
            if suite.environments:
                hashed.update(self._requirements(combination))
            requested = base.copy()
            for place, axis in names:
                requested[axis] = combination[place].value
            yield Case(
                id=hashed.hexdigest()[:_ID_LENGTH],
                label=name + "".join([before + (combination[place].label if place >= 0 else "") for before, place in labels]),
                requested=requested,
            )

    def _of_all_cases(self) -> dict[str, Json]:
        """Give what suite and model say of every case, beside the axes."""
        own: dict[str, Json] = dict(particulars.of_cases(self.suite))
        if self.suite.page_cache is not PageCache.UNSET:
            own["page_cache"] = self.suite.page_cache.value
        if self.suite.mmap is not None:
            own["mmap"] = self.suite.mmap
        if self.facts.ref.submodel is not None:
            own["submodel"] = self.facts.ref.submodel.value
        if self.facts.ref.num_labels is not None:
            own["num_labels"] = self.facts.ref.num_labels
        return own

    def _requirements(self, combination: _Combination) -> bytes:
        """Give what COMBINATION's environment holds, where the suite lists it: its name alone may mean another list elsewhere."""
        place = self.position.get("environment")
        listed = () if place is None else self.suite.environments.get(str(combination[place].value), ())
        return "".join(f"\n{line}" for line in listed).encode()


def _template(constant: Sequence[str], order: Iterable[int], varying: Sequence[int]) -> list[tuple[str, int]]:
    """Join what is CONSTANT in ORDER between the VARYING places: pairs of text and the place that follows, -1 after the last."""
    pieces: list[tuple[str, int]] = []
    before = ""
    for place in order:
        if place in varying:
            pieces.append((before, place))
            before = ""
        else:
            before += constant[place]
    return [*pieces, (before, -1)]


def _option(axis: Axis, value: Json) -> _Option:
    spelled = canonical(value)
    if spelled == canonical(axis.default):
        return _Option(value, spelled, "", "")
    shown = value if isinstance(value, str) else spelled
    return _Option(value, spelled, f'\n"{axis.name}":{spelled}', f" {axis.name}={shown}")


def _has(combination: _Combination, wanted: Iterable[tuple[int, str]]) -> bool:
    return all(combination[place].spelled == spelled for place, spelled in wanted)
