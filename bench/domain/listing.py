"""How names are listed where there may be more of them than a line holds."""

from collections.abc import Iterable


def some(names: Iterable[str], at_most: int = 8) -> str:
    """Spell NAMES, the first AT_MOST of them."""
    every = tuple(names)
    return ", ".join(every[:at_most]) + (f" and {len(every) - at_most} more" if len(every) > at_most else "")
