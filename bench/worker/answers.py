"""From a model's outputs to the answer that a user wants: a label, a span, a ranking, a text. The last stages of the ledger.

What is done follows from what the outputs hold, not from a table of tasks.
"""

from typing import Any

from bench.worker.loading import Loaded

_RANK_OF_TOKENS = 3


def can_answer(outputs: Any) -> bool:
    """Tell whether OUTPUTS hold something that becomes an answer; embeddings are their own."""
    return any(getattr(outputs, name, None) is not None for name in ("logits", "start_logits", "logits_per_image", "itm_score"))


def answer(loaded: Loaded, outputs: Any) -> list[Any]:
    """Turn OUTPUTS into one answer an item: a span of positions, probabilities over the other modality, a label or labels."""
    if getattr(outputs, "start_logits", None) is not None:
        starts, ends = outputs.start_logits.argmax(-1), outputs.end_logits.argmax(-1)
        return list(zip(starts.tolist(), ends.tolist(), strict=True))
    for name in ("logits_per_image", "itm_score"):
        scores = getattr(outputs, name, None)
        if scores is not None:
            found: list[Any] = scores.float().softmax(-1).tolist()
            return found
    best = outputs.logits.argmax(-1)
    if outputs.logits.dim() >= _RANK_OF_TOKENS:
        positions: list[Any] = best.tolist()
        return positions
    probabilities = outputs.logits.float().softmax(-1)
    labels = getattr(loaded.model.config, "id2label", None) or {}
    return [
        (labels.get(index, str(index)), probability)
        for index, probability in zip(best.tolist(), probabilities.max(-1).values.tolist(), strict=True)
    ]


def detokenize(loaded: Loaded, tokens: Any) -> list[str]:
    """Turn generated TOKENS into texts."""
    tokenizer = getattr(loaded.processor, "tokenizer", loaded.processor)
    texts: list[str] = tokenizer.batch_decode(getattr(tokens, "sequences", tokens), skip_special_tokens=True)
    return texts
