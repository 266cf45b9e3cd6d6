"""What some scenarios ask beside the axes: how far a capacity is sought, how long an endurance lasts, which requests come."""

from dataclasses import dataclass, field

from bench.domain.values import Json

OVER = ("batch_size", "prompt_tokens", "images")
"""Axes that a capacity can be of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The axis whose largest value that fits is sought, and the value that is not gone beyond."""

    over: str
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """How long one case goes on: for MINUTES or for a number of STEPS; the other is None."""

    minutes: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedCache:
    """The cache of continuous batching: tokens a page, blocks in all, tokens in one step; None for what fits the requests."""

    page_size: int | None = None
    num_blocks: int | None = None
    max_batch_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Targets of service, in seconds: the first token of a request, and the mean gap between its tokens."""

    ttft: float | None = None
    itl: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """A stream of COUNT requests, all at once or by a Poisson process of RATE a second, with lengths drawn by SEED."""

    count: int
    prompt_tokens: Json
    new_tokens: Json
    arrival: str = "all"
    rate: float | None = None
    seed: int = 0
    cache: PagedCache = field(default_factory=PagedCache)
    slo: Targets = field(default_factory=Targets)
