"""From a suite to its cases: the product of its axes, less `exclude`, extended and added to by `include`.

`include` and `exclude` have the meaning of a GitHub Actions matrix: exclusion comes first; an include entry extends every
combination of the written matrix that it contradicts nowhere, and where it extends none it becomes a combination of its own.
An axis that does not apply to a model is no part of its combinations at all.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.domain.listing import some
from bench.domain.model import ModelFacts
from bench.domain.plan import Case, Suite
from bench.domain.task import Trait
from bench.domain.values import Json, canonical
from bench.planning.matrix import WHOLE, Matrix

Place = tuple[str | int, ...]


@dataclass(slots=True)
class Expansion:
    """The cases of a suite with their models, what is wrong with its selections, and what people should know.

    `references` has the case that each is compared with, by its id; some have none.
    """

    cases: list[tuple[ModelFacts, Case]] = field(default_factory=list)
    references: dict[str, Case] = field(default_factory=dict)
    findings: list[tuple[Place, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def expand(suite: Suite, models: Sequence[ModelFacts], *, compared: bool = True) -> Expansion:
    """Expand SUITE over MODELS, which are its own in order. Equal cases become one, and a remark says so.

    What each case is COMPARED with is spelled only where it is wanted: it costs as much as the cases.
    """
    result = Expansion()
    matrices = [Matrix(suite, facts) for facts in models]
    excluded: set[int] = set()
    for matrix in matrices:
        matrix.multiply(excluded)
    for index, entry in enumerate(suite.include):
        changed, wrong = _include(entry, matrices)
        if wrong:
            result.findings.append((("include", index), wrong))
        if changed:
            result.remarks.append(_extended(suite, index, changed))
    for matrix in matrices:
        matrix.take_additions()
    for index in range(len(suite.exclude)):
        if index not in excluded:
            result.findings.append((("exclude", index), "this exclude entry matches no case"))
    result.findings.extend(_of_reference(suite, matrices))
    result.findings.extend(_of_no_text(suite, models))
    _collect(matrices, result, compared=compared)
    result.remarks.extend(_dropped(suite, matrices))
    return result


def _include(entry: Mapping[str, Json], matrices: Sequence[Matrix]) -> tuple[int, str | None]:
    """Extend by ENTRY what it extends, or add it; give how many cases it changed, and what is wrong where it does neither."""
    counts = [matrix.extend(entry) for matrix in matrices]
    changed = sum(changed for _, changed in counts)
    if changed:
        return changed, None
    if any(met for met, _ in counts):
        return 0, "this include entry changes nothing: the matrix has its cases already"
    added = [matrix.add(entry) for matrix in matrices]
    return 0, None if any(added) else _adds_nothing(entry, matrices)


def _extended(suite: Suite, index: int, changed: int) -> str:
    """Say that an entry changed cases instead of adding one: who wrote it to add one sees it in no other way."""
    new = {key: value for key, value in suite.include[index].items() if key not in WHOLE and key not in suite.axes}
    values = " ".join(f"{key}={value if isinstance(value, str) else canonical(value)}" for key, value in new.items())
    cases = f"{changed} case{'' if changed == 1 else 's'}"
    said = f"include entry {index + 1} changes {cases} of the matrix to {values} and adds none"
    return f"{said} (it adds one where axes name {', '.join(new)})"


def _adds_nothing(entry: Mapping[str, Json], matrices: Sequence[Matrix]) -> str:
    """Say why ENTRY became no case of any model."""
    named = [matrix for matrix in matrices if matrix.is_named(entry)]
    if not named:
        return f"this include entry's task {canonical(entry.get('task'))} is none that its model is listed with"
    foreign = [key for key in entry if key not in WHOLE and not any(key in matrix.position for matrix in named)]
    return f"this include entry names {' and '.join(foreign)}, which no model that it concerns uses"


def _of_reference(suite: Suite, matrices: Sequence[Matrix]) -> Iterator[tuple[Place, str]]:
    """Say so where a reference that the suite writes applies to no model."""
    entry = suite.reference
    if entry is not None and all(matrix.used(entry) is None for matrix in matrices):
        yield ("reference",), "this reference applies to no model of the suite: none has its task and uses an axis that it names"


def _of_no_text(suite: Suite, models: Sequence[ModelFacts]) -> Iterator[tuple[Place, str]]:
    """Say so where the suite asks for 0 tokens of text and no model of it can go without."""
    asked = suite.axes.get("prompt_tokens", ())
    if 0 in asked and all(facts.traits and Trait.TEXT_OPTIONAL not in facts.traits for facts in models):
        said = "prompt_tokens 0 is for image-to-text alone, where it leaves the text out: no model of the suite does that task"
        yield ("axes", "prompt_tokens", asked.index(0)), said


def _collect(matrices: Sequence[Matrix], result: Expansion, *, compared: bool) -> None:
    """Put all cases together, each once."""
    owners: dict[str, str] = {}
    equal = 0
    for matrix in matrices:
        for case, reference in zip(matrix.cases(), matrix.references() if compared else itertools.repeat(None), strict=False):
            if case.id in owners:
                equal += 1
                if owners[case.id] != matrix.facts.ref.name:
                    result.remarks.append(f"{matrix.facts.ref.name} holds the same as {owners[case.id]}: it is measured once")
                continue
            owners[case.id] = matrix.facts.ref.name
            result.cases.append((matrix.facts, case))
            if reference is not None:
                result.references[case.id] = reference
    if equal:
        result.remarks.append(
            f"{equal} {'case was equal to another and is' if equal == 1 else 'cases were equal to others and are'} measured once"
        )


def _spoken(facts: ModelFacts) -> str:
    return facts.ref.name if facts.ref.submodel is None else f"{facts.ref.name} {facts.ref.submodel}"


def _dropped(suite: Suite, matrices: Sequence[Matrix]) -> Iterator[str]:
    """Say which written axes were dropped from which models."""
    for axis, values in suite.axes.items():
        without = list(dict.fromkeys(_spoken(matrix.facts) for matrix in matrices if axis not in matrix.position))
        if without:
            effect = f": its {len(values)} values give one case there" if len(values) > 1 else ""
            yield f"{axis} does not apply to {some(without)} and was dropped{effect}"
    if suite.reference is not None:
        apart = [matrix.facts.ref.name for matrix in matrices if matrix.used(suite.reference) is None]
        if apart:
            yield f"the reference is not for {some(dict.fromkeys(apart))}: outputs of these are not compared"
