"""A stream of requests, and what became of each: the same for every way of batching.

Lengths and gaps are drawn once, by the seed that the suite says, so that all cases serve the very same requests. Prompts are tokens
of the model's vocabulary, drawn at random, its special ones left out: whoever serves requests has tokens in hand.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: the tokens of its prompt, the number of tokens it wants, and when it arrives, in seconds from the start."""

    prompt: tuple[int, ...]
    new_tokens: int
    arrival_s: float


@dataclass(slots=True, kw_only=True)
class Served:
    """What became of a stream. Times count from its start, in seconds.

    `began` is when each request was first worked on, `arrived` when each of its tokens could be read. Of every step that was made,
    `batch` has the number of requests in it; where there is a paged cache `used` and `free` have its blocks.
    """

    began: list[float]
    arrived: list[list[float]]
    tokens: list[list[int]]
    batch: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    preempted: int = 0
    facts: dict[str, Json] = field(default_factory=dict)

    @property
    def makespan_s(self) -> float:
        """The seconds until the last token of all was there."""
        return max(stamps[-1] for stamps in self.arrived)


def draw(asked: Mapping[str, Any], loaded: Loaded) -> tuple[Asked, ...]:
    """Draw the requests that a suite has ASKED for, for LOADED's vocabulary. Raises Refused where one is too long for the model."""
    source = random.Random(asked["seed"])  # noqa: S311 -- a load, not secrets
    vocabulary = _vocabulary(loaded)
    clock, found = 0.0, []
    for number in range(asked["count"]):
        if asked["arrival"] == "poisson" and number:
            clock += source.expovariate(asked["rate"])
        length, new = (_length(asked[key], source) for key in ("prompt_tokens", "new_tokens"))
        found.append(Asked(prompt=tuple(source.choices(vocabulary, k=length)), new_tokens=new, arrival_s=clock))
    _refuse_too_long(found, loaded)
    return tuple(found)


def _length(value: Json, source: random.Random) -> int:
    return lengths.draw(value, source.getrandbits(32)) if lengths.is_mixed(value) else int(str(value))


def _vocabulary(loaded: Loaded) -> Sequence[int]:
    """Give the tokens that prompts are made of: those of the tokenizer that the model has embeddings for."""
    tokenizer = loaded.tokenizer
    size = loaded.model.config.get_text_config().vocab_size
    special = set() if tokenizer is None else set(tokenizer.all_special_ids)
    known = size if tokenizer is None else min(size, len(tokenizer))
    return [token for token in range(known) if token not in special]


def _refuse_too_long(requests: Sequence[Asked], loaded: Loaded) -> None:
    longest = longest_of(requests)
    most = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(most, int) and longest > most:
        raise Refused(f"a request of {longest} tokens is longer than the model's {most} positions", ReasonCode.INPUT_MISMATCH)


def longest_of(requests: Sequence[Asked]) -> int:
    """Give the tokens of the longest of REQUESTS, its prompt and what it wants together."""
    return max(len(request.prompt) + request.new_tokens for request in requests)


def greedy(loaded: Loaded, **more: Any) -> Any:
    """Give the config of a greedy generation that no end token ends early; the model's own config must not fill it in again."""
    from transformers import GenerationConfig

    own = loaded.model.generation_config
    own.eos_token_id = own.forced_eos_token_id = None
    pad = own.pad_token_id if own.pad_token_id is not None else 0
    return GenerationConfig(do_sample=False, num_beams=1, eos_token_id=None, pad_token_id=pad, use_cache=True, **more)
