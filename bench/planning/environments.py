"""The environments that a suite names: one that is neither this, nor a path, nor listed is a slip of the pen."""

from collections.abc import Iterator

from bench.domain.plan import Suite
from bench.planning.tree import Node
from bench.planning.wording import did_you_mean, knows, quoted

_THIS = "this"


def findings(suite: Suite, root: Node) -> Iterator[tuple[int, str]]:
    """Give what is wrong with the names of SUITE's environments, with its line in the file that ROOT was read from."""
    for name in suite.environments:
        if name == _THIS or "/" in name:
            why = "means the running interpreter" if name == _THIS else "would be read as an interpreter's path"
            yield root.line_of_key(("environments", name)), f"an environment cannot be called {quoted(name)}, which {why}"
    for place, value in _values(suite):
        if isinstance(value, str) and "/" not in value and value != _THIS and value not in suite.environments:
            names = [_THIS, *suite.environments]
            known = knows([*names, "the path of an interpreter"])
            yield root.line_of(place), f"environment {quoted(value)} is not known {known}{did_you_mean(value, names)}"


def _values(suite: Suite) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Give every value of the axis that SUITE writes, with its place."""
    for index, value in enumerate(suite.axes.get("environment", ())):
        yield ("axes", "environment", index), value
    for part, entries in (("include", suite.include), ("exclude", suite.exclude)):
        for index, entry in enumerate(entries):
            if "environment" in entry:
                yield (part, index, "environment"), entry["environment"]
    if suite.reference is not None and "environment" in suite.reference:
        yield ("reference", "environment"), suite.reference["environment"]
