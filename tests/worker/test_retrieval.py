"""Mixed lengths and matrices of images and texts, on small models: what is counted, and scores that are the models' own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.domain.metric import Samples
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from tests.support.trials import built, measured

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
MIXED: Mapping[str, Json] = {"uniform": [8, 30]}
SEARCH = {"retrieval.embed", "retrieval.text_query", "retrieval.image_query", "retrieval.embedding_bytes"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retrieval")


@pytest.fixture(scope="module", autouse=True)
def scores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Begin to compare scores beside the other tests: most of it is importing the libraries."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.retrieval_worker", str(tmp_path_factory.mktemp("scores"))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def measure(
    executor: Local, folder: Path, name: str, task: str, **axes: Json
) -> tuple[Finished | Failed, Mapping[str, Json], dict[str, Samples]]:
    """Measure with few calls; give the last word, what was observed, and the last samples of every metric and part."""
    told = measured(executor, built(executor, folder, name, task), **{"prompt_tokens": 16, **axes})
    return told.word, told.observed, {f"{one.metric.name} {one.part or ''}".strip(): one for one in told.samples}


@pytest.mark.parametrize(
    ("name", "task", "side"),
    [("tiny-bert", "fill-mask", "right"), ("tiny-gpt2", "text-generation", "left"), ("tiny-clip", "image-text-retrieval", "right")],
)
def test_lengths_follow_the_distribution_and_the_padding_is_told(
    executor: Local, folder: Path, name: str, task: str, side: str
) -> None:
    more: dict[str, Json] = {"new_tokens": 3} if task == "text-generation" else {}
    word, observed, samples = measure(executor, folder, name, task, prompt_tokens=MIXED, batch_size=4, **more)
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    lengths = observed["prompt_lengths"]
    assert isinstance(lengths, list)
    assert len(lengths) == 4
    assert all(8 <= length <= 30 for length in lengths)
    assert (observed["prompt_tokens"], observed["padding_side"]) == (MIXED, side)
    assert observed["realised_prompt_tokens"] == pytest.approx(sum(lengths) / 4)
    assert (observed["prompt_units"], observed["padded_prompt_tokens"]) == (sum(lengths), 4 * max(lengths))
    assert observed["truncated_items"] == 0
    (waste,) = samples["padding_waste modality=text"].values
    assert waste == pytest.approx(1 - sum(lengths) / (4 * max(lengths)))


def test_texts_beside_media_have_their_own_lengths_too(executor: Local, folder: Path) -> None:
    asked: Mapping[str, Json] = {"choice": [30, 45]}
    word, observed, _ = measure(
        executor, folder, "tiny-qwen2-vl", "image-text-to-text", prompt_tokens=asked, batch_size=4, new_tokens=2, image_size="56x56"
    )
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert (observed["prompt_tokens"], observed["padding_side"]) == (asked, "left")
    assert set(observed["prompt_lengths"]) == {30, 45}  # type: ignore[arg-type]


def test_a_window_of_sound_is_padding_beyond_the_clip(executor: Local, folder: Path) -> None:
    word, _, samples = measure(
        executor, folder, "tiny-whisper", "automatic-speech-recognition", audio_seconds=3, new_tokens=1, batch_size=2
    )
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert samples["padding_waste"].values == samples["padding_waste modality=audio"].values
    assert samples["padding_waste"].values[0] == pytest.approx(0.9)


def test_question_and_context_have_their_length_together(executor: Local, folder: Path) -> None:
    word, observed, _ = measure(
        executor, folder, "tiny-bert", "question-answering", prompt_tokens={"choice": [30, 60]}, batch_size=4
    )
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert observed["prompt_units"] == observed["realised_prompt_tokens"] * 4  # type: ignore[operator]
    assert set(observed.get("prompt_lengths", [30])) <= {30, 60}  # type: ignore[arg-type]


def test_padding_without_a_mask_would_count_as_text_and_is_refused(executor: Local, folder: Path) -> None:
    word, _, _ = measure(executor, folder, "tiny-bert", "fill-mask", prompt_tokens=MIXED, batch_size=4, mask="none")
    assert isinstance(word, Failed)
    assert word.reason == "mask none: texts of different lengths need a mask, or padding counts as text"


@pytest.mark.parametrize(
    ("name", "task", "way"),
    [
        ("tiny-clip", "zero-shot-image-classification", "dual encoder"),
        ("tiny-clip", "image-text-retrieval", "dual encoder"),
        ("tiny-bridgetower", "feature-extraction", "dual encoder in pairs"),
    ],
)
def test_a_dual_encoder_embeds_each_side_once_and_answers_from_what_is_stored(
    executor: Local, folder: Path, name: str, task: str, way: str
) -> None:
    size = {} if name == "tiny-clip" else {"image_size": "64x64"}
    word, observed, samples = measure(executor, folder, name, task, images=3, texts=5, batch_size=2, **size)
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert {key: observed[key] for key in ("images", "texts", "retrieval_pairs", "retrieval_way", "batch_size")} == {
        "images": 3,
        "texts": 5,
        "retrieval_pairs": 15,
        "retrieval_way": way,
        "batch_size": 2,
    }
    assert samples.keys() >= SEARCH | {"retrieval.matrix", "forward"}
    assert samples["retrieval.embedding_bytes"].values[0] % (4 * (3 + 5)) == 0


@pytest.mark.parametrize("name", ["tiny-blip", "tiny-bridgetower"])
def test_a_cross_encoder_reads_every_pair_and_stores_nothing(executor: Local, folder: Path, name: str) -> None:
    word, observed, samples = measure(executor, folder, name, "image-text-retrieval", texts=3, batch_size=2, image_size="64x64")
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert (observed["images"], observed["texts"], observed["retrieval_way"]) == (2, 3, "cross encoder")
    assert "retrieval.matrix" in samples
    assert not samples.keys() & SEARCH


def test_a_case_that_asks_for_no_matrix_is_measured_as_before(executor: Local, folder: Path) -> None:
    word, observed, samples = measure(executor, folder, "tiny-clip", "image-text-retrieval", batch_size=2)
    assert isinstance(word, Finished), (word, executor.stderr_tail())
    assert (observed["images"], "texts" in observed) == (1, False)
    assert not [name for name in samples if name.startswith("retrieval")]


def test_scores_are_those_of_the_model_s_own_forward_pair_by_pair(scores: subprocess.Popen[str]) -> None:
    out, err = scores.communicate(timeout=120)
    assert scores.returncode == 0, err[-3000:]
    found = json.loads(out.splitlines()[-1])
    assert {name: one["way"] for name, one in found.items()} == {
        "tiny-clip": "dual encoder",
        "tiny-blip": "cross encoder",
        "tiny-bridgetower": "dual encoder in pairs",
        "itm": "cross encoder",
    }
    for name, one in found.items():
        assert one["shape"] == [3, 5], name
        assert one["spread"] > 0, name
        assert one["from_own"] < 1e-4, name
        if one["way"] != "cross encoder":
            assert max(one["from_text"], one["from_image"]) < 1e-4, name
            assert one["bytes"][0] == one["bytes"][1] * (3 + 5), name
