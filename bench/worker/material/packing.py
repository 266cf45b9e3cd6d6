"""Texts one after the other in one row, so that nothing is padded: positions begin anew with each, and none sees another.

transformers finds the borders by the positions and makes the mask of them, in models whose masks it makes. Whether a model is one
of these is tried, not believed: a text alone and the same text packed have to give the same.
"""

from collections.abc import Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside, inputs

_POSITIONS = "position_ids"
IGNORED = -100
"""The label that the losses of transformers leave out."""
_CLOSE = {"float32": 1e-3, "float64": 1e-6}
_CLOSE_OF_HALVES = 5e-2


def refuse(loaded: Loaded, traits: frozenset[Trait]) -> None:
    """Raise Refused where LOADED reads more than text, is no decoder, or takes no positions."""
    whose = type(loaded.model).__name__
    if traits & {Trait.IMAGE, Trait.VIDEO, Trait.AUDIO}:
        raise Refused("batching packed: only texts can be packed", ReasonCode.NOT_IN_CLASS)
    if not loaded.model.can_generate() or loaded.model.config.is_encoder_decoder or _POSITIONS not in beside.taken(loaded.model):
        raise Refused(f"batching packed: {whose} is not a decoder that takes positions", ReasonCode.NOT_IN_CLASS)


def pack(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Put the rows of TENSORS one after the other, padding left out. No text learns to begin: the one before would tell it."""
    import torch

    ids, mask = tensors["input_ids"], tensors["attention_mask"].bool()
    lengths = mask.sum(dim=1).tolist()
    positions = torch.cat([torch.arange(length) for length in lengths])
    packed = {"input_ids": ids[mask][None], _POSITIONS: positions[None]}
    if "labels" in tensors:
        packed["labels"] = tensors["labels"][mask].masked_fill(positions == 0, IGNORED)[None]
    return packed


def refuse_mixing(loaded: Loaded, packed: Mapping[str, Any]) -> None:
    """Raise Refused where the last text of PACKED gives something else than it gives alone."""
    import torch

    begins = int((packed[_POSITIONS][0] == 0).nonzero()[-1])
    alone = {"input_ids": packed["input_ids"][:, begins:], _POSITIONS: packed[_POSITIONS][:, begins:]}
    both = (loaded.model(**inputs.to_device(loaded, given)(), use_cache=False).logits.float() for given in (packed, alone))
    together, by_itself = next(both)[:, begins:], next(both)
    scale = by_itself.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    differs = float((together - by_itself).abs().max() / scale)
    if differs > _CLOSE.get(str(loaded.model.dtype).removeprefix("torch."), _CLOSE_OF_HALVES):
        whose = type(loaded.model).__name__
        msg = f"batching packed: texts in one row see each other in {whose}, whose outputs differ by {differs:.2g} from those alone"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
