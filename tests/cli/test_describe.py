"""`bench describe`, with a real worker that reads no weights."""

import json

import pytest

from tests.support.commands import Bench


@pytest.mark.torch
def test_a_large_preset_is_described_without_its_weights(bench: Bench) -> None:
    answer = bench("describe", "llava-1.5-7b", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert {"model_class", "processor_class", "tasks", "parameters", "bytes", "by_component", "by_dtype"} <= told.keys()
    assert (told["model_class"], told["processor_class"]) == ("LlavaForConditionalGeneration", "LlavaProcessor")
    assert (told["parameters"], told["bytes"]) == (7_063_427_072, 2 * 7_063_427_072)
    assert sum(told["by_component"].values()) == sum(told["by_dtype"].values()) == told["bytes"]
    assert told["tasks"] == ["image-text-to-text"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tiny-gtp2",), 'Did you mean "tiny-gpt2"?'),
        (("tiny-bert", "--task", "vqa"), "visual-question-answering"),
        (("tiny-bert", "--revision", "main"), "has no revisions"),
        (("./nowhere",), "no folder here"),
    ],
)
def test_a_name_that_means_nothing_is_said_before_a_worker_starts(bench: Bench, words: tuple[str, ...], said: str) -> None:
    answer = bench("describe", *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""
