"""What a head is trained with: labels made up for a batch, of the form that the head's own forward takes.

What the labels are costs nothing and teaches nothing; their number and form decide what is computed. A head that has no loss cannot
be trained, and is refused.
"""

import re
from collections.abc import Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside, masks, packing, parts
from bench.worker.network.answers import is_ctc

IGNORED = packing.IGNORED
ANSWER = 16
"""Tokens of an answer where no text is given that it could be as long as."""
SPANS = ("start_positions", "end_positions")
EACH_TOKEN = r"TokenClassification"  # noqa: S105 -- a name
EACH_PIXEL = r"SemanticSegmentation"
EACH_CLASS = r"ViltForQuestionAnswering"
"""Heads whose loss takes a weight of every class and not the number of one."""
OTHER = r"ObjectDetection|InstanceSegmentation|UniversalSegmentation|DepthEstimation|Panoptic"


def of(loaded: Loaded, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Make the labels of the batch TENSORS for LOADED's head. Raises Refused where it has no loss, or one of an unknown form."""
    model = loaded.model
    names, kind = beside.taken(model), type(model).__name__
    if set(SPANS) <= names:
        return {"start_positions": _classes(tensors, 1) + 1, "end_positions": _classes(tensors, 1) + 2}
    if "labels" not in names:
        if "return_loss" in names:
            return {"return_loss": True}
        raise Refused(f"{kind} has no loss: its forward takes no labels", ReasonCode.NOT_IN_CLASS)
    if re.search(OTHER, kind):
        raise Refused(f"no labels are made in this version for {kind}", ReasonCode.NOT_IN_VERSION)
    return {"labels": _labels(loaded, tensors, names, kind)}


def _labels(loaded: Loaded, tensors: Mapping[str, Any], names: frozenset[str], kind: str) -> Any:
    model = loaded.model
    if writes(model):
        return _answers(model, tensors) if reads_its_own(model, names) else repeated(loaded, tensors)
    classes = classes_of(model)
    if re.search(EACH_TOKEN, kind):
        return _masked(tensors["input_ids"] % classes, tensors)
    if re.search(EACH_PIXEL, kind):
        return tensors["pixel_values"][:, 0].ne(0).long() % classes
    given = _classes(tensors, classes)
    if re.search(EACH_CLASS, kind):
        import torch

        return torch.nn.functional.one_hot(given, classes).to(model.dtype)
    return given.to(model.dtype) if classes == 1 else given


def classes_of(model: Any) -> int:
    """Give the number of classes that MODEL's head tells apart."""
    return int(getattr(model.config, "num_qa_labels", None) or model.config.num_labels)


def writes(model: Any) -> bool:
    """Tell whether MODEL's labels are tokens: it generates, or predicts those of its own input."""
    return bool(model.can_generate()) or (model.get_output_embeddings() is not None) or is_ctc(model)


def reads_its_own(model: Any, names: frozenset[str]) -> bool:
    """Tell whether a decoder of MODEL, or its CTC head, is given texts apart from the input."""
    whole = getattr(model.config, "use_decoder_only_language_model", False)
    return (beside.DECODER in names and not whole) or is_ctc(model)


def _answers(model: Any, tensors: Mapping[str, Any]) -> Any:
    """Make up answers as long as the text given, or of 16 tokens where there is none."""
    import torch

    first = next(iter(tensors.values()))
    ids = tensors.get("input_ids")
    batch, length = (first.shape[0], ANSWER) if ids is None else ids.shape
    text = model.config.get_text_config(decoder=True)
    source = torch.Generator().manual_seed(0)
    drawn = torch.randint(text.vocab_size, (batch, length), generator=source)
    padding = getattr(text, "pad_token_id", None)
    return (drawn if padding is None else drawn.where(drawn != padding, (padding + 1) % text.vocab_size)).to(first.device)


def repeated(loaded: Loaded, tensors: Mapping[str, Any]) -> Any:
    """Give the text itself, without padding and without what stands for media."""
    found = _masked(tensors["input_ids"].clone(), tensors)
    for number in parts.standing_numbers(loaded):
        found[tensors["input_ids"] == number] = IGNORED
    return found


def _masked(labels: Any, tensors: Mapping[str, Any]) -> Any:
    mask = masks.flat(tensors.get("attention_mask"))
    return labels if mask is None or mask.shape != labels.shape else labels.masked_fill(mask == 0, IGNORED)


def _classes(tensors: Mapping[str, Any], classes: int) -> Any:
    """Give each item of the batch one of CLASSES."""
    import torch

    first = next((tensors[name] for name in ("input_ids", "pixel_values", "input_values") if name in tensors), None)
    chosen = next(iter(tensors.values())) if first is None else first
    return torch.arange(chosen.shape[0], device=chosen.device) % classes
