"""Lengths that differ from item to item: a distribution as an axis spells it, and what it allows.

`{uniform: [8, 40]}` takes every whole number between the two, both included; `{choice: [8, 16, 128]}` one of those listed, so that
a length listed twice comes twice as often. A plain number is the length of every item.
"""

import random
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from bench.domain.values import Json

KEYS = ("uniform", "choice")
"""The distributions there are."""

_PAIR = 2


def said(axis: str, value: Mapping[str, Json]) -> str | None:
    """Say what is wrong with VALUE as a distribution of AXIS; None where nothing is."""
    if len(value) != 1:
        return f"{axis} takes one distribution, {' or '.join(KEYS)}"
    ((key, numbers),) = value.items()
    if key == KEYS[0]:
        right = _are_lengths(numbers) and len(numbers) == _PAIR and numbers[0] < numbers[1]
        return None if right else f"{axis} uniform takes the shortest and the longest length, two whole numbers such as [8, 40]"
    right = _are_lengths(numbers) and len(set(numbers)) > 1
    return None if right else f"{axis} choice takes a list of lengths, at least two different ones such as [8, 16, 128]"


def ordered(value: Mapping[str, Json]) -> Mapping[str, Json]:
    """Spell a distribution in the one way that an id may be taken from: lengths in their order, the shortest first."""
    return {key: sorted(_numbers(value)) for key in value}


def is_mixed(value: Json) -> TypeGuard[Mapping[str, Json]]:
    """Tell whether VALUE is a distribution and no plain length."""
    return isinstance(value, Mapping)


def draw(value: Mapping[str, Json], seed: int) -> int:
    """Draw one length of the distribution VALUE. Equal seeds give equal lengths."""
    source = random.Random(seed)  # noqa: S311 -- lengths, not secrets
    numbers = _numbers(value)
    return source.randint(numbers[0], numbers[-1]) if KEYS[0] in value else source.choice(numbers)


def allows(value: Mapping[str, Json], length: Json) -> bool:
    """Tell whether LENGTH is one that the distribution VALUE gives."""
    numbers = _numbers(value)
    if not isinstance(length, int):
        return False
    return numbers[0] <= length <= numbers[-1] if KEYS[0] in value else length in numbers


def longest(value: Json) -> int:
    """Give the longest length of VALUE, a distribution or a plain length; 0 where it is neither."""
    if is_mixed(value):
        return max(_numbers(value))
    return value if isinstance(value, int) else 0


def _numbers(value: Mapping[str, Json]) -> list[int]:
    """Read the lengths of a distribution. Raises TypeError where it has none: the suite's check lets no other through."""
    (numbers,) = value.values()
    if not _are_lengths(numbers):
        msg = f"{value!r} is not a distribution of lengths"
        raise TypeError(msg)
    return list(numbers)


def _are_lengths(numbers: Json) -> TypeGuard[Sequence[int]]:
    if not isinstance(numbers, list | tuple) or not numbers:
        return False
    return all(isinstance(number, int) and not isinstance(number, bool) and number >= 1 for number in numbers)
