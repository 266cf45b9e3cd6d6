"""Steps of training that a loader feeds, in real workers: they learn what the items say, and what they wait for is told apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.outcome import ReasonCode
from bench.domain.procedure import Procedure
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished, Measure
from tests.support.cases import quick
from tests.support.items import an_image, lines
from tests.support.suites import a_file, planned
from tests.support.trials import Told, built, told

pytestmark = pytest.mark.torch

MINE = """
import time

import torch
from torch.utils.data import DataLoader


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        time.sleep(0.030)
        ids = torch.full((2, 8), 7)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor([0, 1])}


def with_labels():
    return DataLoader(Rows(), batch_size=None)


def without():
    return DataLoader([{"input_ids": torch.ones(2, 8, dtype=torch.long)}] * 8, batch_size=None)


def raw():
    return DataLoader([{"text": ["a cat", "a dog"], "labels": ["LABEL_1", 0]}] * 8, batch_size=None)
"""
PARTS = ("train.forward", "train.backward", "train.optimizer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fed")
    (folder / "mine.py").write_text(MINE)
    return folder


def fed(executor: Local, folder: Path, model: str, task: str, data: str, procedure: Procedure | None = None, **axes: str) -> Told:
    """Feed MODEL's training with DATA in one trial."""
    axes = {"threads": "1", "batch_size": "2", **axes}
    told_axes = ", ".join(f"{name}: [{value}]" for name, value in axes.items())
    text = f"version: 1\nname: x\nmodels: [{{preset: {model}, task: {task}}}]\nscenario: data\n"
    (one,) = planned(a_file(folder, f"{text}data: {{{data}, step: train}}\naxes: {{{told_axes}}}\n")).cases
    suite = one.suite
    request = Measure(
        case=one.case, model=built(executor, folder, model, task), procedure=procedure or quick(), page_cache=suite.page_cache,
        limits=suite.limits, trial=0, data=suite.data,
    )  # fmt: skip
    return told(executor, request)


def values(answer: Told, name: str, phase: str = "measure.feed") -> list[float]:
    return [value for some in answer.samples if (some.metric.name, some.phase) == (name, phase) for value in some.values]


def test_a_step_of_training_is_fed_by_a_file_and_its_parts_are_told_apart(executor: Local, folder: Path) -> None:
    for name in ("a.png", "b.png"):
        an_image(folder / name, (64, 48), 90 if name == "a.png" else 10)
    lines(folder, *({"image": name, "label": label} for name, label in (("a.png", 3), ("b.png", "LABEL_1"), ("a.png", 3))))
    answer = fed(
        executor, folder, "tiny-vit", "image-classification", "file: items.jsonl",
        batch_size="1", gradient_accumulation="2", freeze="[vit]", optimizer="sgd", workers="1",
    )  # fmt: skip
    assert isinstance(answer.word, Finished), answer.word
    seen = answer.observed
    assert (seen["step"], seen["gradient_accumulation"], seen["freeze"], seen["optimizer"]) == ("train", 2, ["vit"], "sgd")
    assert (seen["workers"], seen["batch_size"], seen["labels"], seen["training"]) == (1, 1, [1], True)
    assert {"data.in_hand", "data.wait", "train.loss", "memory.gradients", "memory.activations"} <= answer.metrics
    steps = values(answer, "train.step")
    assert len(steps) == len(values(answer, "data.step")) == 3
    for number, step in enumerate(steps):
        assert sum(values(answer, part)[number] for part in PARTS) == pytest.approx(step, rel=0.15)
        assert step + values(answer, "data.wait")[number] <= values(answer, "data.step")[number]


def test_what_is_learnt_is_what_the_labels_say(executor: Local, folder: Path) -> None:
    losses = []
    for labels in ((0, 1), (0, 1), (1, 0)):
        lines(
            folder, *({"text": f"a cat {label} on the mat", "label": one} for label, one in enumerate(labels)), name="texts.jsonl"
        )
        answer = fed(executor, folder, "tiny-bert", "text-classification", "file: texts.jsonl")
        assert isinstance(answer.word, Finished), answer.word
        losses.append(values(answer, "train.loss", "kept_steps"))
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[2][0]
    assert losses[0][-1] < losses[0][0]


