"""Answers in words as labels: where they stand in what a processor made, and what cannot be told to a head."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.learning import answers
from bench.worker.learning.answers import Told
from bench.worker.loads.loading import Loaded

pytestmark = pytest.mark.torch

TOLD = (Told(where="items.jsonl:1", label="b c", text="a"),)
NUMBERS = {"a": 11, "b": 12, "c": 13}


class Tokenizer:
    """One token a word, and none for what is masked."""

    mask_token_id = None
    all_special_ids = (0, 1)

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        raise NotImplementedError

    def __call__(self, text: str, *, add_special_tokens: bool) -> Any:
        assert not add_special_tokens
        return SimpleNamespace(input_ids=[NUMBERS[word] for word in text.split()])


def loaded(processor: Any) -> Loaded:
    model: Any = SimpleNamespace(config=SimpleNamespace())
    return Loaded(model=model, processor=processor, device="cpu", stage_s={}, total_s=0.0)


def learnt(*ids: int) -> list[int]:
    import torch

    row = torch.tensor([ids])
    found: list[int] = answers.continued(loaded(Tokenizer()), {"input_ids": row, "attention_mask": torch.ones_like(row)}, TOLD)[
        0
    ].tolist()
    return found


@pytest.mark.parametrize(
    ("ids", "labels"),
    [
        ((1, 11, 12, 13), [-100, -100, 12, 13]),
        ((1, 11, 12, 13, 0), [-100, -100, 12, 13, 0]),
        ((5, 5, 1, 11, 12, 13, 99), [-100, -100, -100, -100, 12, 13, -100]),
    ],
)
def test_an_answer_is_found_behind_its_text_whatever_a_processor_puts_after_it(ids: tuple[int, ...], labels: list[int]) -> None:
    assert learnt(*ids) == labels


@pytest.mark.parametrize("ids", [(1, 11, 12), (1, 11), (13, 12, 11, 99)])
def test_an_answer_that_was_cut_off_is_refused(ids: tuple[int, ...]) -> None:
    with pytest.raises(Refused, match=r"^items.jsonl:1: the answer was cut off") as refused:
        learnt(*ids)
    assert refused.value.refusal.reason_code is ReasonCode.INPUT_MISMATCH


def test_without_a_tokenizer_no_answer_becomes_labels() -> None:
    with pytest.raises(Refused, match="comes without a tokenizer, and the labels that it is trained with are texts"):
        answers.read_by_a_decoder(loaded(SimpleNamespace(sampling_rate=16000)), TOLD)


def test_without_a_mask_token_nothing_is_masked() -> None:
    import torch

    with pytest.raises(Refused, match="has no mask token to train it with"):
        answers.masked(loaded(Tokenizer()), {"input_ids": torch.tensor([[11, 12]])}, ())
