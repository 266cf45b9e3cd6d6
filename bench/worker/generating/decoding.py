"""What a generation did, read off transformers' own loop as it ran: how tokens were chosen, in how many beams, and what ended it.

The loops are looked at from outside while the first call runs, and are themselves again before anything else is timed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.domain.values import Json
from bench.worker.loads.loading import Loaded
from bench.worker.network import observe

_LOOPS = ("_sample", "_beam_search", "_assisted_decoding")
_WARPERS = {"TemperatureLogitsWarper": "temperature", "TopPLogitsWarper": "top_p", "TopKLogitsWarper": "top_k"}
_NEUTRAL = {"temperature": 1.0, "top_p": 1.0}


@contextmanager
def seen(loaded: Loaded, facts: dict[str, Json]) -> Iterator[None]:
    """Read into FACTS what the first generation of LOADED, or of a part of it that generates by itself, does in the block."""
    parts = observe.generating(loaded.model)
    with ExitStack() as undo:
        told = undo.enter_context(looping({type(part) for part in parts}))

        def first_pass(_module: Any, _arguments: Any, options: Mapping[str, Any]) -> None:
            if told and "width" not in told and options.get("input_ids") is not None:
                told["width"] = int(options["input_ids"].shape[1])

        for part in parts:
            undo.callback(part.register_forward_pre_hook(first_pass, with_kwargs=True).remove)
        yield
    if told:
        facts |= told_of(loaded, told)


@contextmanager
def looping(kinds: set[type]) -> Iterator[dict[str, Any]]:
    """Give what the first loop of a generation of KINDS is given and gives in the block; empty where none runs."""
    from unittest.mock import patch

    told: dict[str, Any] = {}
    with ExitStack() as undo:
        for kind in kinds:
            for name in _LOOPS:
                if hasattr(kind, name):
                    undo.enter_context(patch.object(kind, name, _around(getattr(kind, name), name, told)))
        yield told


def _around(loop: Callable[..., Any], name: str, told: dict[str, Any]) -> Callable[..., Any]:
    """Give LOOP with someone beside it who notes what it was given and what it gave."""

    def run(model: Any, input_ids: Any, **options: Any) -> Any:
        first = not told
        if first:
            told.update(loop=name, start=int(input_ids.shape[1]), rows=int(input_ids.shape[0]), **options)
        result = loop(model, input_ids, **options)
        if first:
            told["tokens"] = getattr(result, "sequences", result)
        return result

    return run


def told_of(loaded: Loaded, told: Mapping[str, Any]) -> dict[str, Json]:
    """Give the facts of a loop of LOADED that was TOLD of: how it chose, in how many beams, and what ended it."""
    import torch

    config = told["generation_config"]
    beams = int(config.num_beams or 1) if told["loop"] == "_beam_search" else 1
    end = _end(told["stopping_criteria"])
    drafted = told["loop"] == "_assisted_decoding" and told.get("assistant_model") is loaded.draft is not None
    facts: dict[str, Json] = {
        "sampling": _sampling(loaded.asked.get("sampling"), told),
        "num_beams": beams,
        "draft": loaded.asked["draft"] if drafted else "none",
        "stop": "fixed" if end is None or _runs_to_the_limit(config) else "eos",
        "prefill_chunk": _chunk(config.prefill_chunk_size, told),
        "generation_lengths": _lengths(told["tokens"][:, told["start"] :], end),
        "generation_limit": int(config.max_length) - told["start"],
    }
    if beams > 1:
        facts["beams_computed"] = told["rows"]
    return {**facts, "generation_seed": torch.initial_seed()} if config.do_sample else facts


def _runs_to_the_limit(config: Any) -> bool:
    """Tell whether no end token can come before the last one: BLIP names an end past the config that it is called with."""
    return config.min_new_tokens is not None and config.min_new_tokens == config.max_new_tokens


def _sampling(asked: Json, told: Mapping[str, Any]) -> Json:
    """Name how the next token was chosen: the likeliest, or by the warpers that its scores went through."""
    if not told["generation_config"].do_sample:
        return "greedy"
    found: dict[str, Json] = {}
    for one in told["logits_processor"]:
        key = _WARPERS.get(type(one).__name__)
        if key is not None:
            found[key] = getattr(one, key)
    wanted = asked if isinstance(asked, Mapping) else {}
    return {**{key: _NEUTRAL[key] for key in wanted if key in _NEUTRAL}, **found}


def _end(criteria: Any) -> Any:
    """Give the tokens that end a sequence; None where none does."""
    return next((one.eos_token_id for one in criteria if type(one).__name__ == "EosTokenCriteria"), None)


def _chunk(asked: int | None, told: Mapping[str, Any]) -> Json:
    """Give the size of the pieces that the prompt went in, by the width of the first; none where it went in whole."""
    whole = told.get("width", told["start"]) >= told["start"]
    return "none" if asked is None or (whole and asked < told["start"]) else asked


def _lengths(tokens: Any, end: Any) -> list[Json]:
    """Count the new TOKENS of each sequence, up to its END and with it."""
    if end is None:
        return [int(tokens.shape[1])] * int(tokens.shape[0])
    ended = (tokens[..., None] == end.to(tokens.device)).any(dim=-1)
    return [int(row.nonzero()[0]) + 1 if bool(row.any()) else int(row.shape[0]) for row in ended]


def tokens(facts: Mapping[str, Json], counted: int) -> dict[str, Json]:
    """Give the new tokens a sequence: COUNTED as each arrived.

    Where several arrive at once, or some sequences end early, they are counted in what the loop gave: FACTS have it.
    """
    lengths, limit = facts.get("generation_lengths"), facts.get("generation_limit")
    plain = facts.get("stop", "fixed") == "fixed" and facts.get("draft", "none") == "none"
    if plain or not isinstance(lengths, list) or not isinstance(limit, int):
        return {"realised_new_tokens": counted, "new_tokens": counted}
    each = [length for length in lengths if isinstance(length, int)]
    mean = sum(each) / len(each)
    return {"realised_new_tokens": int(mean) if mean == int(mean) else mean, "new_tokens": limit}
