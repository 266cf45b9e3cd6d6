"""From a model's outputs to the answer that a user wants: a label, a span, a ranking, a text. The last stages of the ledger.

What is done follows from what the outputs hold, not from a table of tasks.
"""

from collections.abc import Mapping
from typing import Any

from bench.domain.errors import UsageError
from bench.worker.loads.loading import Loaded
from bench.worker.material import parts

_RANK_OF_TOKENS = 3
_ANSWERS = ("logits", "start_logits", "logits_per_image", "itm_score", "question_answering_score")
BEST = 5
"""Tokens that are told for one that is masked, as transformers' pipeline tells them."""


def can_answer(outputs: Any) -> bool:
    """Tell whether OUTPUTS hold something that becomes an answer; embeddings are their own."""
    return any(getattr(outputs, name, None) is not None for name in _ANSWERS)


def answer(loaded: Loaded, outputs: Any, tensors: Mapping[str, Any]) -> list[Any]:
    """Turn the OUTPUTS for TENSORS into one answer an item.

    That is a span of positions, probabilities over the other modality, the tokens that were masked, a label or labels, or the text
    that a CTC head spells by its likeliest tokens, repeated ones and blanks left out by the tokenizer.
    """
    if getattr(outputs, "start_logits", None) is not None:
        starts, ends = outputs.start_logits.argmax(-1), outputs.end_logits.argmax(-1)
        return list(zip(starts.tolist(), ends.tolist(), strict=True))
    for name in ("logits_per_image", "itm_score"):
        scores = getattr(outputs, name, None)
        if scores is not None:
            found: list[Any] = scores.float().softmax(-1).tolist()
            return found
    if getattr(outputs, "question_answering_score", None) is not None:
        return _labels(loaded, outputs.question_answering_score)
    masked = _masked(loaded, outputs.logits, tensors)
    if masked is not None:
        return _filled(loaded, outputs.logits, masked)
    return _tokens(loaded, outputs.logits) if outputs.logits.dim() >= _RANK_OF_TOKENS else _labels(loaded, outputs.logits)


def is_ctc(model: Any) -> bool:
    """Tell whether MODEL's head spells by connectionist temporal classification: a token, or the blank, for each frame."""
    return "CTC" in type(model).__name__


def _tokens(loaded: Loaded, logits: Any) -> list[Any]:
    best = logits.argmax(-1)
    if is_ctc(loaded.model) and can_write(loaded):
        # Blanks are special tokens and tell a letter written twice from one that lasts: left out first, they would join the two.
        found: list[Any] = parts.tokenizer(loaded).batch_decode(best, skip_special_tokens=False)
    else:
        found = best.tolist()
    return found


def _labels(loaded: Loaded, logits: Any) -> list[Any]:
    """Give an item's likeliest class of LOGITS with its probability."""
    best, probabilities = logits.argmax(-1), logits.float().softmax(-1)
    labels = getattr(loaded.model.config, "id2label", None) or {}
    return [
        (labels.get(index, str(index)), probability)
        for index, probability in zip(best.tolist(), probabilities.max(-1).values.tolist(), strict=True)
    ]


def _masked(loaded: Loaded, logits: Any, tensors: Mapping[str, Any]) -> Any:
    """Tell which positions of the texts are masked; None where LOGITS are not over the tokens of a text that has such."""
    ids, number = tensors.get("input_ids"), getattr(loaded.tokenizer, "mask_token_id", None)
    if ids is None or number is None or logits.shape[:-1] != ids.shape or logits.shape[-1] <= number:
        return None
    masked = ids == number
    return masked if bool(masked.any()) else None


def _filled(loaded: Loaded, logits: Any, masked: Any) -> list[list[tuple[str, float]]]:
    """Give, an item, the likeliest tokens of its MASKED positions with their probabilities, the best of each position first."""
    items, _ = masked.nonzero(as_tuple=True)
    best = logits[masked].float().softmax(-1).topk(min(BEST, logits.shape[-1]))
    found: list[list[tuple[str, float]]] = [[] for _ in range(logits.shape[0])]
    for item, tokens, shares in zip(items.tolist(), best.indices.tolist(), best.values.tolist(), strict=True):
        found[item] += zip(loaded.tokenizer.convert_ids_to_tokens(tokens), shares, strict=True)
    return found


def can_write(loaded: Loaded) -> bool:
    """Tell whether LOADED has a tokenizer that turns tokens into texts: some checkpoints have none."""
    return hasattr(parts.tokenizer(loaded), "batch_decode")


def require_tokenizer(loaded: Loaded) -> None:
    """Raise UsageError where LOADED has no tokenizer that turns tokens into texts."""
    if not can_write(loaded):
        whose = type(loaded.model).__name__
        raise UsageError(
            f"{whose} was loaded without a tokenizer: its tokens cannot be turned into texts (`model.generate` gives them)"
        )


def detokenize(loaded: Loaded, tokens: Any) -> list[str]:
    """Turn generated TOKENS into texts. Raises UsageError where there is no tokenizer that could."""
    require_tokenizer(loaded)
    tokenizer = parts.tokenizer(loaded)
    texts: list[str] = tokenizer.batch_decode(getattr(tokens, "sequences", tokens), skip_special_tokens=True)
    return texts
