"""Answers in words, as labels: the ids that a decoder is to write, where padding and what was asked do not count."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.learning import labels
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside, masks, parts
from bench.worker.network.answers import is_ctc

EVERY = 7
"""One token in so many is to be found where a text masks none itself: the 15 % of Devlin et al. 2018, always the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of one item: `label` as it was written, `where` that is, and its `text` with the second one, its `context`."""

    where: str
    label: Json = None
    text: str = ""
    context: str = ""

    @property
    def answer(self) -> str:
        """The label as a text. Raises Refused where there is none."""
        if isinstance(self.label, str | int | float) and not isinstance(self.label, bool):
            return str(self.label)
        raise Refused(f"{self.where}: there is no answer in words, which this head is trained with", ReasonCode.INPUT_MISMATCH)

    @property
    def continued(self) -> str:
        """The text with its answer behind it, where there is one."""
        if self.label is None:
            return self.text
        return f"{self.text}{'' if not self.text or self.text[-1].isspace() else ' '}{self.answer}"


def read_by_a_decoder(loaded: Loaded, told: Sequence[Told]) -> dict[str, Any]:
    """Give the answers TOLD as the labels of a model whose decoder reads its own text, and its input where it cannot make that."""
    config, tokenizer = loaded.model.config, loaded.tokenizer
    if tokenizer is None:
        what = f"{type(loaded.model).__name__} comes without a tokenizer, and the labels that it is trained with are texts"
        raise Refused(what, ReasonCode.INPUT_MISMATCH)
    text = config.get_text_config(decoder=True)
    start = getattr(config, "decoder_start_token_id", None)
    rows = []
    for one in told:
        ids = list(tokenizer(one.answer).input_ids)
        rows.append(ids[1:] if len(ids) > 1 and ids[0] == start else ids)
        _refuse_long(one, len(ids), getattr(text, "max_target_positions", None) or getattr(text, "max_position_embeddings", None))
    found = _padded(rows, labels.IGNORED)
    if _shifts(loaded.model):
        return {"labels": found}
    padding = getattr(text, "pad_token_id", None) or 0
    own = {beside.DECODER: found.where(found != labels.IGNORED, padding), "labels": found}
    seen = "decoder_attention_mask"
    return {**own, seen: (found != labels.IGNORED).long()} if seen in beside.taken(loaded.model) else own


def _shifts(model: Any) -> bool:
    """Tell whether MODEL makes its decoder's input of labels, padding among them, or takes labels for that input as they are."""
    code = sys.modules[type(model).__module__]
    return hasattr(code, "shift_tokens_right") or hasattr(model, "_shift_right") or is_ctc(model)


def _refuse_long(one: Told, tokens: int, most: int | None) -> None:
    if most is not None and tokens > most:
        msg = f"{one.where}: the answer has {tokens} tokens, and the decoder has positions for {most}"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)


def _padded(rows: Sequence[Sequence[int]], filler: int) -> Any:
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])


def continued(loaded: Loaded, tensors: Mapping[str, Any], told: Sequence[Told]) -> Any:
    """Give the ids of TENSORS as labels: of texts with an answer behind them the answer alone, of others the whole."""
    found, ids = labels.repeated(loaded, tensors), tensors["input_ids"]
    mask = masks.flat(tensors.get("attention_mask"))
    for row, one in enumerate(told):
        if one.label is not None:
            places = range(ids.shape[1]) if mask is None else mask[row].nonzero().flatten().tolist()
            begins, ends = _place(loaded, one, ids[row].tolist(), places)
            found[row, :begins] = found[row, ends:] = labels.IGNORED
    if not bool((found[:, 1:] != labels.IGNORED).any()):
        where = told[0].where if told else "a batch"
        raise Refused(f"{where}: nothing is left to predict: give texts of two tokens at least", ReasonCode.INPUT_MISMATCH)
    return found


