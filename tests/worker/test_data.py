"""Data sets of the user's, in real workers: what they feed, what is counted in it, and what steps wait for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.outcome import Outcome
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished, Measure
from tests.support.cases import quick
from tests.support.items import a_sound, an_image, lines
from tests.support.suites import a_file, planned
from tests.support.trials import Told, built, told

pytestmark = pytest.mark.torch

SLOW = """
import time

import torch
from torch.utils.data import DataLoader


class Rows(torch.utils.data.Dataset):
    def __init__(self, rows, tokens):
        self.ids = torch.ones(rows, tokens, dtype=torch.long)

    def __len__(self):
        return 64

    def __getitem__(self, index):
        time.sleep(0.030)
        return {"input_ids": self.ids, "attention_mask": torch.ones_like(self.ids)}


def quick_step(workers):
    return DataLoader(Rows(1, 8), batch_size=None, num_workers=workers)


def long_step(workers):
    return DataLoader(Rows(16, 256), batch_size=None, num_workers=workers)


def a_list():
    return []
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def a_request(executor: Local, folder: Path, model: str, task: str, rest: str) -> Measure:
    """Plan a suite of MODEL and the REST, and ask for its only case."""
    text = f"version: 1\nname: x\nmodels: [{{preset: {model}, task: {task}}}]\n{rest}\n"
    (one,) = planned(a_file(folder, text)).cases
    found = built(executor, folder, model, task)
    suite = one.suite
    return Measure(
        case=one.case, model=found, procedure=quick(), page_cache=suite.page_cache, limits=suite.limits, trial=0, data=suite.data
    )


def waits(answer: Told) -> list[float]:
    return [
        value for some in answer.samples if (some.metric.name, some.phase) == ("data.wait", "measure.feed") for value in some.values
    ]


def test_batches_of_a_file_are_called_in_turn_and_counted(executor: Local, folder: Path) -> None:
    an_image(folder / "a.png", (64, 48))
    an_image(folder / "b.jpg", (48, 64))
    words = {"text": "a cat on the mat", "image": "a.png"}
    long = {"text": "cat " * 200, "image": "b.jpg"}
    lines(folder, words, words, long, words, words)
    request = a_request(
        executor, folder, "tiny-clip", "zero-shot-image-classification",
        "data: {file: items.jsonl}\naxes: {batch_size: [2], threads: [1]}",
    )  # fmt: skip
    answer = told(executor, request)
    assert isinstance(answer.word, Finished), answer.word
    seen = answer.observed
    assert (seen["data"], seen["data_items"], seen["data_batches"], seen["data_items_left_over"]) == ("items.jsonl", 5, 2, 1)
    assert (seen["truncated_items"], seen["image_sizes"]) == (1, {"64x48": 3, "48x64": 1})
    assert {"media_decode", "processor", "forward", "padding_waste"} <= answer.metrics
    assert answer.amounts("padding_waste")["modality=text"] > 0
    lines(folder, words, words, long, words, {"text": "another", "image": "a.png"})
    changed = told(executor, request).word
    assert isinstance(changed, Failed)
    assert (changed.outcome, "has changed since" in changed.reason) == (Outcome.UNSUPPORTED, True)


def test_a_loader_that_sleeps_30_ms_is_waited_for_30_ms(executor: Local, folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW)
    rest = "scenario: data\ndata: {loader: 'slow:quick_step'}\naxes: {threads: [1]}"
    request = a_request(executor, folder, "tiny-bert", "feature-extraction", rest)
    answer = told(executor, replace(request, procedure=quick(min_iterations=10, max_iterations=10)))
    assert isinstance(answer.word, Finished), answer.word
    # A neighbour can make a wait longer and nothing makes it shorter, so that the shortest is what is known.
    assert min(waits(answer)) == pytest.approx(0.030, abs=0.002)
    assert (answer.observed["workers"], answer.observed["batching"]) == (0, "as-is")


def test_a_loader_process_hides_its_work_behind_the_step(executor: Local, folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW)
    rest = "scenario: data\ndata: {loader: 'slow:long_step'}\naxes: {threads: [1], workers: [1], batch_size: [16]}"
    answer = told(executor, a_request(executor, folder, "tiny-bert", "feature-extraction", rest))
    assert isinstance(answer.word, Finished), answer.word
    assert answer.amounts("data.in_hand")[None] > 0.030
    assert min(waits(answer)) < 0.020
    assert answer.observed["workers"] == 1


def test_a_loader_that_loads_otherwise_than_asked_is_refused(executor: Local, folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW)
    rest = "scenario: data\ndata: {loader: 'slow:quick_step'}\naxes: {threads: [1], batch_size: [2]}"
    word = told(executor, a_request(executor, folder, "tiny-bert", "feature-extraction", rest)).word
    assert isinstance(word, Failed)
    assert "batch_size 2 was asked for and 1 was got" in word.reason
    rest = "scenario: data\ndata: {loader: 'slow:a_list'}\naxes: {threads: [1]}"
    word = told(executor, a_request(executor, folder, "tiny-bert", "feature-extraction", rest)).word
    assert isinstance(word, Failed)
    assert "gave list, not a torch DataLoader" in word.reason


def test_packed_texts_have_no_padding_and_do_not_see_each_other(executor: Local, folder: Path) -> None:
    lines(folder, {"text": "a cat"}, {"text": "a cat on the mat and a dog"}, name="texts.jsonl")
    rest = "scenario: data\ndata: {file: texts.jsonl}\naxes: {threads: [1], batch_size: [2], batching: [packed]}"
    answer = told(executor, a_request(executor, folder, "tiny-llama", "text-generation", rest))
    assert isinstance(answer.word, Finished), answer.word
    assert (answer.observed["batching"], answer.observed["batch_size"]) == ("packed", 2)
    assert answer.amounts("padding_waste")[None] == 0


def test_sound_at_another_rate_is_resampled_before_the_extractor_that_refuses_it(executor: Local, folder: Path) -> None:
    a_sound(folder / "s.wav", 31, 8000, channels=2)
    lines(folder, {"audio": "s.wav"}, name="sounds.jsonl")
    rest = "data: {file: sounds.jsonl}\naxes: {threads: [1], new_tokens: [1]}"
    request = a_request(executor, folder, "tiny-whisper", "automatic-speech-recognition", rest)
    seen = told(executor, request).observed
    assert (seen["audio_seconds"], seen["truncated_items"]) == (31, 1)
    assert seen["audio_resampling"] == "before the processor, which refuses another rate"