def test_of_a_text_with_an_answer_the_answer_alone_is_learnt(executor: Local, folder: Path) -> None:
    lines(
        folder,
        {"text": "a cat", "answer": "on the mat"},
        {"text": "what a long text this one is", "answer": "yes"},
        name="answers.jsonl",
    )
    answer = fed(executor, folder, "tiny-llama", "text-generation", "file: answers.jsonl")
    assert isinstance(answer.word, Finished), answer.word
    alone = fed(executor, folder, "tiny-llama", "text-generation", "file: answers.jsonl", batching="packed")
    assert isinstance(alone.word, Finished), alone.word
    assert answer.observed["labels_counted"] == alone.observed["labels_counted"]
    assert 0 < answer.observed["labels_counted"] < answer.observed["prompt_units"]  # type: ignore[operator]
    # The same tokens are learnt of the same texts, with padding and without.
    assert values(alone, "train.loss", "kept_steps") == pytest.approx(values(answer, "train.loss", "kept_steps"), rel=1e-4)


def test_a_context_beside_a_text_that_is_gone_on_from_is_left_alone(executor: Local, folder: Path) -> None:
    counted = []
    for context in ({}, {"context": "what it sat on"}):
        lines(folder, *({"text": text, "answer": "on the mat", **context} for text in ("a cat", "a dog")), name="contexts.jsonl")
        answer = fed(executor, folder, "tiny-llama", "text-generation", "file: contexts.jsonl")
        assert isinstance(answer.word, Finished), answer.word
        counted.append((answer.observed["labels_counted"], answer.observed["prompt_units"]))
    assert counted[0] == counted[1]


def test_a_step_waits_for_each_of_its_batches(executor: Local, folder: Path) -> None:
    procedure = quick(min_iterations=6, max_iterations=6)
    answer = fed(
        executor, folder, "tiny-bert", "text-classification", "loader: 'mine:with_labels'", procedure, gradient_accumulation="2"
    )
    assert isinstance(answer.word, Finished), answer.word
    # A neighbour makes a wait longer and nothing makes it shorter: two batches of 30 ms, and not the step.
    assert 0.060 <= min(values(answer, "data.wait")) < 0.085
    assert all(step < whole - 0.060 for step, whole in zip(values(answer, "train.step"), values(answer, "data.step"), strict=True))


def test_raw_batches_of_a_loader_have_their_labels_beside_them(executor: Local, folder: Path) -> None:
    answer = fed(executor, folder, "tiny-bert", "text-classification", "loader: 'mine:raw'")
    assert isinstance(answer.word, Finished), answer.word
    assert answer.observed["labels"] == [2]


def test_a_loader_without_labels_is_refused_with_its_reason(executor: Local, folder: Path) -> None:
    word = fed(executor, folder, "tiny-bert", "text-classification", "loader: 'mine:without'").word
    assert isinstance(word, Failed)
    assert word.reason_code is ReasonCode.INPUT_MISMATCH
    assert "has no labels, which BertForSequenceClassification is trained with" in word.reason


def test_a_class_that_the_head_does_not_have_is_told_by_the_item_s_line(executor: Local, folder: Path) -> None:
    lines(folder, {"text": "a", "label": 0}, {"text": "b", "label": 77}, name="classes.jsonl")
    word = fed(executor, folder, "tiny-bert", "text-classification", "file: classes.jsonl").word
    assert isinstance(word, Failed)
    assert "classes.jsonl:2: label 77 is none of the 2 classes" in word.reason


def test_losses_are_compared_with_those_of_the_reference(executor: Local, folder: Path) -> None:
    from bench.protocol.messages import Parity

    lines(folder, {"text": "a cat", "label": 0}, {"text": "a dog", "label": 1}, name="pair.jsonl")
    text = "version: 1\nname: x\nmodels: [{preset: tiny-bert, task: text-classification}]\nscenario: data\n"
    file = a_file(folder, f"{text}data: {{file: pair.jsonl, step: train}}\naxes: {{threads: [1], batch_size: [2], workers: [2]}}\n")
    (one,) = planned(file).cases
    assert one.reference is not None
    assert (one.reference.case.requested["workers"], one.reference.case.requested["attention"]) == (0, "eager")
    model = built(executor, folder, "tiny-bert", "text-classification")
    path = str(folder / "losses")
    reference = Measure(
        case=one.reference.case, model=model, procedure=quick(), page_cache=one.suite.page_cache, limits=one.suite.limits, trial=0,
        data=one.suite.data, outputs_only=True, parity=Parity(reference="reference", path=path, own=True),
    )  # fmt: skip
    left = told(executor, reference)
    assert isinstance(left.word, Finished), left.word
    assert "data.step" not in left.metrics
    compared = told(
        executor, replace(reference, case=one.case, outputs_only=False, parity=Parity(reference="reference", path=path))
    )
    assert max(values(compared, "parity.loss", "kept_steps")) < 1e-4
