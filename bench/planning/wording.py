"""How problems are put: what there is to choose from, and what was probably meant."""

import difflib
from collections.abc import Iterable

from bench.domain.axis import Axis
from bench.domain.values import Json, canonical

SHOWN = 12
"""Choices listed in a message before it says how many more there are."""


def quoted(value: object) -> str:
    """Show VALUE as it would be written in a suite, cut where it is long."""
    text = canonical(value) if isinstance(value, bool | int | float | str | list | tuple | dict | None) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"  # noqa: PLR2004 -- half a line


def knows(choices: Iterable[str]) -> str:
    """List CHOICES in brackets, not more than a line holds."""
    every = list(choices)
    more = f" … {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"(knows: {', '.join(every[:SHOWN])}{more})"


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """Name the choice nearest to WORD as a question, with a space before it; nothing where none is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.4) if isinstance(word, str) else []
    return f'. Did you mean "{near[0]}"?' if near else ""


def unknown(what: str, word: object, choices: Iterable[str]) -> str:
    """Say that WORD is no WHAT, what there is instead, and what was probably meant."""
    every = list(choices)
    return f"{what} {quoted(word)} is not known {knows(every)}{did_you_mean(word, every)}"


def spellings(axis: Axis) -> tuple[str, ...]:
    """List what AXIS takes, in words."""
    words = [quoted(choice) if isinstance(choice, bool) else choice for choice in axis.choices]
    if axis.least is not None:
        words.append(f"integers from {axis.least}")
    if axis.pattern is not None:
        words.append(f"strings like {axis.pattern}")
    if axis.mapping_keys:
        words.append(f"a mapping with {', '.join(axis.mapping_keys)}")
    if axis.lists:
        words.append("lists of strings")
    return tuple(words)


def unknown_value(axis: Axis, value: Json) -> str:
    """Say that VALUE is no spelling of AXIS."""
    strings = [choice for choice in axis.choices if isinstance(choice, str)]
    return f"{axis.name} {quoted(value)} is not known {knows(spellings(axis))}{did_you_mean(value, strings)}"
