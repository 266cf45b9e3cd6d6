"""Axes that the command line sets for one side of an A/B run, in the place of what the suite says of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.domain.axes import BY_NAME
from bench.domain.errors import UsageError
from bench.domain.plan import Plan, PlannedCase
from bench.domain.values import Json, canonical
from bench.planning import document, mappings
from bench.planning.plans import Source
from bench.planning.wording import unknown

Settings = Mapping[str, Json]


def read_settings(option: str, given: Iterable[str]) -> dict[str, Json]:
    """Read `axis=value` expressions of OPTION; a value is JSON where it can be, else text. Raises UsageError."""
    found: dict[str, Json] = {}
    for text in given:
        name, equals, spelled = text.partition("=")
        if not equals:
            raise UsageError(f"{option} {text!r}: write axis=value, such as attention=eager")
        axis = BY_NAME.get(name)
        if axis is None:
            raise UsageError(f"{option}: {unknown('axis', name, list(BY_NAME))}")
        value = _value(spelled)
        if (wrong := document.said(axis, value)) is not None:
            raise UsageError(f"{option}: {wrong}")
        found[name] = mappings.simplest(name, value)
    return found


def _value(spelled: str) -> Json:
    try:
        value: Json = json.loads(spelled)
    except ValueError:
        return spelled
    return value


def with_settings(sources: Sequence[Source], settings: Settings) -> tuple[Source, ...]:
    """Give SOURCES whose suites have the one value of SETTINGS on each axis; selections that name another one go with it."""
    return tuple(
        replace(
            source,
            suite=replace(
                source.suite,
                axes={**source.suite.axes, **{axis: (value,) for axis, value in settings.items()}},
                include=tuple(entry for entry in source.suite.include if _agrees(entry, settings)),
                exclude=tuple(entry for entry in source.suite.exclude if _agrees(entry, settings)),
            ),
        )
        for source in sources
    )


def _agrees(entry: Mapping[str, Json], settings: Settings) -> bool:
    return all(canonical(entry[axis]) == canonical(value) for axis, value in settings.items() if axis in entry)


def couples(base: Plan, head: Plan, axes: Iterable[str]) -> tuple[tuple[PlannedCase, PlannedCase], ...]:
    """Give the cases of BASE each with the one of HEAD that differs from it on AXES alone.

    Raises UsageError where one stands for several: an axis that one side sets and of which the suite has several values.
    """
    apart = frozenset(axes)
    by_rest: dict[str, PlannedCase] = {}
    for planned in head.cases:
        if by_rest.setdefault(_rest(planned, apart), planned) is not planned:
            raise _ambiguous(apart)
    found: dict[str, tuple[PlannedCase, PlannedCase]] = {}
    for planned in base.cases:
        rest = _rest(planned, apart)
        if rest in found:
            raise _ambiguous(apart)
        if rest in by_rest:
            found[rest] = (planned, by_rest[rest])
    return tuple(found.values())


def _rest(planned: PlannedCase, apart: frozenset[str]) -> str:
    requested = {name: value for name, value in planned.case.requested.items() if name not in apart}
    return canonical([planned.suite.name, planned.model.content, requested])


def _ambiguous(apart: frozenset[str]) -> UsageError:
    axes = ", ".join(sorted(apart))
    return UsageError(
        f"the suite has several values of {axes}: set it on both sides, such as --base-set and --head-set, or leave one"
    )
