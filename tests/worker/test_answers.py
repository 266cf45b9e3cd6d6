"""Answers of outputs that are known: a masked token is found where it is masked."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.worker.loads.loading import Loaded
from bench.worker.network import answers

pytestmark = pytest.mark.torch

MASK = 3
WORDS = ["a", "b", "c", "[MASK]", "d", "e"]


class Tokenizer:
    mask_token_id = MASK

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        raise NotImplementedError

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [WORDS[number] for number in ids]


class Outputs:
    def __init__(self, logits: Any) -> None:
        self.logits = logits


class SpellingForCTC:
    """A model with a head whose likeliest tokens spell a text."""


def of(ids: list[list[int]], classes: int) -> list[Any]:
    import torch

    logits = torch.zeros(len(ids), len(ids[0]), classes)
    logits[:, :, 1] = 5.0
    tensors = {"input_ids": torch.tensor(ids)}
    loaded = Loaded(model=None, processor=Tokenizer(), device="cpu", stage_s={}, total_s=0.0, notes=())
    return answers.answer(loaded, Outputs(logits), tensors)


def test_the_likeliest_tokens_of_what_is_masked_are_found() -> None:
    first, second = of([[0, MASK, 1], [MASK, 2, MASK]], len(WORDS))
    assert (len(first), len(second)) == (answers.BEST, 2 * answers.BEST)
    assert [token for token, _ in (first[0], second[0], second[answers.BEST])] == ["b", "b", "b"]
    assert first[0][1] > 0.9 > first[1][1]


def test_a_text_without_a_mask_has_an_answer_a_token() -> None:
    assert of([[0, 1, 2]], len(WORDS)) == [[1, 1, 1]]


def test_classes_of_tokens_are_no_tokens() -> None:
    assert of([[0, MASK, 2]], 2) == [[1, 1, 1]]


def test_a_ctc_heads_likeliest_tokens_are_spelled_by_its_tokenizer_and_are_positions_without_one(tmp_path: Path) -> None:
    import torch
    from transformers import Wav2Vec2CTCTokenizer

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", "E", "H", "L", "O"]
    (tmp_path / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    ids = [letters.index(letter) for letter in ("H", "H", "E", "L", "<pad>", "L", "O", "<pad>")]
    logits = torch.nn.functional.one_hot(torch.tensor([ids]), len(letters)).float()
    model: Any = SpellingForCTC()
    for processor, found in ((Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json")), ["HELLO"]), (None, [ids])):
        loaded = Loaded(model=model, processor=processor, device="cpu", stage_s={}, total_s=0.0)
        assert answers.answer(loaded, Outputs(logits), {}) == found
