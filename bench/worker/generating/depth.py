"""A cache that holds tokens before the timed ones: filled once, untimed, and handed to every call as a fresh copy."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

TEXT, MASK, CACHE = "input_ids", "attention_mask", "past_key_values"
_COPIED = frozenset({"dynamic", "static"})


@dataclass(slots=True, kw_only=True)
class Depth:
    """The tokens before the prompt of a case, and the cache that holds them."""

    loaded: Any
    requested: Mapping[str, Json]
    held: Any = None

    @property
    def tokens(self) -> int:
        """How many there are."""
        asked = self.requested.get("depth", 0)
        return asked if isinstance(asked, int) else 0

    def below(self, inputs: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
        """Give INPUTS with a filled cache below them.

        A generation reads the WHOLE text and passes over what the cache holds; a forward reads what comes after it.
        """
        import torch

        text, mask = inputs[TEXT], inputs.get(MASK)
        before = self._before(text)
        found = {**inputs, CACHE: self._cache(before, int(text.shape[1]))}
        if whole:
            found[TEXT] = torch.cat([before, text], dim=1)
        if mask is not None:
            found[MASK] = torch.cat([torch.ones_like(before, dtype=mask.dtype), mask], dim=1)
        return found

    def _before(self, text: Any) -> Any:
        """Make up the tokens: the same in every call."""
        import torch

        size = self.loaded.model.config.get_text_config(decoder=True).vocab_size
        source = torch.Generator().manual_seed(0)
        return torch.randint(size, (text.shape[0], self.tokens), generator=source).to(text.device)

    def _cache(self, before: Any, prompt: int) -> Any:
        """Give a cache that holds BEFORE: a copy of one filled once where it can be copied, else one filled anew."""
        if self.held is not None:
            return copy.deepcopy(self.held)
        filled = self._empty(prompt)
        with self.loaded.calling():
            self.loaded.model(input_ids=before, **{CACHE: filled}, use_cache=True)
        if self.requested["cache"] in _COPIED:
            self.held = copy.deepcopy(filled)
        return filled

    def _empty(self, prompt: int) -> Any:
        from transformers import DynamicCache, QuantizedCache, StaticCache

        config, kind = self.loaded.model.config.get_text_config(decoder=True), self.requested["cache"]
        if kind == "quantized":
            return QuantizedCache(backend="quanto", config=config)
        if kind == "static":
            new = self.requested["new_tokens"]
            room = self.tokens + prompt + (new if isinstance(new, int) else 0)
            return StaticCache(config=config, max_cache_len=room)
        return DynamicCache(config=config, offloading=kind == "offloaded")


def wanted(loaded: Any, inputs: Mapping[str, Any], requested: Mapping[str, Json]) -> Depth | None:
    """Give the depth that is REQUESTED; None where there is none. Raises Refused where the inputs cannot be lengthened."""
    if not requested.get("depth", 0):
        return None
    foreign = sorted(inputs.keys() - {TEXT, MASK})
    if foreign:
        whose, depth = type(loaded.model).__name__, requested["depth"]
        msg = f"depth {depth}: {whose} also reads {', '.join(foreign)}, of which there is nothing before the prompt"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    return Depth(loaded=loaded, requested=requested)
