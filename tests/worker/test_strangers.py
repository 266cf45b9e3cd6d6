"""Families without a preset: a folder with a model and its processor is measured as it stands, its task read off its class."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.axes import AXES
from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.models import facts
from bench.models.digests import Digests
from bench.protocol.messages import Event, Failed, Finished, Observed, Sampled
from bench.worker import tasks
from tests.support import strangers
from tests.support.cases import a_request

pytestmark = pytest.mark.torch

LIMIT_S = 120.0
EXPECTED: Mapping[str, tuple[str, dict[str, Json]]] = {
    "distilbert": ("text-classification", {"realised_prompt_tokens": 20, "batch_size": 2}),
    "roberta": ("fill-mask", {"logits_positions": "all", "masked_tokens": 0}),
    "bert-next-sentence": ("next-sentence-prediction", {"realised_prompt_tokens": 20, "batch_size": 2}),
    "mistral": ("text-generation", {"realised_new_tokens": 4, "cache": "dynamic"}),
    "marian": ("text2text-generation", {"realised_new_tokens": 4, "realised_decoder_tokens": 4, "cache": "dynamic"}),
    "siglip": ("feature-extraction", {"image_size": "32x32", "images": 1}),
    "swin": ("image-classification", {"image_size": "32x32", "media": "pil"}),
    "dinov2": ("image-classification", {"image_size": "32x32"}),
    "yolos": ("object-detection", {"image_size": "64x64"}),
    "segformer": ("image-segmentation", {"image_size": "64x64"}),
    "vivit": ("video-classification", {"video_frames": 4, "image_size": "32x32"}),
    "wav2vec2": ("audio-classification", {"audio_seconds": 5, "sampling_rate": 16000, "media": "numpy"}),
    "wav2vec2-ctc": ("automatic-speech-recognition", {"audio_seconds": 5}),
    "wav2vec2-letters": ("automatic-speech-recognition", {"audio_seconds": 5}),
    "moonshine": ("automatic-speech-recognition", {"realised_new_tokens": 4, "audio_seconds": 5}),
    "vilt": ("visual-question-answering", {"realised_prompt_tokens": 20, "image_size": "64x64"}),
    "blip2": ("image-to-text", {"realised_prompt_tokens": 20, "realised_image_tokens": 4, "realised_new_tokens": 4}),
    "vit-gpt2": ("image-to-text", {"realised_new_tokens": 4, "realised_decoder_tokens": 4, "image_size": "32x32"}),
    "gemma3": ("image-text-to-text", {"realised_prompt_tokens": 20, "realised_image_tokens": 4, "realised_new_tokens": 4}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("strangers")
    strangers.write(made, *EXPECTED)
    return made


def facts_of(folder: Path, name: str) -> ModelFacts:
    ref = ModelRef(kind=Kind.PATH, name=name, where=str(folder / name))
    return facts.find(ref, tasks.declared(), digests=Digests(folder / "digests.json"))


def measure(executor: Local, model: ModelFacts, **axes: Json) -> tuple[Event, dict[str, Json], dict[str, tuple[float, ...]]]:
    """Measure with few calls; give the last word, what was observed, and the samples by their metric."""
    wanted: dict[str, Json] = {"threads": 1, "batch_size": 2, "prompt_tokens": 20, "new_tokens": 4, **axes}
    applying = a_request(model).case.requested.keys()
    request = a_request(model, **{name: value for name, value in wanted.items() if name in applying})
    events = list(executor.ask(request, 0, LIMIT_S, None))
    (word,) = [event for event in events if isinstance(event, Finished | Failed)]
    observed = {name: value for event in events if isinstance(event, Observed) for name, value in event.facts.items()}
    samples = {event.samples.metric.name: event.samples.values for event in events if isinstance(event, Sampled)}
    return word, observed, samples


@pytest.mark.parametrize("name", EXPECTED)
def test_a_family_without_a_preset_is_measured_from_its_folder(executor: Local, folder: Path, name: str) -> None:
    task, expected = EXPECTED[name]
    model = facts_of(folder, name)
    assert (model.task, model.refusals) == (task, ())
    word, observed, samples = measure(executor, model)
    assert isinstance(word, Finished), word
    assert {key: observed.get(key) for key in expected} == expected
    assert all(samples[metric][0] > 0 for metric in ("processor", "forward"))


def test_a_model_that_answers_at_once_is_asked_for_no_new_tokens(folder: Path) -> None:
    for name in ("wav2vec2-ctc", "vilt"):
        assert "new_tokens" not in a_request(facts_of(folder, name)).case.requested


def test_a_head_that_weighs_every_class_is_trained_with_weights(executor: Local, folder: Path) -> None:
    model = facts_of(folder, "vilt")
    training = {axis.name: axis.default for axis in AXES if axis.applies(model.traits, Scenario.TRAIN_STEP)}
    asked = {**training, "scenario": "train-step", "model": "vilt", "task": model.task, "threads": 1, "prompt_tokens": 20}
    request = a_request(model)
    events = executor.ask(replace(request, case=replace(request.case, requested=asked)), 0, LIMIT_S, None)
    (word,) = [event for event in events if isinstance(event, Finished | Failed)]
    assert isinstance(word, Finished), word


def test_a_clip_of_another_length_than_the_models_positions_is_refused_with_both(executor: Local, folder: Path) -> None:
    word, _, _ = measure(executor, facts_of(folder, "vivit"), video_frames=8)
    assert isinstance(word, Failed)
    assert word.reason == "video_frames 8: the positions of VivitForVideoClassification are for 4 frames"


def test_several_images_are_refused_where_the_processor_takes_one(executor: Local, folder: Path) -> None:
    word, _, _ = measure(executor, facts_of(folder, "swin"), images=2)
    assert isinstance(word, Failed)
    assert word.reason == "images 2: ViTImageProcessor takes one image an item"


def test_several_images_stand_in_one_text_where_placeholders_do(executor: Local, folder: Path) -> None:
    word, observed, _ = measure(executor, facts_of(folder, "gemma3"), images=3)
    assert isinstance(word, Finished), word
    assert (observed["images"], observed["realised_image_tokens"], observed["prompt_tokens"]) == (3, 12, 20)


def test_a_caption_begins_without_a_text_and_what_leads_to_the_language_model_is_a_stage(executor: Local, folder: Path) -> None:
    word, observed, samples = measure(executor, facts_of(folder, "blip2"), prompt_tokens=0)
    assert isinstance(word, Finished), word
    assert (observed["prompt_tokens"], observed["realised_new_tokens"]) == (0, 4)
    assert samples["forward"][0] > 0
    modules = observed["ledger_modules"]
    assert isinstance(modules, dict)
    assert (modules["qformer"], modules["vision_model"]) == ("project", "encode.vision")


def test_encoded_media_are_decoded_in_a_step_of_their_own(executor: Local, folder: Path) -> None:
    for name, form in (("swin", "encoded"), ("swin", "png"), ("wav2vec2", "encoded")):
        word, observed, samples = measure(executor, facts_of(folder, name), media=form)
        assert isinstance(word, Finished), word
        assert observed["media"] == form
        assert samples["media_decode"][0] > 0
