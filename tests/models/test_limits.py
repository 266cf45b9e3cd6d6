"""How long a sequence a model takes, and whether a case stays within it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.domain.model import ModelFacts, SequenceLimit
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models import check_limits
from bench.models.checkpoint import CONFIG, Checkpoint
from bench.models.limits import of_config
from tests.support.checkpoints import a_path


def limits(config: Mapping[str, Json]) -> list[tuple[int, str, bool, bool]]:
    checkpoint = Checkpoint(folder=Path(), files=frozenset(), documents={CONFIG: config})
    found = of_config(checkpoint.config, checkpoint.text_config)
    return [(limit.tokens, limit.key, limit.counts_prompt, limit.counts_new) for limit in found]


def facts(*found: SequenceLimit) -> ModelFacts:
    return ModelFacts(ref=a_path(Path("m")), task="text-generation", content="c", limits=found)


KEY = "max_position_embeddings"
KNOWN: list[tuple[Mapping[str, Json], list[tuple[int, str, bool, bool]]]] = [
    ({"model_type": "gpt2", "n_positions": 1024, "n_ctx": 512}, [(1024, "n_positions", True, True)]),
    ({"model_type": "llama", KEY: 2048}, [(2048, KEY, True, True)]),
    ({"model_type": "bert", KEY: 512}, [(512, KEY, True, True)]),
    ({"model_type": "roberta", KEY: 514, "pad_token_id": 1}, [(512, KEY, True, True)]),
    ({"model_type": "roberta", KEY: 514}, [(512, KEY, True, True)]),
    ({"model_type": "clip", "text_config": {KEY: 77}}, [(77, f"text_config.{KEY}", True, True)]),
    (
        {"model_type": "bridgetower", "text_config": {"model_type": "bridgetower_text_model", KEY: 514, "pad_token_id": 1}},
        [(512, f"text_config.{KEY}", True, True)],
    ),
    (
        {"model_type": "qwen3_omni_moe", "talker_config": {"text_config": {KEY: 1}}, "thinker_config": {"text_config": {KEY: 2}}},
        [(2, f"thinker_config.text_config.{KEY}", True, True)],
    ),
    ({"model_type": "bart", KEY: 1024}, [(1024, KEY, True, False), (1024, KEY, False, True)]),
    (
        {"model_type": "led", "max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024},
        [(16384, "max_encoder_position_embeddings", True, False), (1024, "max_decoder_position_embeddings", False, True)],
    ),
    ({"model_type": "bart", KEY: 1024, "is_encoder_decoder": False}, [(1024, KEY, True, True)]),
    ({"model_type": "unheard", KEY: 64, "is_encoder_decoder": True}, [(64, KEY, True, False), (64, KEY, False, True)]),
    (
        {"model_type": "blip", "text_config": {KEY: 8}},
        [(8, f"text_config.{KEY}", True, False), (8, f"text_config.{KEY}", False, True)],
    ),
    (
        {"model_type": "whisper", "max_target_positions": 448, "max_source_positions": 1500, "is_encoder_decoder": True},
        [(448, "max_target_positions", True, True)],
    ),
    (
        {"model_type": "vision-encoder-decoder", "decoder": {"model_type": "gpt2", "n_positions": 9}},
        [(9, "decoder.n_positions", True, True)],
    ),
    ({"model_type": "t5", "n_positions": 512}, []),
    ({"model_type": "mamba2"}, []),
    ({"model_type": "mamba", KEY: 5}, []),
    ({"model_type": "deberta-v2", KEY: 512, "position_biased_input": False}, []),
    ({"model_type": "falcon", KEY: 2048, "alibi": True}, []),
    ({"model_type": "vit", "image_size": 224}, []),
]  # fmt: skip


@pytest.mark.parametrize(("config", "found"), KNOWN, ids=[f"{row[0]['model_type']}-{place}" for place, row in enumerate(KNOWN)])
def test_the_config_says_the_limit(config: Mapping[str, Json], found: list[Any]) -> None:
    assert limits(config) == found


DECODER = SequenceLimit(tokens=32, key="n_positions", counts_new=True)


def test_a_case_within_the_limit_runs() -> None:
    assert check_limits(facts(DECODER), {"prompt_tokens": 16, "new_tokens": 12, "depth": 4}) is None
    assert check_limits(facts(), {"prompt_tokens": 10**6}) is None
    assert check_limits(facts(DECODER), {"image_size": "auto"}) is None


def test_a_case_beyond_the_limit_is_refused_with_both_sizes() -> None:
    refusal = check_limits(facts(DECODER), {"prompt_tokens": 16, "new_tokens": 16, "depth": 1})
    assert refusal is not None
    assert refusal.reason_code is ReasonCode.INPUT_MISMATCH
    assert refusal.reason == (
        "prompt_tokens 16 + depth 1 + new_tokens 16 make a sequence of 33 tokens, but n_positions of the model allows 32"
    )


def test_an_encoder_and_a_decoder_have_a_limit_each() -> None:
    both = facts(
        SequenceLimit(tokens=32, key="k", counts_new=False), SequenceLimit(tokens=32, key="k", counts_new=True, counts_prompt=False)
    )
    assert check_limits(both, {"prompt_tokens": 32, "new_tokens": 32}) is None
    prompt, new = check_limits(both, {"prompt_tokens": 33}), check_limits(both, {"prompt_tokens": 1, "new_tokens": 33})
    assert prompt is not None
    assert prompt.reason.startswith("prompt_tokens 33 make a sequence of 33")
    mixed = check_limits(both, {"prompt_tokens": {"uniform": [8, 33]}})
    assert mixed is not None
    assert mixed.reason.startswith('prompt_tokens {"uniform":[8,33]} make a sequence of 33')
    assert new is not None
    assert new.reason.startswith("new_tokens 33 make a sequence of 33")


def test_a_hundred_thousand_cases_are_checked_in_no_time() -> None:
    model, requested = facts(DECODER), {"prompt_tokens": 16, "new_tokens": 12, "depth": 4}
    start = time.process_time()
    for _ in range(100_000):
        check_limits(model, requested)
    assert time.process_time() - start < 2, "a coarse guard: 10 microseconds a case would be 1 s"
