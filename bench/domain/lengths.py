"""Amounts that differ from item to item: a distribution as an axis spells it, and what it allows.

`{uniform: [8, 40]}` takes every whole number between the two, both included; `{choice: [8, 16, 128]}` one of those listed, so that
a length listed twice comes twice as often. Sizes of images are chosen from a list only: `{choice: [224x224, 640x480]}`. A plain
value is that of every item.
"""

import random
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from bench.domain.values import Json

KEYS = ("uniform", "choice")
"""The distributions of whole numbers there are."""

KEYS_OF_SIZES = KEYS[1:]
"""The distributions of widths x heights there are."""

_PAIR = 2
_SIZE = re.compile(r"[1-9][0-9]*x[1-9][0-9]*")


def are_keys(keys: Sequence[str]) -> bool:
    """Tell whether KEYS, of the mappings that an axis takes, are those of distributions."""
    return tuple(keys) in {KEYS, KEYS_OF_SIZES}


def said(axis: str, value: Mapping[str, Json], keys: Sequence[str] = KEYS) -> str | None:
    """Say what is wrong with VALUE as a distribution of AXIS, which has KEYS; None where nothing is."""
    if len(value) != 1:
        return f"{axis} takes one distribution, {' or '.join(keys)}"
    ((key, amounts),) = value.items()
    if tuple(keys) == KEYS_OF_SIZES:
        return None if _are_sizes(amounts) and len(set(amounts)) > 1 else f"{axis} choice takes {_EXAMPLES[KEYS_OF_SIZES]}"
    if key == KEYS[0]:
        right = _are_lengths(amounts) and len(amounts) == _PAIR and amounts[0] < amounts[1]
        return None if right else f"{axis} uniform takes the shortest and the longest length, two whole numbers such as [8, 40]"
    right = _are_lengths(amounts) and len(set(amounts)) > 1
    return None if right else f"{axis} choice takes {_EXAMPLES[KEYS]}"


_EXAMPLES: Mapping[tuple[str, ...], str] = {
    KEYS: "a list of lengths, at least two different ones such as [8, 16, 128]",
    KEYS_OF_SIZES: "a list of sizes, at least two different ones such as [224x224, 640x480]",
}


def ordered(value: Mapping[str, Json]) -> Mapping[str, Json]:
    """Spell a distribution in the one way that an id may be taken from: amounts in their order, the smallest first."""
    amounts = sorted((_rank(amount), amount) for amount in _amounts(value))
    return {key: [amount for _, amount in amounts] for key in value}


def is_mixed(value: Json) -> TypeGuard[Mapping[str, Json]]:
    """Tell whether VALUE is a distribution and no plain amount."""
    return isinstance(value, Mapping)


def draw(value: Mapping[str, Json], seed: int) -> int:
    """Draw one whole number of the distribution VALUE. Equal seeds give equal ones. Raises TypeError where it is one of sizes."""
    source = random.Random(seed)  # noqa: S311 -- lengths, not secrets
    numbers = _numbers(value)
    return source.randint(numbers[0], numbers[-1]) if KEYS[0] in value else source.choice(numbers)


def draw_size(value: Mapping[str, Json], seed: int) -> str:
    """Draw one size of the distribution VALUE, as it is spelled. Equal seeds give equal ones."""
    return str(random.Random(seed).choice(_amounts(value)))  # noqa: S311 -- sizes, not secrets


def allows(value: Mapping[str, Json], amount: Json) -> bool:
    """Tell whether AMOUNT is one that the distribution VALUE gives."""
    amounts = _amounts(value)
    if not isinstance(amount, int | str):
        return False
    if KEYS[0] not in value:
        return amount in amounts
    numbers = _numbers(value)
    return isinstance(amount, int) and numbers[0] <= amount <= numbers[-1]


def longest(value: Json) -> int:
    """Give the longest length of VALUE, a distribution or a plain length; 0 where it is neither."""
    if is_mixed(value):
        return max(_numbers(value))
    return value if isinstance(value, int) else 0


def _numbers(value: Mapping[str, Json]) -> list[int]:
    """Read the lengths of a distribution. Raises TypeError where it has none: the suite's check lets no other through."""
    amounts = _amounts(value)
    if not _are_lengths(amounts):
        msg = f"{value!r} is not a distribution of lengths"
        raise TypeError(msg)
    return list(amounts)


def _amounts(value: Mapping[str, Json]) -> Sequence[int] | Sequence[str]:
    (amounts,) = value.values()
    if _are_lengths(amounts):
        return amounts
    if _are_sizes(amounts):
        return amounts
    msg = f"{value!r} is not a distribution of lengths or sizes"
    raise TypeError(msg)


def _rank(amount: int | str) -> tuple[int, ...]:
    return tuple(map(int, amount.split("x"))) if isinstance(amount, str) else (amount,)


def _are_lengths(amounts: Json) -> TypeGuard[Sequence[int]]:
    if not isinstance(amounts, list | tuple) or not amounts:
        return False
    return all(isinstance(number, int) and not isinstance(number, bool) and number >= 1 for number in amounts)


def _are_sizes(amounts: Json) -> TypeGuard[Sequence[str]]:
    if not isinstance(amounts, list | tuple) or not amounts:
        return False
    return all(isinstance(size, str) and _SIZE.fullmatch(size) is not None for size in amounts)
