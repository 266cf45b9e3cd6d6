"""What a model takes and no Processor makes: regions found by a detector, and the decoder's side of one plain forward pass."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from bench.domain.values import Json
from bench.worker.loads.loading import Loaded

REGIONS = 36
"""Regions of an image, as the detector gives that LXMERT was published with (Tan and Bansal 2019)."""

DECODER = "decoder_input_ids"
FORWARD_ONLY = (DECODER,)
"""Inputs of a forward pass that a generation makes by itself."""


def taken(model: Any) -> frozenset[str]:
    """Give the names that MODEL's forward takes."""
    return _parameters(type(model).forward)


@cache
def _parameters(forward: Any) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def takes_regions(model: Any) -> bool:
    """Tell whether MODEL sees an image as features and boxes of regions."""
    return {"visual_feats", "visual_pos"} <= taken(model)


def tensors(loaded: Loaded, requested: Mapping[str, Json], batch: int) -> dict[str, Any]:
    """Make what LOADED's model takes beside what its processor gives, for BATCH items. The same call gives the same tensors."""
    names = taken(loaded.model)
    made: dict[str, Any] = {}
    if takes_regions(loaded.model):
        made |= _regions(loaded.model.config, batch)
    positions = _positions(loaded.model, requested) if DECODER in names else 0
    if positions:
        made[DECODER] = _answer(loaded.model, batch, positions)
    return made


def with_start(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give INPUTS of one forward pass of MODEL, with the start of a text where it writes about images and was given none.

    That is what its first token comes of in a generation, which makes it by itself: what stands for the image in a language
    model's sequence, and the token that texts begin with.
    """
    if "pixel_values" not in inputs:
        return dict(inputs)
    image, queries = getattr(model.config, "image_token_index", None), getattr(model.config, "num_query_tokens", None)
    given = inputs.keys() & {"input_ids", "inputs_embeds"} or (DECODER in inputs and not queries)
    if given or "input_ids" not in taken(model) or not model.can_generate():
        return dict(inputs)
    import torch

    items, device = inputs["pixel_values"].shape[0], inputs["pixel_values"].device
    start = _answer(model, items, 1)
    standing = torch.full((items, 0 if image is None else queries or 0), image or 0, dtype=start.dtype)
    return {**inputs, "input_ids": torch.cat([standing, start], dim=1).to(device)}


def _regions(config: Any, batch: int) -> dict[str, Any]:
    """Give features and boxes of regions, as a detector gives them: LXMERT has no part of its own that sees."""
    import torch

    source = torch.Generator().manual_seed(0)
    return {
        "visual_feats": torch.rand(batch, REGIONS, config.visual_feat_dim, generator=source),
        "visual_pos": torch.rand(batch, REGIONS, config.visual_pos_dim, generator=source),
    }


def _positions(model: Any, requested: Mapping[str, Json]) -> int:
    """Give the decoder's positions of one forward pass.

    A generator's are as many as the case generates. A bare encoder with a decoder gets the start token alone, as does a generator
    where nothing is generated; other heads make theirs from the text.
    """
    new = requested.get("new_tokens")
    if isinstance(new, int):
        return 0 if getattr(model.config, "use_decoder_only_language_model", False) else new
    return 1 if model.config.is_encoder_decoder and (model.base_model is model or model.can_generate()) else 0


def _answer(model: Any, batch: int, positions: int) -> Any:
    """Give a start token and made-up tokens after it, as many POSITIONS as asked."""
    import torch

    sections = (model.config, getattr(model, "generation_config", None), model.config.get_text_config(decoder=True))
    names = ("decoder_start_token_id", "bos_token_id", "pad_token_id")
    start = next((found for name in names for one in sections if (found := getattr(one, name, None)) is not None), 0)
    size = model.config.get_text_config(decoder=True).vocab_size
    answer = torch.randint(size, (batch, positions), generator=torch.Generator().manual_seed(0))
    answer[:, 0] = start
    return answer