def _place(loaded: Loaded, one: Told, ids: Sequence[int], places: Sequence[int]) -> tuple[int, int]:
    """Give where in IDS the answer of ONE begins, and the place behind what is learnt with it.

    It ends the text, but for what the tokenizer adds to every sequence, which is learnt too: that it ends there. What a processor
    writes behind it, as PaliGemma's does the end of a line, is not.
    """
    tokenizer = parts.tokenizer(loaded)
    whole, before = (tokenizer(text, add_special_tokens=False).input_ids for text in (one.continued, one.text))
    special, last = set(tokenizer.all_special_ids), len(places) - 1
    while last > 0 and ids[places[last]] in special and ids[places[last]] != whole[-1]:
        last -= 1
    answer = whole[-max(len(whole) - len(before), 1) :]
    behind = len(ids)
    if ids[places[last]] != whole[-1]:
        last = _ending(answer, [ids[place] for place in places])
        behind = places[last] + 1
    if last < 0:
        msg = f"{one.where}: the answer was cut off: text and answer are longer than the model's positions"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    return places[max(last + 1 - len(answer), 0)], behind


def _ending(answer: Sequence[int], ids: Sequence[int]) -> int:
    """Give the place in IDS where ANSWER ends, the last such; -1 where there is none."""
    ends = range(len(ids) - 1, len(answer) - 2, -1)
    return next((end for end in ends if list(ids[end + 1 - len(answer) : end + 1]) == list(answer)), -1)


def masked(loaded: Loaded, tensors: Mapping[str, Any], told: Sequence[Told]) -> dict[str, Any]:
    """Give ids with tokens masked, and what was there as labels: where a text has masks of its own they stand for its label."""
    tokenizer = parts.tokenizer(loaded)
    ids, mask_id = tensors["input_ids"].clone(), tokenizer.mask_token_id
    if mask_id is None:
        raise Refused(
            f"the tokenizer of {type(loaded.model).__name__} has no mask token to train it with", ReasonCode.INPUT_MISMATCH
        )
    found = ids.new_full(ids.shape, labels.IGNORED)
    special = set(tokenizer.all_special_ids)
    for row in range(ids.shape[0]):
        own = (ids[row] == mask_id).nonzero().flatten()
        if len(own):
            found[row, own] = _behind_masks(loaded, told[row] if told else None, own)
            continue
        words = [place for place, number in enumerate(ids[row].tolist()) if number not in special]
        places = words[len(words) % EVERY // 2 :: EVERY] or words[:1]
        found[row, places] = ids[row, places]
        ids[row, places] = mask_id
    return {"input_ids": ids, "labels": found}


def _behind_masks(loaded: Loaded, one: Told | None, masks_at: Any) -> Any:
    if one is None:
        raise Refused("a batch has masked texts and no labels: say what the masks stand for", ReasonCode.INPUT_MISMATCH)
    ids = parts.tokenizer(loaded)(one.answer, add_special_tokens=False).input_ids
    if len(ids) != len(masks_at):
        msg = f"{one.where}: the label has {len(ids)} tokens, and {len(masks_at)} are masked"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    return masks_at.new_tensor(ids)


def spans(loaded: Loaded, told: Sequence[Told], longest: int | None) -> dict[str, Any]:
    """Give where the answers TOLD begin and end in the tokens of their contexts; 0 for both where the context was cut before."""
    import torch

    tokenizer = parts.tokenizer(loaded)
    cut = {} if longest is None else {"truncation": True, "max_length": longest}
    read = tokenizer([one.text for one in told], [one.context for one in told], padding=True, **cut)
    places = []
    for row, one in enumerate(told):
        start = one.context.find(one.answer)
        if start < 0:
            raise Refused(f"{one.where}: the answer does not stand in the item's context", ReasonCode.INPUT_MISMATCH)
        ends = (read.char_to_token(row, at, sequence_index=1) for at in (start, start + len(one.answer) - 1))
        places.append([0 if place is None else place for place in ends])
    return dict(zip(labels.SPANS, torch.tensor(places).T.contiguous(), strict=True))
