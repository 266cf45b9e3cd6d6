"""Generation as a case asks for it: what is told to transformers, what cannot be had together, and what its loop was seen to do."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from bench.worker.failures import Refused
from bench.worker.generating import decoding, generation
from tests.support.trials import built, measured

PLAIN: dict[str, Json] = {"cache": "dynamic", "new_tokens": 4, "batch_size": 1}
WRITES = frozenset({Trait.TEXT, Trait.GENERATES})


def a_model(*, translates: bool = False, end: int | None = 1) -> Any:
    model = SimpleNamespace(
        config=SimpleNamespace(is_encoder_decoder=translates), generation_config=SimpleNamespace(eos_token_id=end)
    )
    return SimpleNamespace(model=model, device="cpu")


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"cache": "offloaded"}, "on a CPU they are there"),
        ({"cache": "none", "depth": 4}, "without a cache"),
        ({"cache": "none", "prefill_chunk": 4}, "without a cache"),
        ({"depth": 4, "num_beams": 2}, "one row a sequence"),
        ({"depth": 4, "mask": "explicit"}, "depth with mask explicit"),
        ({"draft": "x", "batch_size": 2}, "batch_size 1 only"),
        ({"draft": "x", "cache": "static"}, "cache dynamic only"),
        ({"draft": "x", "num_beams": 2}, "num_beams 1 only"),
    ],
)
def test_what_cannot_be_had_together_is_refused_in_words(axes: dict[str, Json], said: str) -> None:
    with pytest.raises(Refused, match=said):
        generation.refuse(a_model(), WRITES, {**PLAIN, **axes})


def test_a_model_without_an_end_token_cannot_stop_at_it() -> None:
    with pytest.raises(Refused, match="names no end token"):
        generation.refuse(a_model(end=None), WRITES, {**PLAIN, "stop": "eos"})


def test_an_encoder_reads_the_prompt_so_that_a_decoder_has_none_to_fill_a_cache_with() -> None:
    with pytest.raises(Refused, match="its encoder reads the prompt"):
        generation.refuse(a_model(translates=True), WRITES, {**PLAIN, "depth": 4})


def test_what_a_model_sees_goes_in_whole() -> None:
    with pytest.raises(Refused, match="goes in with the first pass whole"):
        generation.refuse(a_model(), WRITES | {Trait.IMAGE}, {**PLAIN, "prefill_chunk": 4})


def test_a_model_that_generates_nothing_is_asked_nothing() -> None:
    generation.refuse(a_model(), frozenset({Trait.TEXT}), {})


def test_tokens_that_come_in_bunches_are_counted_in_what_was_given() -> None:
    facts: dict[str, Json] = {"stop": "fixed", "draft": "x", "generation_lengths": [8], "generation_limit": 8}
    assert decoding.tokens(facts, 3) == {"realised_new_tokens": 8, "new_tokens": 8}
    assert decoding.tokens({**facts, "draft": "none"}, 3) == {"realised_new_tokens": 3, "new_tokens": 3}


def test_sequences_that_end_early_have_a_mean_of_their_own_beside_the_limit() -> None:
    facts: dict[str, Json] = {"stop": "eos", "draft": "none", "generation_lengths": [2, 5], "generation_limit": 5}
    assert decoding.tokens(facts, 5) == {"realised_new_tokens": 3.5, "new_tokens": 5}


@pytest.fixture(scope="module")
def gpt2(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    return built(executor, tmp_path_factory.mktemp("generation"), "tiny-gpt2", "text-generation")


@pytest.mark.torch
def test_tokens_are_drawn_as_asked_and_the_seed_is_recorded(executor: Local, gpt2: ModelFacts) -> None:
    asked: dict[str, Json] = {"temperature": 0.5, "top_p": 0.9, "top_k": 7}
    told = measured(executor, gpt2, sampling=asked, prompt_tokens=6, new_tokens=3, num_beams=1, prefill_chunk=4)
    assert isinstance(told.word, Finished), told.word
    assert told.observed["sampling"] == asked
    assert told.observed["generation_seed"] == 0
    assert told.observed["prefill_chunk"] == 4


@pytest.mark.torch
def test_a_model_that_sets_its_temperature_aside_draws_as_asked(executor: Local, tmp_path: Path) -> None:
    asked: dict[str, Json] = {"temperature": 0.5, "top_k": 7}
    whisper = built(executor, tmp_path, "tiny-whisper", "automatic-speech-recognition")
    told = measured(executor, whisper, sampling=asked, new_tokens=3)
    assert isinstance(told.word, Finished), told.word
    assert told.observed["sampling"] == asked


@pytest.mark.torch
def test_beams_computed_are_another_number_than_sequences_returned(executor: Local, gpt2: ModelFacts) -> None:
    told = measured(executor, gpt2, num_beams=3, batch_size=2, prompt_tokens=6, new_tokens=3)
    assert isinstance(told.word, Finished), told.word
    assert (told.observed["num_beams"], told.observed["beams_computed"], told.observed["batch_size"]) == (3, 6, 2)
    assert told.observed["generation_lengths"] == [3, 3]


@pytest.mark.torch
def test_a_depth_is_in_the_cache_before_the_first_timed_pass_and_is_no_prompt(executor: Local, gpt2: ModelFacts) -> None:
    told = measured(executor, gpt2, depth=20, prompt_tokens=6, new_tokens=3, cache="static")
    assert isinstance(told.word, Finished), told.word
    assert (told.observed["depth"], told.observed["realised_prompt_tokens"], told.observed["cache"]) == (20, 6, "static")


@pytest.mark.torch
def test_a_draft_proposes_and_the_share_that_is_accepted_is_told(executor: Local, gpt2: ModelFacts) -> None:
    told = measured(executor, gpt2, draft=str(gpt2.folder), prompt_tokens=6, new_tokens=5, stop="eos")
    assert isinstance(told.word, Finished), told.word
    assert told.observed["draft"] == gpt2.folder
    assert told.observed["stop"] == "eos"
    (acceptance,) = told.amounts("draft.acceptance").values()
    assert 0 < acceptance <= 1


@pytest.mark.torch
def test_a_draft_that_is_not_there_is_an_answer(executor: Local, gpt2: ModelFacts) -> None:
    told = measured(executor, replace(gpt2), draft="/no/such/folder")
    assert isinstance(told.word, Failed)
    assert told.word.outcome is Outcome.UNSUPPORTED
