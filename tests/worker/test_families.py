"""The families that take more than plain text, from their small presets: what they are fed with is what was asked, counted."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.domain.model import ModelFacts
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from tests.support.cases import a_request
from tests.support.trials import built, measured

pytestmark = pytest.mark.torch

SMALL: Mapping[str, Json] = {"image_size": "112x112", "video_frames": 4}
EXPECTED: Mapping[tuple[str, str], tuple[Mapping[str, Json], Mapping[str, Json]]] = {
    ("tiny-t5", "text2text-generation"): ({}, {"realised_decoder_tokens": 3, "cache": "dynamic", "logits_positions": "all"}),
    ("tiny-bart", "text2text-generation"): ({"cache": "static"}, {"cache": "static", "realised_decoder_tokens": 3}),
    ("tiny-mamba2", "text-generation"): ({}, {"cache": "dynamic", "depth": 0}),
    ("tiny-blip", "visual-question-answering"): ({}, {"images": 1, "realised_decoder_tokens": 3, "cache": "dynamic"}),
    ("tiny-blip", "image-to-text"): ({}, {"image_size": "384x384", "model_class": "BlipForConditionalGeneration"}),
    ("tiny-bridgetower", "fill-mask"): ({}, {"images": 1, "model_class": "BridgeTowerForMaskedLM"}),
    ("tiny-bridgetower", "feature-extraction"): ({}, {"model_class": "BridgeTowerForContrastiveLearning"}),
    ("tiny-lxmert", "question-answering"): ({}, {"regions": 36}),
    ("tiny-llava", "image-text-to-text"): ({"batch_size": 1, "images": 2}, {"images": 2, "realised_image_tokens": 1152}),
    ("tiny-florence-2", "image-text-to-text"): ({"batch_size": 1}, {"prompt_form": "plain", "realised_image_tokens": 145}),
    ("tiny-qwen2-vl", "image-text-to-text"): (SMALL, {"realised_image_tokens": 16, "image_size": "112x112"}),
    ("tiny-qwen2-vl", "video-text-to-text"): (SMALL, {"realised_video_tokens": 32, "video_frames": 4}),
    ("tiny-qwen3-omni", "audio-text-to-text"): ({"audio_seconds": 1}, {"realised_audio_tokens": 13, "audio_seconds": 1}),
    ("tiny-whisper", "automatic-speech-recognition"): (
        {"batch_size": 1, "audio_seconds": 2},
        {"audio_seconds": 2, "padded_audio_seconds": 30.0, "realised_decoder_tokens": 3},
    ),
    ("tiny-videomae", "video-classification"): ({"batch_size": 1}, {"video_frames": 16, "image_size": "224x224"}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def measure(executor: Local, model: ModelFacts, **axes: Json) -> tuple[Finished | Failed, Mapping[str, Json], set[str]]:
    """Measure with few calls; give the last word, what was observed, and the names of the metrics that were sampled."""
    told = measured(executor, model, **{"batch_size": 2, "prompt_tokens": 60, "new_tokens": 3, **axes})
    return told.word, told.observed, told.metrics


@pytest.mark.parametrize(("name", "task"), EXPECTED)
def test_a_family_is_fed_with_what_was_asked(executor: Local, folder: Path, name: str, task: str) -> None:
    axes, expected = EXPECTED[name, task]
    model = built(executor, folder, name, task)
    word, observed, metrics = measure(executor, model, **axes)
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert {key: observed.get(key) for key in expected} == expected
    assert observed["batch_size"] == axes.get("batch_size", 2)
    if "prompt_tokens" in a_request(model).case.requested:
        assert observed["realised_prompt_tokens"] == 60
    if "new_tokens" in a_request(model).case.requested:
        assert observed["realised_new_tokens"] == 3
        assert metrics >= {"e2e", "ttft_model", "itl", "forward"}
    assert metrics >= {"processor", "h2d", "forward"}


def test_a_sequence_that_media_make_too_long_is_refused_with_its_parts(executor: Local, folder: Path) -> None:
    model = built(executor, folder, "tiny-llava", "image-text-to-text")
    word, _, _ = measure(executor, model, batch_size=1, images=8)
    assert isinstance(word, Failed)
    assert word.reason.startswith("60 text tokens, 4608 that stand for media and 3 new ones make a sequence of 4671")


def test_sound_longer_than_the_window_is_refused(executor: Local, folder: Path) -> None:
    model = built(executor, folder, "tiny-whisper", "automatic-speech-recognition")
    word, _, _ = measure(executor, model, audio_seconds=31)
    assert isinstance(word, Failed)
    assert word.reason == "audio_seconds 31: WhisperFeatureExtractor cuts a clip after 30 seconds"


def test_a_prompt_too_short_for_what_stands_around_it_is_refused(executor: Local, folder: Path) -> None:
    model = built(executor, folder, "tiny-qwen2-vl", "image-text-to-text")
    word, _, _ = measure(executor, model, prompt_tokens=1, image_size="112x112")
    assert isinstance(word, Failed)
    assert "prompt_tokens 1 leaves no room for text" in word.reason
