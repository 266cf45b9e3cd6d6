"""The stream of requests that a suite describes: its form, and where it contradicts itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from bench.domain import lengths
from bench.domain.particulars import PagedCache, Requests, Targets
from bench.domain.values import Json
from bench.planning.tree import Node
from bench.planning.wording import quoted

Finding = tuple[int, str]

DROPPED = frozenset({"prompt_tokens", "new_tokens", "cache", "depth", "mask"})
"""Axes that no case of a stream has: its requests have lengths of their own, and are batched with their own cache and masks."""
BESIDE = ("cache", "slo")
"""Keys of a suite that say more of its requests."""
LENGTHS = ("prompt_tokens", "new_tokens")


def length_said(name: str, value: Json) -> str | None:
    """Say what is wrong with VALUE as the lengths NAME of requests."""
    if lengths.is_mixed(value):
        unknown = [key for key in value if key not in lengths.KEYS]
        known = " and ".join(lengths.KEYS)
        return f"{name} takes {known}, not {quoted(unknown[0])}" if unknown else lengths.said(name, value)
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return None if whole else f"{name} takes a whole number of tokens, or a distribution such as {{uniform: [8, 40]}}"


def findings(asked: Requests | None, root: Node) -> Iterator[Finding]:
    """Give what ASKED says wrongly, with its line in the file that ROOT was read from; None where a suite has no requests."""
    if asked is None:
        keys = [key for key in BESIDE if isinstance(root.value, Mapping) and key in root.value]
        yield from ((root.line_of_key((key,)), f"{key} is for scenario: requests, beside its requests") for key in keys)
        return
    if asked.arrival == "poisson" and asked.rate is None:
        yield root.line_of_key(("requests",)), "requests with arrival poisson need their rate: requests a second, such as rate: 2.0"
    if asked.arrival != "poisson" and asked.rate is not None:
        yield root.line_of_key(("requests", "rate")), f"requests with arrival {asked.arrival} have no rate: all are there at once"
    cache, longest = asked.cache, sum(lengths.longest(getattr(asked, name)) for name in LENGTHS)
    if cache.num_blocks is not None and cache.page_size is not None and cache.num_blocks * cache.page_size < longest:
        held = cache.num_blocks * cache.page_size
        yield root.line_of_key(("cache",)), f"the cache holds {held} tokens, and the longest request has {longest}"


def of_form(form: BaseModel | None, cache: BaseModel | None, slo: BaseModel | None) -> Requests | None:
    """Build the noun of what the form of a suite accepted; None where there is no stream."""
    if form is None:
        return None
    values = _values(form)
    for name in LENGTHS:
        values[name] = lengths.ordered(values[name]) if lengths.is_mixed(values[name]) else values[name]
    return Requests(**values, cache=PagedCache(**_values(cache)), slo=Targets(**_values(slo)))


def _values(form: BaseModel | None) -> dict[str, Any]:
    return {} if form is None else form.model_dump()
