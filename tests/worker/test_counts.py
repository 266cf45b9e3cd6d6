"""What is counted and sized of small presets in real trials: operations by component, the processor, and where weights lie."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from tests.support.cases import a_request
from tests.support.trials import Told, built, told

pytestmark = pytest.mark.torch

PRESETS: Mapping[tuple[str, str], tuple[Mapping[str, Json], set[str], Mapping[str, Json]]] = {
    ("tiny-gpt2", "text-generation"): ({}, {"language", "head"}, {"batch_text_tokens": 40}),
    ("tiny-qwen3-moe", "text-generation"): ({}, {"language", "head"}, {}),
    ("tiny-clip", "zero-shot-image-classification"): (
        {"image_size": "50x40"},
        {"vision", "language", "projector", "head"},
        {"batch_images": 2, "batch_pixels": 4_000},
    ),
    ("tiny-bridgetower", "fill-mask"): ({}, {"vision", "language", "fusion", "head"}, {"batch_images": 2}),
    ("tiny-whisper", "automatic-speech-recognition"): (
        {"audio_seconds": 2},
        {"audio", "language", "head"},
        {"batch_audio_seconds": 4},
    ),
    ("tiny-videomae", "video-classification"): ({}, {"vision", "head"}, {"batch_frames": 32, "batch_pixels": 32 * 224 * 224}),
}
"""By preset and task: axes, the components that do operations, and amounts of the batch."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counts")


def measured(executor: Local, model: ModelFacts, axes: Mapping[str, Json] | None = None, *, mmap: bool | None = None) -> Told:
    wanted: dict[str, Json] = {"threads": 1, "batch_size": 2, "prompt_tokens": 20, "new_tokens": 2, **(axes or {})}
    plain = a_request(model)
    requested = {**plain.case.requested, **{name: value for name, value in wanted.items() if name in plain.case.requested}}
    set_ = {} if mmap is None else {"mmap": mmap}
    return told(executor, replace(plain, case=replace(plain.case, requested={**requested, **set_})))


@pytest.mark.parametrize(("name", "task"), PRESETS)
def test_operations_and_the_processor_are_counted(executor: Local, folder: Path, name: str, task: str) -> None:
    axes, components, batch = PRESETS[name, task]
    model = built(executor, folder, name, task)
    trial = measured(executor, model, axes)
    assert isinstance(trial.word, Finished), (trial.word, executor.stderr_tail())
    assert {key: trial.observed.get(key) for key in batch} == batch
    flops = trial.amounts("flops")
    assert flops.keys() - {None} == {f"component={one}" for one in components}
    assert flops.pop(None) == sum(flops.values()) > 0
    assert trial.observed["flops_uncounted"] == []
    files = sum(path.stat().st_size for path in Path(str(model.folder)).iterdir() if path.is_file())
    weights = trial.amounts("load.file_bytes")[None]
    assert 0 < trial.amounts("processor.bytes_on_disk")[None] < files - weights
    assert trial.amounts("processor.resident_growth").keys() == {None}


def test_operations_are_those_of_the_formula(executor: Local, folder: Path) -> None:
    model = built(executor, folder, "tiny-gpt2", "text-generation")
    trial = measured(executor, model)
    counted = trial.amounts("flops")
    weights = trial.amounts("params.count")
    tokens = 40
    assert counted["component=head"] % (2 * tokens) == 0
    # Weights of the layers are matrices but for norms and biases, and attention comes on top of their products.
    assert counted["component=language"] == pytest.approx(2 * tokens * weights["component=language"], rel=0.1)
    assert trial.observed["batch_text_tokens"] == tokens


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mapping_is_as_the_suite_sets_it(executor: Local, folder: Path, dtype: str) -> None:
    model = built(executor, folder, "tiny-gpt2", "text-generation")
    found = {}
    for mmap in (True, False):
        trial = measured(executor, model, {"dtype": dtype}, mmap=mmap)
        assert isinstance(trial.word, Finished), (trial.word, executor.stderr_tail())
        assert trial.observed["mmap"] is mmap
        assert "looking" not in {name.removeprefix("load.") for name in trial.metrics}
        found[mmap] = trial.observed["mapped_bytes"]
    assert found[False] == 0
    size = trial.amounts("params.bytes")[None]
    kept = 0 if dtype == "bfloat16" else size  # what changes its dtype is in memory of its own, mapped or not
    assert found[True] == pytest.approx(kept, rel=0.01)


def test_mapping_that_is_not_set_is_no_fact_of_the_case(executor: Local, folder: Path) -> None:
    trial = measured(executor, built(executor, folder, "tiny-gpt2", "text-generation"))
    assert isinstance(trial.word, Finished)
    assert "mmap" not in trial.observed
    assert isinstance(trial.observed["mapped_bytes"], int)


def test_pickled_weights_are_mapped_all_the_same_and_that_is_refused(executor: Local, folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    safe = built(executor, folder, "tiny-gpt2", "text-generation")
    pickled = folder / "pickled"
    pickled.mkdir()
    for path in Path(str(safe.folder)).iterdir():
        if path.suffix == ".safetensors":
            torch.save(load_file(path), pickled / "pytorch_model.bin")
        else:
            (pickled / path.name).write_bytes(path.read_bytes())
    model = replace(safe, folder=str(pickled), ref=replace(safe.ref, allow_pickle=True))
    trial = measured(executor, model, mmap=False)
    assert isinstance(trial.word, Failed)
    assert (trial.word.reason, trial.word.reason_code) == ("mmap false was asked for and true was got", ReasonCode.NOT_AS_REQUESTED)
    assert "forward" not in trial.metrics
