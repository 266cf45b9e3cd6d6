"""Real trials of the tiny presets in real workers: what is sampled and observed is there, and true."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from statistics import median

import pytest

from bench.domain.metric import Samples
from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import PageCache, StartMethod
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Build, Environment, Event, Failed, Finished, Noise, Noted, Observed, Sampled
from bench.worker.host import page_cache
from tests.support.cases import a_model, a_request
from tests.support.trials import built, measured

pytestmark = pytest.mark.torch

LIMIT_S = 120.0
TRAITS: Mapping[tuple[str, str], frozenset[Trait]] = {
    ("tiny-gpt2", "text-generation"): frozenset({Trait.TEXT, Trait.GENERATES}),
    ("tiny-bert", "fill-mask"): frozenset({Trait.TEXT}),
    ("tiny-bert", "feature-extraction"): frozenset({Trait.TEXT}),
    ("tiny-vit", "image-classification"): frozenset({Trait.IMAGE}),
    ("tiny-clip", "zero-shot-image-classification"): frozenset({Trait.TEXT, Trait.IMAGE}),
}
CLASSES: Mapping[tuple[str, str], tuple[str, str, str | None]] = {
    ("tiny-gpt2", "text-generation"): ("GPT2LMHeadModel", "GPT2Tokenizer", "GPT2Tokenizer"),
    ("tiny-bert", "fill-mask"): ("BertForMaskedLM", "BertTokenizer", "BertTokenizer"),
    ("tiny-bert", "feature-extraction"): ("BertModel", "BertTokenizer", "BertTokenizer"),
    ("tiny-vit", "image-classification"): ("ViTForImageClassification", "ViTImageProcessor", None),
    ("tiny-clip", "zero-shot-image-classification"): ("CLIPModel", "CLIPProcessor", "CLIPTokenizer"),
}
STAGES = ("import", "config", "construct", "read", "tie", "place", "first_touch", "processor")


@dataclass(slots=True)
class Heard:
    """What the events of one trial said."""

    word: Finished | Failed | None = None
    observed: dict[str, Json] = field(default_factory=dict)
    environment: Mapping[str, Json] = field(default_factory=dict)
    noise: Mapping[str, Json] = field(default_factory=dict)
    samples: list[Samples] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        match event:
            case Finished() | Failed():
                self.word = event
            case Observed(facts=facts):
                self.observed |= facts
            case Environment(facts=facts):
                self.environment = facts
            case Noise(facts=facts):
                self.noise = facts
            case Sampled(samples=samples):
                self.samples.append(samples)
            case Noted(text=text):
                self.notes.append(text)
            case _:
                pass

    def values(self, name: str, phase: str, part: str | None = None) -> tuple[float, ...]:
        (found,) = [one for one in self.samples if (one.metric.name, one.phase, one.part) == (name, phase, part)]
        return found.values

    def value(self, name: str, phase: str, part: str | None = None) -> float:
        (value,) = self.values(name, phase, part)
        return value

    def refused(self) -> tuple[Outcome, ReasonCode]:
        assert isinstance(self.word, Failed), self.word
        return self.word.outcome, self.word.reason_code


@pytest.fixture(scope="module")
def checkpoints(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], ModelFacts]:
    """Write every preset once."""
    folder = tmp_path_factory.mktemp("checkpoints")
    found = {}
    for (name, task), traits in TRAITS.items():
        out = folder / f"{name}-{task}"
        events = list(executor.ask(Build(preset=name, task=task, out=str(out)), 0, LIMIT_S, None))
        assert any(isinstance(event, Finished) for event in events), executor.stderr_tail()
        found[name, task] = a_model(name, task=task, traits=traits, folder=out)
    return found


def measure(executor: Local, model: ModelFacts, state: PageCache | None = None, /, **axes: Json) -> Heard:
    """Measure with one thread, since threads that wait for each other crawl where others use the cores too."""
    heard = Heard()
    for event in executor.ask(
        replace(a_request(model, **{"threads": 1, **axes}), page_cache=state or PageCache.UNSET), 0, LIMIT_S, None
    ):
        heard.take(event)
    return heard


@pytest.fixture(scope="module")
def trials(executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts]) -> Mapping[tuple[str, str], Heard]:
    """Measure every model once, two items a batch and 16 text tokens where there is text."""
    found = {}
    for key, model in checkpoints.items():
        axes: dict[str, Json] = {"batch_size": 2}
        axes |= {"prompt_tokens": 16} if Trait.TEXT in model.traits else {}
        axes |= {"new_tokens": 5} if Trait.GENERATES in model.traits else {}
        found[key] = measure(executor, model, PageCache.WARM, **axes)
        assert isinstance(found[key].word, Finished), (found[key].word, executor.stderr_tail())
    return found


@pytest.fixture(params=list(TRAITS), ids="-".join)
def key(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture
def trial(trials: Mapping[tuple[str, str], Heard], key: tuple[str, str]) -> Heard:
    return trials[key]


def unattributed(trial: Heard) -> float:
    """Give the share of the load that no stage accounts for."""
    return trial.value("load.unattributed", "load") / trial.value("load.total", "load")


def test_load_stages_and_the_rest_sum_to_the_total(trial: Heard) -> None:
    stages = {name: trial.value(f"load.{name}", "load") for name in STAGES}
    assert all(seconds > 0 for seconds in stages.values())
    assert sum(stages.values()) + trial.value("load.unattributed", "load") == pytest.approx(trial.value("load.total", "load"))
    assert 0 <= unattributed(trial) <= 0.1, "a busy machine may take the core away between two stages"


def test_the_stages_of_a_load_account_for_all_but_3_percent(trials: Mapping[tuple[str, str], Heard]) -> None:
    assert median(unattributed(trial) for trial in trials.values()) <= 0.03


def stored(folder: str | None) -> tuple[int, int]:
    """Count the parameters and bytes that the safetensors files of FOLDER hold, from their headers alone."""
    assert folder is not None
    count = size = 0
    for path in Path(folder).glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        count += sum(prod(entry["shape"]) for entry in tensors)
        size += sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in tensors)
    return count, size


def test_parameters_are_those_of_the_file(
    trial: Heard, key: tuple[str, str], checkpoints: Mapping[tuple[str, str], ModelFacts]
) -> None:
    count, size = stored(checkpoints[key].folder)
    if key == ("tiny-bert", "fill-mask"):
        assert any("in the checkpoint but not in the model: bert.pooler" in note for note in trial.notes)
        assert trial.value("params.count", "load") < count
    else:
        assert trial.value("params.count", "load") == count
        assert trial.value("params.bytes", "load") == size
        assert not [note for note in trial.notes if "checkpoint" in note]


@pytest.mark.parametrize("name", ["params.count", "params.bytes"])
@pytest.mark.parametrize("kind", ["component", "dtype"])
def test_parts_sum_to_the_whole(trial: Heard, name: str, kind: str) -> None:
    parts = {
        one.part: one.values[0] for one in trial.samples if one.metric.name == name and (one.part or "").startswith(f"{kind}=")
    }
    assert parts
    assert sum(parts.values()) == trial.value(name, "load")


def test_every_step_is_warmed_up_and_measured_and_every_call_kept(trial: Heard, key: tuple[str, str]) -> None:
    for step, metric in (("processor", "processor"), ("h2d", "h2d"), ("forward", "forward")):
        assert len(trial.values(metric, f"warmup.{step}")) == 1
        times = trial.values(metric, f"measure.{step}")
        assert len(times) == 3
        assert all(0 < seconds < 5 for seconds in times)
    assert trial.value("first_call", "first_call") > 0
    generated = {one.metric.name for one in trial.samples} & {"e2e", "ttft_model", "itl", "memory.kv_cache"}
    assert len(generated) == (4 if key[1] == "text-generation" else 0)


def test_every_sample_carries_its_declaration(trial: Heard) -> None:
    for one in trial.samples:
        version = 2 if one.metric.name == "memory.host_peak" else 1
        assert one.metric.definition == f"{one.metric.name}.v{version}"
        assert one.values


def test_a_generation_gives_as_many_tokens_as_were_asked_for(trials: Mapping[tuple[str, str], Heard]) -> None:
    trial = trials["tiny-gpt2", "text-generation"]
    assert trial.observed["realised_new_tokens"] == trial.observed["new_tokens"] == 5
    assert len(trial.values("itl", "measure.ttft")) == 3 * 4
    ttft, whole = trial.values("ttft_model", "measure.ttft"), trial.values("e2e", "measure.generate")
    assert min(ttft) < min(whole)
    layers, heads_width, tokens, batch = 2, 128, 16 + 5 - 1, 2
    assert trial.value("memory.kv_cache", "probe.kv_cache") == 2 * layers * heads_width * tokens * batch * 4


def test_what_was_got_is_observed(trial: Heard, key: tuple[str, str]) -> None:
    seen = trial.observed
    assert (seen["model_class"], seen["processor_class"], seen.get("tokenizer_class")) == CLASSES[key]
    assert (seen["training"], seen["grad_mode"], seen["dtype"], seen["quantization"]) == (False, "inference", "float32", "none")
    assert (seen["attention"], seen["attention_kernel"], seen["engine"], seen["batch_size"]) == ("sdpa", "flash", "eager", 2)
    assert (seen["page_cache"], seen["page_cache_resident"]) == ("warm", 1.0)
    if key[0] != "tiny-vit":
        assert seen["realised_prompt_tokens"] == seen["prompt_tokens"] == 16
        assert seen["mask"] == "padding"
        assert seen["prompt_units"] == seen["padded_prompt_tokens"] == 32
    if key[0] in {"tiny-vit", "tiny-clip"}:
        assert seen["images"] == 1
        assert seen["image_size"] == "224x224"


def test_the_positions_of_logits_are_observed(trials: Mapping[tuple[str, str], Heard]) -> None:
    positions = {key: trial.observed["logits_positions"] for key, trial in trials.items()}
    assert positions == {
        ("tiny-gpt2", "text-generation"): "all",
        ("tiny-bert", "fill-mask"): "all",
        ("tiny-bert", "feature-extraction"): "none",
        ("tiny-vit", "image-classification"): "one an item",
        ("tiny-clip", "zero-shot-image-classification"): "none",
    }


def test_every_input_tensor_is_named_with_shape_dtype_and_bytes(trials: Mapping[tuple[str, str], Heard]) -> None:
    text = [{"name": name, "shape": [2, 16], "dtype": "int64", "bytes": 2 * 16 * 8} for name in ("input_ids", "attention_mask")]
    image = {"name": "pixel_values", "shape": [2, 3, 224, 224], "dtype": "float32", "bytes": 2 * 3 * 224 * 224 * 4}

    def inputs(*key: str) -> list[Json]:
        found = trials[key[0], key[1]].observed["inputs"]
        assert isinstance(found, list)
        return sorted(found, key=lambda entry: str(entry["name"]), reverse=True)

    by_name = sorted(text, key=lambda entry: str(entry["name"]), reverse=True)
    assert inputs("tiny-gpt2", "text-generation") == by_name
    assert inputs("tiny-vit", "image-classification") == [image]
    assert inputs("tiny-clip", "zero-shot-image-classification") == [image, *by_name]


def test_peaks_are_of_this_model_and_not_of_the_libraries(trial: Heard) -> None:
    mib = 1024 * 1024
    load = trial.value("memory.host_peak", "load")
    assert trial.value("params.bytes", "load") <= load <= 100 * mib
    assert trial.value("memory.host_anonymous_peak", "load") <= load + mib
    probed = [one for one in trial.samples if one.phase.startswith("probe.") and one.metric.name.startswith("memory.host")]
    assert probed == [], "a profiler's memory is no part of the trial's figures"


def test_the_machine_and_what_disturbed_it_are_told(trial: Heard) -> None:
    libraries = trial.environment["libraries"]
    assert isinstance(libraries, dict)
    assert {"torch", "transformers"} <= libraries.keys()
    assert isinstance(trial.noise["marks"], list)


def test_a_cold_load_is_cold_and_afterwards_every_page_has_been_touched(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts]
) -> None:
    model = checkpoints["tiny-gpt2", "text-generation"]
    heard = measure(executor, model, PageCache.COLD)
    if isinstance(heard.word, Failed) and heard.word.reason_code is ReasonCode.PAGE_CACHE:
        pytest.skip("this file system keeps its pages (a tmpfs does)")
    assert isinstance(heard.word, Finished)
    assert (heard.observed["page_cache"], heard.observed["page_cache_resident"]) == ("cold", 0.0)
    assert page_cache.resident_share(page_cache.weight_files(Path(str(model.folder)))) == 1.0


@pytest.mark.parametrize(
    ("axes", "seen"),
    [
        ({"attention": "eager"}, {"attention": "eager", "attention_kernel": "eager"}),
        ({"attention": "sdpa:math"}, {"attention": "sdpa:math", "attention_kernel": "math"}),
        ({"dtype": "bfloat16"}, {"dtype": "bfloat16"}),
        ({"cache": "static"}, {"cache": "static"}),
        ({"cache": "none"}, {"cache": "none"}),
        ({"mask": "none"}, {"mask": "none"}),
        ({"threads": 2, "new_tokens": 1}, {"threads": 2, "realised_new_tokens": 1}),
        ({"prompt_tokens": 1, "batch_size": 3}, {"realised_prompt_tokens": 1, "batch_size": 3}),
    ],
    ids=repr,
)
def test_an_axis_does_what_it_says(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts], axes: dict[str, Json], seen: dict[str, Json]
) -> None:
    heard = measure(executor, checkpoints["tiny-gpt2", "text-generation"], **axes)
    assert isinstance(heard.word, Finished), heard.word
    assert {name: heard.observed[name] for name in seen} == seen


@pytest.mark.parametrize(
    ("axes", "code"),
    [
        ({"attention": "flash_attention_2"}, ReasonCode.NO_DEVICE),
        ({"attention": "flex_attention"}, ReasonCode.NOT_IN_CLASS),
        ({"attention": "sdpa:efficient", "device": "cpu"}, ReasonCode.NO_DEVICE),
        ({"device": "cuda:63"}, ReasonCode.NO_DEVICE),
        ({"quantization": "checkpoint"}, ReasonCode.NOT_AS_REQUESTED),
        ({"cache": "offloaded"}, ReasonCode.NO_DEVICE),
        ({"engine": "optimum-onnx"}, ReasonCode.NO_ENVIRONMENT),
        ({"ranks": 2}, ReasonCode.NOT_IN_CLASS),
    ],
    ids=repr,
)
def test_what_cannot_be_had_is_refused_and_never_replaced(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts], axes: dict[str, Json], code: ReasonCode
) -> None:
    assert measure(executor, checkpoints["tiny-gpt2", "text-generation"], **axes).refused() == (Outcome.UNSUPPORTED, code)


@pytest.mark.parametrize(("task", "had"), [("image-text-to-text", True), ("video-text-to-text", False)])
def test_images_are_prepared_as_asked_beside_a_video_processor_that_cannot(
    executor: Local, tmp_path: Path, task: str, *, had: bool
) -> None:
    told = measured(executor, built(executor, tmp_path, "tiny-qwen2-vl", task), processor_backend="pil", new_tokens=2)
    if had:
        assert isinstance(told.word, Finished), told.word
        assert told.observed["processor_backend"] == "pil"
    else:
        assert isinstance(told.word, Failed)
        assert told.word.reason.startswith("processor_backend pil: ")


def without(folder: Path, out: Path, dropped: str) -> Path:
    """Copy the checkpoint in FOLDER to OUT without the tensor called DROPPED."""
    out.mkdir()
    for path in folder.iterdir():
        data = path.read_bytes()
        if path.suffix == ".safetensors":
            length = struct.unpack("<Q", data[:8])[0]
            header = json.loads(data[8 : 8 + length])
            body = data[8 + length :]
            entries = [(name, entry) for name, entry in header.items() if name not in {"__metadata__", dropped}]
            kept, at = {"__metadata__": header.get("__metadata__", {"format": "pt"})}, 0
            pieces = []
            for name, entry in sorted(entries, key=lambda pair: pair[1]["data_offsets"]):
                start, end = entry["data_offsets"]
                kept[name] = {**entry, "data_offsets": [at, at + end - start]}
                pieces.append(body[start:end])
                at += end - start
            spelt = json.dumps(kept).encode()
            data = struct.pack("<Q", len(spelt)) + spelt + b"".join(pieces)
        (out / path.name).write_bytes(data)
    return out


def test_weights_that_would_be_made_up_are_refused_unless_that_is_wanted(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts], tmp_path: Path
) -> None:
    model = checkpoints["tiny-vit", "image-classification"]
    torn = replace(model, folder=str(without(Path(str(model.folder)), tmp_path / "torn", "classifier.weight")))
    heard = measure(executor, torn)
    assert heard.refused() == (Outcome.UNSUPPORTED, ReasonCode.MISSING_WEIGHTS)
    assert isinstance(heard.word, Failed)
    assert "1 weight of the model is not in the checkpoint and would have been made up: classifier.weight" in heard.word.reason
    fresh = measure(executor, replace(torn, ref=replace(torn.ref, fresh_head=True)))
    assert isinstance(fresh.word, Finished)
    assert "initialised, not read: classifier.weight" in fresh.notes


@pytest.mark.parametrize(
    ("name", "task", "word"),
    [
        ("tiny-vit", "image-classification", "initialised, not read: classifier.bias, classifier.weight"),
        ("tiny-gpt2", "text-generation", "num_labels 7 changes no weight: GPT2LMHeadModel has no head of classes"),
    ],
)
def test_another_number_of_classes_is_had_or_refused(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts], name: str, task: str, word: str
) -> None:
    model = checkpoints[name, task]
    heard = measure(executor, replace(model, ref=replace(model.ref, num_labels=7)))
    said = (heard.word.reason,) if isinstance(heard.word, Failed) else heard.notes
    assert word in said


def test_a_torn_file_of_weights_is_named_as_such(
    executor: Local, checkpoints: Mapping[tuple[str, str], ModelFacts], tmp_path: Path
) -> None:
    model = checkpoints["tiny-vit", "image-classification"]
    folder = without(Path(str(model.folder)), tmp_path / "torn", "")
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1000])
    assert measure(executor, replace(model, folder=str(folder))).refused() == (Outcome.ERROR, ReasonCode.BROKEN_WEIGHTS)


@pytest.mark.parametrize("folder", [None, "/nowhere/at/all"])
def test_a_checkpoint_that_is_not_there_is_refused(executor: Local, folder: str | None) -> None:
    model = replace(a_model(), folder=folder)
    assert measure(executor, model).refused() == (Outcome.UNSUPPORTED, ReasonCode.MODEL_NOT_FOUND)


def test_a_trial_of_a_fresh_interpreter_is_the_same_but_for_its_start(checkpoints: Mapping[tuple[str, str], ModelFacts]) -> None:
    spawning = Local()
    (ready,) = spawning.open(1, StartMethod.SPAWN)
    assert (ready.start_method, ready.reason) == (StartMethod.SPAWN, None)
    heard = measure(spawning, checkpoints["tiny-bert", "fill-mask"], prompt_tokens=16)
    spawning.close()
    assert isinstance(heard.word, Finished)
    assert heard.observed["realised_prompt_tokens"] == 16
    assert 0 <= unattributed(heard) <= 0.1
