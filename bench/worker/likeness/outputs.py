"""What of a forward's outputs is compared with a reference: rows of scores, each a distribution, embeddings of items, and values.

Which of them there are follows from what the outputs hold, not from a table of tasks. Padding is in no row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCORES = ("logits", "logits_per_image", "itm_score", "class_queries_logits", "cross_relationship_score")
SPANS = ("start_logits", "end_logits")
EMBEDDINGS = ("image_embeds", "text_embeds")
POOLED = ("pooler_output", "pooled_output")
HIDDEN = ("last_hidden_state", "language_output", "text_features")
VALUES = ("pred_boxes", "pred_masks", "masks_queries_logits", "predicted_depth")
MASKS = ("attention_mask", "decoder_attention_mask", "pixel_mask", "input_features_mask", "pixel_attention_mask")
"""Inputs that say what is padding: a case may leave them out or spell them in another way and has the same inputs."""

_OF_TOKENS, _OF_PIXELS = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """`scores` are R rows of V scores, `embeddings` one row an item; None where the model gives no such thing.

    `values` are what it predicts beside them, by name: boxes, masks and depths, one number a row.

    Where `embeddings` are `pooled` by the model, `means` are those of its hidden states: what a runtime that pools nothing gives.
    """

    scores: Any = None
    embeddings: Any = None
    means: Any = None
    pooled: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compare."""
        return self.scores is None and self.embeddings is None and not self.values

    @property
    def is_broken(self) -> bool:
        """Whether something in them is no number, or a score is infinite that does not rule anything out."""
        if self.scores is not None and not bool((self.scores.isfinite() | self.scores.isneginf()).all()):
            return True
        others = (self.embeddings, *self.values.values())
        return any(not bool(one.isfinite().all()) for one in others if one is not None)


def read(outputs: Any, kept: Any = None) -> Outputs:
    """Read OUTPUTS of a forward; KEPT (items x positions) tells which positions are no padding, None that all count."""
    pooled = any(getattr(outputs, name, None) is not None for name in POOLED)
    means = _means(outputs, kept) if pooled else None
    return Outputs(
        scores=_scores(outputs, kept), embeddings=_embeddings(outputs, kept), means=means, pooled=pooled, values=_values(outputs)
    )


def _values(outputs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(outputs, name, None) for name in VALUES}
    return {
        name: one.reshape(-1, 1) for name, one in found.items() if hasattr(one, "is_floating_point") and one.is_floating_point()
    }


def unpadded(inputs: Mapping[str, Any], name: str = "attention_mask") -> Any:
    """Give which positions of INPUTS are no padding, as true and false; None where no mask of two dimensions says it."""
    mask = inputs.get(name)
    return None if mask is None or mask.dim() != 2 else mask.bool()  # noqa: PLR2004 -- items and positions


def _scores(outputs: Any, kept: Any) -> Any:
    """Give the rows of scores: of every unpadded position, pixel or item."""
    import torch

    spans = [found for name in SPANS if (found := getattr(outputs, name, None)) is not None]
    if spans:
        # A distribution over positions: those of padding have no part in it.
        hidden = [one if kept is None else one.masked_fill(~kept, -torch.inf) for one in spans]
        return torch.cat(hidden)
    scores = next((found for name in SCORES if (found := getattr(outputs, name, None)) is not None), None)
    if scores is None or not scores.is_floating_point():
        return None
    if scores.dim() == _OF_PIXELS:
        scores = scores.movedim(1, -1)
    if scores.dim() == _OF_TOKENS and kept is not None:
        fitting = _fitted(kept, scores.shape[1])
        return scores.flatten(0, 1) if fitting is None else scores[fitting]
    return scores.reshape(-1, scores.shape[-1])


def _fitted(kept: Any, positions: int) -> Any:
    """Fit KEPT to outputs of POSITIONS: media before the text have positions of their own, and the last ones are the text's."""
    import torch

    more = positions - kept.shape[1]
    if more < 0:
        return kept[:, -positions:] if positions == 1 else None
    return torch.cat([kept.new_ones(kept.shape[0], more), kept], dim=1)


def _embeddings(outputs: Any, kept: Any) -> Any:
    """Give embeddings: those of both sides, what the model pooled, or the mean over unpadded positions."""
    import torch

    sides = [found for name in EMBEDDINGS if (found := getattr(outputs, name, None)) is not None and found.dim() == 2]  # noqa: PLR2004
    if sides:
        return torch.cat(sides) if len({one.shape[1] for one in sides}) == 1 else sides[0]
    pooled = next((found for name in POOLED if (found := getattr(outputs, name, None)) is not None), None)
    return _means(outputs, kept) if pooled is None else pooled.flatten(1)


def _means(outputs: Any, kept: Any) -> Any:
    """Give the mean over unpadded positions of the last hidden states; None where there are none, or scores beside them."""
    hidden = next((found for name in HIDDEN if hasattr(found := getattr(outputs, name, None), "dim")), None)
    if hidden is None or _scores(outputs, None) is not None:
        return None
    if hidden.dim() != _OF_TOKENS:
        return hidden.flatten(1)
    fitting = None if kept is None else _fitted(kept, hidden.shape[1])
    if fitting is None:
        return hidden.float().mean(1)
    weight = fitting.to(hidden.dtype).float().unsqueeze(-1)
    return (hidden.float() * weight).sum(1) / weight.sum(1).clamp(min=1)
