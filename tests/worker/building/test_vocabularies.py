"""Vocabularies: full to the last id, with fixed tokens at their ids and merges that lead from pieces to pieces."""

from typing import Any

import pytest

from bench.models import presets
from bench.models.preset import TokenizerRecipe, TokenSeries, Vocabulary
from bench.worker.building import vocabularies

WITH_TOKENIZER = [name for name in presets.names() if presets.find(name).tokenizer is not None]


def a_recipe(kind: Vocabulary, size: int, **changes: Any) -> TokenizerRecipe:
    fields: dict[str, Any] = {"special": {"<pad>": 0, "<end>": size - 1}, "roles": {"pad_token": "<pad>"}, **changes}
    return TokenizerRecipe(kind=kind, tokenizer_class="TokenizersBackend", vocab_size=size, model_max_length=64, **fields)


@pytest.mark.parametrize("name", WITH_TOKENIZER)
def test_a_preset_s_vocabulary_is_full_and_has_its_fixed_tokens(name: str) -> None:
    recipe = presets.find(name).tokenizer
    assert recipe is not None
    made = vocabularies.arguments(recipe)
    if "tokenizer_object" in made:
        vocabulary = made["tokenizer_object"].get_vocab(with_added_tokens=False)
    else:
        vocabulary = (
            dict(made["vocab"]) if isinstance(made["vocab"], dict) else {piece: n for n, (piece, _) in enumerate(made["vocab"])}
        )
    assert sorted(vocabulary.values()) == list(range(recipe.vocab_size))
    assert {token: vocabulary[token] for token in recipe.fixed()} == dict(recipe.fixed())


@pytest.mark.parametrize("kind", [Vocabulary.BYTE_BPE, Vocabulary.CLIP_BPE, Vocabulary.SENTENCE_BPE])
def test_merges_join_known_pieces_to_known_pieces_that_come_later(kind: Vocabulary) -> None:
    made = vocabularies.arguments(a_recipe(kind, 1500))
    vocabulary = made["vocab"]
    assert len(made["merges"]) > 500
    for left, right in made["merges"]:
        assert max(vocabulary[left], vocabulary[right]) < vocabulary[left + right]


def test_places_before_special_wordpieces_are_unused_and_those_after_are_not() -> None:
    special = {"[PAD]": 0, "[MASK]": 3, "[LAST]": 299}
    made = vocabularies.arguments(a_recipe(Vocabulary.WORDPIECE, 300, special=special, roles={"mask_token": "[MASK]"}))["vocab"]
    by_id = {number: token for token, number in made.items()}
    assert [by_id[number] for number in (0, 1, 2, 3)] == ["[PAD]", "[unused1]", "[unused2]", "[MASK]"]
    assert not [token for token, number in made.items() if token.startswith("[unused") and number > 3]


def test_a_word_is_likelier_than_its_letters_in_a_unigram_vocabulary() -> None:
    scores = dict(vocabularies.arguments(a_recipe(Vocabulary.UNIGRAM, 600))["vocab"])
    assert scores["▁the"] > sum(scores[letter] for letter in "the")
    assert scores["<end>"] == 0.0


def test_a_series_has_its_ids_in_the_vocabulary() -> None:
    series = (TokenSeries(form="<loc_{:.0f}>", first=900, count=50),)
    made = vocabularies.arguments(a_recipe(Vocabulary.BYTE_BPE, 1000, series=series))["vocab"]
    assert (made["<loc_0>"], made["<loc_49>"]) == (900, 949)
