"""The attention mask that the model is handed: none, the padding as its processor gives it, or an explicit one.

An explicit mask says for every query which keys it sees: an additive tensor of four dimensions (items, 1, queries, keys), 0 where a
query looks and the smallest number of the dtype where it does not. It changes which kernel scaled_dot_product_attention can take. A
decoder's own generation knows masks of two dimensions only; there each is made explicit as it arrives at the model.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.likeness import distances, outputs
from bench.worker.loads.loading import Loaded

MASK = "attention_mask"
Form = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Gives tensors with the mask in the form that was asked for."""

_FLAT = 2
_CLOSE = 0.02
"""Largest relative difference of outputs that is still rounding, in the coarsest dtype."""


def form(loaded: Loaded, tensors: Mapping[str, Any], requested: Mapping[str, Json]) -> Form:
    """Give what brings the mask into the form that is REQUESTED. Raises Refused where LOADED takes no explicit mask."""
    asked = requested.get("mask")
    if asked == "none":
        return lambda given: {name: tensor for name, tensor in given.items() if name != MASK}
    return _settle(loaded, tensors, requested) if asked == "explicit" else dict


def flat(mask: Any) -> Any:
    """Give MASK in two dimensions, ones where there is no padding: the last query of an explicit mask sees all the rest."""
    return mask if mask is None or mask.dim() == _FLAT else (mask[:, 0, -1] == 0).long()


def generating(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Give TENSORS as a generation takes them: with the mask in two dimensions."""
    return {**tensors, MASK: flat(tensors[MASK])} if MASK in tensors else dict(tensors)


def arrived(requested: Mapping[str, Json], facts: Mapping[str, Json]) -> dict[str, Json]:
    """Give what an explicit mask was when it arrived at the model's forward, by the FACTS of the first call."""
    return {"mask": facts.get("mask_in_forward")} if requested.get("mask") == "explicit" else {}


def like(shown: Any, mask: Any) -> Any:
    """Give MASK, of two dimensions, in the form of the one SHOWN."""
    if shown.dim() == _FLAT:
        return mask.to(shown.dtype)
    queries = mask.shape[1] if shown.shape[2] > 1 else 1
    causal = queries > 1 and bool(shown[:, 0, 0, -1].lt(0).all())  # the first query does not see the last key
    return explicit(mask, shown.dtype, queries, causal=causal)


def explicit(mask: Any, dtype: Any, queries: int, *, causal: bool) -> Any:
    """Spell MASK, items x keys, out for so many QUERIES, the last of which is at the last key."""
    import torch

    keys = mask.shape[1]
    sees = mask.bool()[:, None, None, :].expand(-1, 1, queries, -1)
    if causal:
        place = torch.arange(keys, device=mask.device)
        sees = sees & (place[None, :] <= place[keys - queries :, None])
    return torch.zeros(sees.shape, dtype=dtype, device=mask.device).masked_fill(~sees, torch.finfo(dtype).min)


def _settle(loaded: Loaded, tensors: Mapping[str, Any], requested: Mapping[str, Json]) -> Form:
    """Find the explicit form that says the same as the padding mask, by what the model makes of both."""
    whose = type(loaded.model).__name__
    if MASK not in tensors or tensors[MASK].dim() != _FLAT:
        raise Refused(f"mask explicit: the inputs of {whose} have no mask that could be spelled out", ReasonCode.NOT_IN_CLASS)
    model = loaded.model
    encodes = bool(model.config.is_encoder_decoder)
    generates = model.can_generate() and "new_tokens" in requested
    if generates and not encodes and requested.get("cache") == "static":
        raise Refused("mask explicit: a static cache has other keys than a mask could name", ReasonCode.NOT_IN_CLASS)
    plain = _seen(loaded, tensors)
    for causal in (False,) if encodes else (True, False):
        made = _maker(loaded, encodes=encodes, causal=causal)
        if plain is not None and _same(_seen(loaded, made(tensors)), plain):
            for part in ((model, model.get_encoder()) if encodes else (model,)) if generates else ():
                part.register_forward_pre_hook(_spell_out(loaded, encodes=encodes, causal=causal), with_kwargs=True)
            return made
    raise Refused(f"mask explicit: {whose} does not take one, or makes something else of it", ReasonCode.NOT_IN_CLASS)


def _maker(loaded: Loaded, *, encodes: bool, causal: bool) -> Form:
    def make(given: Mapping[str, Any]) -> dict[str, Any]:
        mask = flat(given[MASK])
        queries = 1 if encodes else mask.shape[1]  # a decoder that looks at an encoder has queries of another number
        return {**given, MASK: explicit(mask, loaded.model.dtype, queries, causal=causal)}

    return make


def _spell_out(loaded: Loaded, *, encodes: bool, causal: bool) -> Callable[..., Any]:
    """Make the mask explicit that a generation hands to the model; one of ones only it leaves out."""

    def before(_module: Any, arguments: Any, options: dict[str, Any]) -> Any:
        mask: Any = options.get(MASK)
        text: Any = options.get("input_ids")
        text = options.get("inputs_embeds") if text is None else text
        if mask is None and text is not None and not encodes:
            cache = options.get("past_key_values")
            mask = text.new_ones(text.shape[0], text.shape[1] + (0 if cache is None else int(cache.get_seq_length())))
        if mask is None or isinstance(mask, Mapping) or mask.dim() != _FLAT:
            return None
        queries = 1 if encodes else text.shape[1]
        return arguments, {**options, MASK: explicit(mask, loaded.model.dtype, queries, causal=causal)}

    return before


def _seen(loaded: Loaded, tensors: Mapping[str, Any]) -> outputs.Outputs | None:
    """Give what the model makes of TENSORS, at unpadded positions; None where it cannot take them."""
    import torch

    given = {name: tensor.clone() if hasattr(tensor, "clone") else tensor for name, tensor in tensors.items()}
    try:
        with torch.no_grad(), loaded.calling():
            seen = loaded.model(**given)
        return outputs.read(seen, flat(tensors[MASK]).bool())
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):  # in as many words as there are classes
        return None


def _same(ours: outputs.Outputs | None, theirs: outputs.Outputs) -> bool:
    """Tell whether both are the same but for rounding."""
    if ours is None or theirs.is_empty:
        return False
    found = distances.between(ours, theirs)
    return not found.not_finite and all(
        (1 - value if metric.name == "parity.cosine" else value) < _CLOSE
        for metric, value in found.values.items()
        if metric.name in {"parity.max_relative_error", "parity.cosine"}
    )
