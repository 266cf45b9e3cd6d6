"""The `gate` section of a suite: whether the metrics that it names are there, and what it says of them can be meant."""

from collections.abc import Collection, Iterator, Mapping

from bench.domain.gating import Gating, Tolerance
from bench.domain.metric import Metric
from bench.planning.tree import Node
from bench.planning.wording import unknown

_PLACE = ("gate", "metrics")


def findings(gate: Gating, root: Node, known: Mapping[str, Metric], rates: Collection[str]) -> Iterator[tuple[int, str]]:
    """Give what GATE says wrongly, with its line in the file of ROOT. KNOWN has every metric by its name, but no RATES."""
    for name, said in gate.metrics.items():
        if name in rates:
            wrong: str | None = f"gate: {name} is a rate and has no row of its own: name the time that it comes from"
        else:
            wrong = _wrong(known[name], said) if name in known else unknown("gate: metric", name, sorted(known))
        if wrong is not None:
            yield root.line_of_key((*_PLACE, name)), wrong


def _wrong(metric: Metric, said: Tolerance) -> str | None:
    if said == Tolerance():
        return f"gate: {metric.name} says nothing: give gated, margin or equivalence"
    if metric.deterministic and (said.margin, said.equivalence) != (None, None):
        return f"gate: {metric.name} is compared exactly: it takes gated, and no margin or equivalence"
    return None
