"""Changes that are known and agreed on: a file that is reviewed, in the place of a threshold that is loosened.

- case: tiny-gpt2 batch_size=8        # id or label
  metric: forward
  up_to: 1.10                         # head/base; below 1 for what became less. Or up_to_value: what head may have, from base's on
  reason: exact softmax, see the pull request
  date: 2026-11-25
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from bench.domain.comparison import Accepted
from bench.domain.errors import Problem, SuiteError, UsageError
from bench.domain.values import Json
from bench.planning import tree
from bench.planning.wording import quoted, unknown

FILE = Path("reports/accepted.yaml")
_TEXTS = ("case", "metric", "reason", "date")
_BOUNDS = ("up_to", "up_to_value")
_KEYS = ("case", "metric", *_BOUNDS, "reason", "date")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def read(path: Path) -> tuple[Accepted, ...]:
    """Read the accepted changes at PATH. Raises UsageError where it cannot be read, SuiteError with all its problems by line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    problems: list[Problem] = []

    def complain(line: int, what: str) -> None:
        problems.append(Problem(file=str(path), line=line, what=what))

    root = tree.read(text, complain)
    found = [] if root is None else _entries(root, complain)
    if problems:
        raise SuiteError(tuple(sorted(problems, key=lambda problem: problem.line)))
    return tuple(found)


def _entries(root: tree.Node, complain: tree.Complain) -> list[Accepted]:
    if root.value is None:
        return []
    if not isinstance(root.value, tuple):
        complain(root.line, "accepted changes are a list")
        return []
    return [one for line, child in root.children.values() if (one := _entry(child, line, complain)) is not None]


def _entry(node: tree.Node, line: int, complain: tree.Complain) -> Accepted | None:
    value = node.value
    if not isinstance(value, Mapping):
        complain(line, "an accepted change has case, metric, up_to or up_to_value, reason, date")
        return None
    for key in value.keys() - set(_KEYS):
        complain(node.line_of_key((key,)), unknown("key", key, _KEYS))
    bounds = [key for key in _BOUNDS if key in value]
    if len(bounds) > 1:
        complain(node.line_of_key((bounds[1],)), "an accepted change has up_to or up_to_value, not both")
    wanted = (*_TEXTS, *(bounds or _BOUNDS[:1]))
    fine = [_check(key, value, node, line, complain) for key in wanted]
    if len(bounds) != 1 or not all(fine):
        return None
    texts = {key: str(value[key]) for key in _TEXTS}
    up_to, up_to_value = (float(str(value[key])) if key in value else None for key in _BOUNDS)
    return Accepted(up_to=up_to, up_to_value=up_to_value, **texts)


def _check(key: str, value: Mapping[str, Json], node: tree.Node, line: int, complain: tree.Complain) -> bool:
    """Complain where KEY is missing from VALUE or does not hold what it has to."""
    if key not in value:
        complain(line, f"an accepted change needs {key}")
        return False
    found = value[key]
    if key in _BOUNDS:
        number = float(str(found)) if isinstance(found, int | float) and not isinstance(found, bool) else math.nan
        fine = math.isfinite(number) and (key == "up_to_value" or number > 0)
        wanted = "a ratio above zero, head to base, such as 1.1" if key == "up_to" else "a finite number, in the metric's unit"
    elif key == "date":
        fine, wanted = isinstance(found, str) and _DATE.fullmatch(found) is not None, "a date such as 2026-11-25"
    else:
        fine, wanted = isinstance(found, str) and bool(found.strip()), "a text"
    if not fine:
        complain(node.line_of((key,)), f"{key} takes {wanted}, not {quoted(found)}")
    return fine
