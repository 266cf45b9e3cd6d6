"""Why two measured values of the same case must not be set beside each other."""

from collections.abc import Mapping

from bench.domain.metric import Metric
from bench.domain.summary import Row
from bench.domain.values import Json, canonical

Facts = Mapping[str, Json]


def why_incomparable(base: Row, head: Row, metric: Metric, *, in_pairs: bool = False) -> str | None:
    """Say why METRIC of BASE and HEAD, rows of one case, cannot be compared; None where it can.

    A deterministic metric always can: that it changed is what has to be told. With IN_PAIRS loads are compared pair by pair, those
    that found the page cache in the same state.
    """
    if metric.deterministic:
        return None
    told = _threads(base.observed, head.observed) or _tokens(base.observed, head.observed)
    if told is None and not in_pairs and metric.name.startswith("load."):
        return _page_cache(base.observed, head.observed)
    return told


def _threads(base: Facts, head: Facts) -> str | None:
    return _other("threads", base, head)


def _page_cache(base: Facts, head: Facts) -> str | None:
    return _other("page_cache", base, head)


def _tokens(base: Facts, head: Facts) -> str | None:
    """Compare what was realised: a tokenizer that counts otherwise looks like a change of speed."""
    for name in dict.fromkeys((*base, *head)):
        if name.startswith("realised_") and (said := _other(name, base, head)) is not None:
            return said
    return None


def _other(name: str, base: Facts, head: Facts) -> str | None:
    before, after = canonical(base.get(name)), canonical(head.get(name))
    if before == after:
        return None
    return f"{name} {before} in base and {after} in head".replace('"', "")
