"""Freezing: which weights a training step leaves as they are, told by patterns of names."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from bench.domain.errors import UsageError


def select(network: Any, patterns: Iterable[str]) -> dict[str, Any]:
    """Give the parameters of NETWORK, by name, that PATTERNS take.

    A pattern is the name of a module or parameter, or a glob, and takes everything below what it matches: the name in full, or
    where no full name matches, its end (`vision_tower` is `model.vision_tower`). Raises UsageError where a pattern matches nothing.
    """
    parameters = _all(network)
    places = [name for name, _ in network.named_modules() if name] + list(parameters)
    chosen: dict[str, Any] = {}
    for pattern in patterns:
        found = _matches(places, pattern) or _matches(places, f"*.{pattern}")
        taken = {name: one for name, one in parameters.items() if any(f"{name}.".startswith(f"{place}.") for place in found)}
        if not taken:
            raise UsageError(f'"{pattern}" matches no module with weights of {type(network).__name__} (has: {_children(network)})')
        chosen |= taken
    return chosen


def set_trainable(network: Any, patterns: Iterable[str], *, trainable: bool) -> int:
    """Make the parameters of NETWORK that PATTERNS take, all where there are no patterns, TRAINABLE or not; give their count.

    Raises UsageError where a pattern matches nothing; nothing is changed then.
    """
    wanted = tuple(patterns)
    chosen = select(network, wanted) if wanted else _all(network)
    unique = {id(parameter): parameter for parameter in chosen.values()}
    for parameter in unique.values():
        if parameter.is_floating_point():
            parameter.requires_grad_(trainable)
    return sum(parameter.numel() for parameter in unique.values())


def _all(network: Any) -> dict[str, Any]:
    """Give every parameter by each of its names: what is tied has several."""
    return dict(network.named_parameters(remove_duplicate=False))


def _matches(places: list[str], pattern: str) -> set[str]:
    return {place for place in places if fnmatchcase(place, pattern)}


def _children(network: Any) -> str:
    """Name the modules of the first two levels."""
    names = [name for name, _ in network.named_modules() if name and name.count(".") < 2]  # noqa: PLR2004 -- two levels
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")  # noqa: PLR2004 -- what fits on a line
