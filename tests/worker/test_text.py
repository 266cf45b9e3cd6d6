import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.material import text


class FakeTokenizer:
    """Splits words into pieces of a few letters and puts special tokens around them."""

    def __init__(self, piece: int = 3, specials: int = 2) -> None:
        self.piece, self.specials = piece, specials

    def __call__(self, written: str, *, verbose: bool) -> dict[str, list[int]]:
        assert not verbose, "a text longer than the model's limit is measured, and nothing to warn of"
        return {"input_ids": [0] * (self.specials + sum(-(-len(word) // self.piece) for word in written.split()))}


@given(tokens=st.integers(3, 300), seed=st.integers(0, 2**32), piece=st.integers(1, 20), specials=st.integers(0, 2))
def test_a_text_has_as_many_tokens_as_asked_and_one_word_less_has_fewer(tokens: int, seed: int, piece: int, specials: int) -> None:
    tokenizer = FakeTokenizer(piece, specials)
    written = text.write(tokenizer, tokens, seed)
    assert text.count(tokenizer, written) >= tokens
    assert text.count(tokenizer, written.rpartition(" ")[0]) < tokens


def test_equal_seeds_give_equal_texts_and_others_others() -> None:
    one, two, three = (text.write(FakeTokenizer(), 50, seed) for seed in (1, 1, 2))
    assert one == two != three


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_text_of_special_tokens_only_is_refused(tokens: int) -> None:
    with pytest.raises(
        Refused, match=f"prompt_tokens {tokens} leaves no room for text: the tokenizer adds 2 special tokens"
    ) as refused:
        text.write(FakeTokenizer(), tokens, 0)
    assert refused.value.refusal.reason_code is ReasonCode.INPUT_MISMATCH


@given(tokens=st.integers(6, 200), seed=st.integers(0, 2**32), piece=st.integers(1, 20), around=st.integers(0, 4))
def test_a_text_that_cannot_be_cut_is_filled_to_the_very_token(tokens: int, seed: int, piece: int, around: int) -> None:
    tokenizer = FakeTokenizer(piece, 1)
    written = text.fill(lambda words: text.count(tokenizer, words) + around, tokens, seed)
    assert text.count(tokenizer, written) + around == tokens


def test_a_frame_that_leaves_no_room_is_refused_with_both_numbers() -> None:
    with pytest.raises(Refused, match="prompt_tokens 8 leaves no room for text: 8 tokens stand around it"):
        text.fill(lambda words: 8 + len(words), 8, 0)


def test_a_number_that_no_text_has_is_refused() -> None:
    with pytest.raises(Refused, match="no text was found"):
        text.fill(lambda words: 2 * len(words), 5, 0)
