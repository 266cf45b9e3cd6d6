"""Engines of an environment of their own: what is refused before a weight is read, what is handed over, and what is seen there.

The trials at the end need an environment with optimum-onnx, which takes minutes to build: its interpreter is named by
BENCH_OPTIMUM_PYTHON, and without it they are skipped.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import StartMethod
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished, Handed, Parity
from bench.worker import engines
from bench.worker.abroad import exporting, handing, limits, measuring, seeing
from bench.worker.engines import optimum_onnx
from bench.worker.failures import Refused
from bench.worker.host import reach
from bench.worker.likeness import reference
from tests.support.cases import a_model, a_request
from tests.support.trials import Told, built, measured, told

ENGINE = "optimum-onnx"
PYTHON = os.environ.get("BENCH_OPTIMUM_PYTHON", "")


def versions(monkeypatch: pytest.MonkeyPatch, **installed: str) -> None:
    """Have these distributions INSTALLED and no others."""

    def version(name: str) -> str:
        if name.replace("-", "_") not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name.replace("-", "_")]

    monkeypatch.setattr(metadata, "version", version)


def test_an_old_transformers_is_refused_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    versions(monkeypatch, transformers="4.57.6")
    with pytest.raises(Refused, match=r"transformers 4.57.6 is older than 5.0.*engine optimum-onnx alone") as told_so:
        reach.refuse()
    assert told_so.value.refusal.reason_code is ReasonCode.NO_ENVIRONMENT


@pytest.mark.parametrize("version", ["5.0.0", "5.23.0", "10.1"])
def test_transformers_from_5_on_are_measured_with(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    versions(monkeypatch, transformers=version)
    reach.refuse()


def test_this_environment_says_what_the_engine_needs_and_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    versions(monkeypatch, transformers="5.23.0")
    with pytest.raises(Refused, match=r"needs an environment of its own.* transformers 5.23.0 and no optimum-onnx") as told_so:
        optimum_onnx.measure(a_request(engine=ENGINE), lambda _event: None, None)  # type: ignore[arg-type]
    assert "environments: {optimum: [" in str(told_so.value)
    assert told_so.value.refusal.reason_code is ReasonCode.NO_ENVIRONMENT


def test_an_engine_that_loads_its_model_itself_has_a_recipe_of_its_own_and_no_other_has() -> None:
    own = [name for name in engines.names() if engines.recipe_of({"engine": name}) is not None]
    assert own == [ENGINE]
    assert engines.recipe_of({"engine": {"name": ENGINE}}) is optimum_onnx.measure
    assert engines.recipe_of({"engine": "none of them"}) is None


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"device": "cuda"}, "runs on cpu, not on cuda|is not on this machine"),
        ({"engine": {"name": ENGINE, "dynamic": True}}, "has no option dynamic"),
        ({"attention": "sdpa:math"}, "attention sdpa:math names one of torch's"),
        ({"attention": "flex_attention"}, "names one of torch's"),
        ({"autocast": "bfloat16"}, "for autocast none only"),
        ({"quantization": "bnb-int8"}, "for quantization none only"),
        ({"ranks": 2}, "for ranks 1 only"),
        ({"cache": "static"}, "for cache dynamic only"),
        ({"depth": 8}, "for depth 0 only"),
        ({"draft": "tiny-llama"}, "for draft none only"),
        ({"mask": "none"}, "for mask padding only"),
        ({"output_attentions": True}, "for output_attentions False only"),
    ],
)
@pytest.mark.torch
def test_what_its_graphs_do_not_know_is_refused_before_anything_is_loaded(axes: dict[str, Json], said: str) -> None:
    with pytest.raises(Refused, match=said):
        limits.refuse(a_request(None, **{"engine": ENGINE, **axes}))


@pytest.mark.torch
def test_a_task_that_is_not_measured_with_it_is_refused_with_those_that_are() -> None:
    seer = a_model("tiny-vit", task="image-classification", traits=frozenset({Trait.IMAGE}))
    with pytest.raises(Refused, match=r"image-classification is not measured .*\(it measures text-generation, fill-mask"):
        limits.refuse(a_request(seer, engine=ENGINE))


@pytest.mark.torch
@pytest.mark.parametrize("config", [{"rope_parameters": {}}, {"text_config": {"rope_parameters": {"rope_theta": 5e5}}}])
def test_a_config_that_an_older_transformers_would_read_as_another_is_refused(tmp_path: Path, config: Json) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(Refused, match="does not read rope_parameters, from which tiny-gpt2 has its positions"):
        limits.refuse(a_request(a_model(folder=tmp_path), engine=ENGINE))
    (tmp_path / "config.json").write_text('{"n_positions": 64}', encoding="utf-8")
    limits.refuse(a_request(a_model(folder=tmp_path), engine=ENGINE))


@pytest.mark.torch
def test_what_the_runtime_says_against_a_graph_is_an_answer_and_other_errors_are_not() -> None:
    class InvalidArgument(Exception):  # noqa: N818 -- as the runtime calls it
        __module__ = "onnxruntime.capi"

    with pytest.raises(Refused, match="int does not run what was exported: InvalidArgument: got 32"), measuring._explained(0):
        raise InvalidArgument("got 32")
    with pytest.raises(ZeroDivisionError), measuring._explained(0):
        raise ZeroDivisionError


@pytest.mark.torch
def test_what_is_handed_over_arrives_as_it_was_left(tmp_path: Path) -> None:
    import torch

    tensors = {"input_ids": torch.arange(6).reshape(2, 3).T, "pixel_values": torch.rand(2, 3).bfloat16()}
    facts: dict[str, Json] = {"batch_size": 3, "inputs": [{"name": "input_ids", "shape": [3, 2]}], "prompt_tokens": 2.5}
    handing.write(tmp_path / "inputs", handing.Taken(tensors=tensors, facts=facts))
    taken = handing.take(tmp_path / "inputs")
    assert taken.facts == facts
    assert all(
        torch.equal(taken.tensors[name], tensor) and taken.tensors[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )
    assert [path.name for path in tmp_path.iterdir()] == ["inputs"]


@pytest.mark.torch
def test_a_cache_is_seen_by_its_growth() -> None:
    import torch

    def cache(length: int) -> Any:
        return ((torch.zeros(1, 2, length, 4), torch.zeros(1, 2, length, 4)),)

    assert [seeing._length(one) for one in (None, (), cache(7), SimpleNamespace(get_seq_length=lambda: 3))] == [0, 0, 7, 3]
    for passes, expected in (
        (((0, 5), (5, 6)), "dynamic"),
        (((0, 5),), "dynamic"),
        (((0, 5), (0, 6)), "none"),
        (((0, 0), (0, 0)), "none"),
    ):
        facts: dict[str, Json] = {}
        for number, (given, left) in enumerate(passes):
            seeing._note_cache(facts, given=given, left=left, first=not number)
        assert facts == {"depth": 0, "cache": expected}


@pytest.mark.torch
def test_an_export_that_fails_is_an_answer_in_its_own_words() -> None:
    def fail() -> None:
        raise RuntimeError("outer") from ValueError("no kernel for BFLOAT16")

    with pytest.raises(Refused, match="optimum-onnx: it does not start: ValueError: no kernel for BFLOAT16"):
        exporting._timed("start", {}, fail, "it does not start")


@pytest.mark.torch
def test_an_export_that_runs_out_of_memory_says_nothing_else() -> None:
    def fail() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        exporting._timed("convert", {}, fail, "it cannot be exported")


@pytest.fixture(scope="module")
def bert(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    return built(executor, tmp_path_factory.mktemp("abroad"), "tiny-bert", "fill-mask")


def left(executor: Local, model: ModelFacts, path: Path, **axes: Json) -> Told:
    """Have the inputs of a case left at PATH by a worker of this environment."""
    request = replace(
        a_request(model, threads=1, engine=ENGINE, attention="eager", dtype="float32", **axes),
        handed=Handed(path=str(path), leave=True),
    )
    return told(executor, request)


@pytest.mark.torch
def test_a_worker_of_this_environment_leaves_inputs_and_measures_nothing(executor: Local, bert: ModelFacts, tmp_path: Path) -> None:
    done = left(executor, bert, tmp_path / "inputs", batch_size=2, prompt_tokens=8)
    assert isinstance(done.word, Finished), done.word
    assert not done.metrics & {"forward", "processor", "first_call"}
    taken = handing.take(tmp_path / "inputs")
    assert taken.tensors["input_ids"].shape == (2, 8)
    assert (taken.facts["prompt_tokens"], taken.facts["batch_size"], taken.facts["masked_tokens"]) == (8, 2, 1)
    assert {"processor_class", "tokenizer_class", "inputs", "mask"} <= taken.facts.keys()
    assert not {"dtype", "engine", "attention", "model_class"} & taken.facts.keys()


@pytest.mark.torch
def test_inputs_that_cannot_be_made_are_not_left(executor: Local, bert: ModelFacts, tmp_path: Path) -> None:
    done = left(executor, bert, tmp_path / "inputs", prompt_tokens=2)
    assert isinstance(done.word, Failed)
    assert (done.word.outcome, done.word.reason_code) == (Outcome.UNSUPPORTED, ReasonCode.INPUT_MISMATCH)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def abroad() -> Iterator[Local]:
    """A worker of an environment with optimum-onnx."""
    if not PYTHON:
        pytest.skip("BENCH_OPTIMUM_PYTHON names no interpreter of an environment with optimum-onnx, which takes minutes to build")
    one = Local(python=PYTHON)
    one.open(1, StartMethod.NURSERY)
    yield one
    one.close()


def there(executor: Local, abroad: Local, model: ModelFacts, folder: Path, **axes: Json) -> Told:
    """Measure MODEL with optimum-onnx ABROAD beside the outputs of the eager case, both on the inputs that are made here."""
    kept, inputs = folder / "kept", folder / "inputs"
    plain: dict[str, Json] = {"threads": 1, "attention": "eager", "dtype": "float32", **axes}
    own = replace(a_request(model, **plain), parity=Parity(reference="eager", path=str(kept), own=True), outputs_only=True)
    assert isinstance(told(executor, own).word, Finished)
    assert isinstance(left(executor, model, inputs, **axes).word, Finished)
    request = a_request(model, **plain, engine=ENGINE)
    return told(abroad, replace(request, handed=Handed(path=str(inputs)), parity=Parity(reference="eager", path=str(kept))))


@pytest.mark.torch
def test_bert_runs_under_optimum_onnx_with_parity(executor: Local, abroad: Local, bert: ModelFacts, tmp_path: Path) -> None:
    done = there(executor, abroad, bert, tmp_path, batch_size=2, prompt_tokens=8)
    assert isinstance(done.word, Finished), done.word
    seen = done.observed
    assert (seen["model_class"], seen["exported_class"]) == ("ORTModelForMaskedLM", "BertForMaskedLM")
    assert (seen["engine"], seen["engine_runs"], seen["engine_devices"]) == (ENGINE, 1, ["CPUExecutionProvider"])
    assert (seen["dtype"], seen["prompt_tokens"], seen["threads"]) == ("float32", 8, 1)
    assert done.amounts("export.time").keys() == {None, "step=convert", "step=start"}
    assert done.amounts("parity.kl")[None] < 1e-7
    assert {"forward", "load.total", "first_call"} <= done.metrics
    assert not {"processor", "params.bytes", "flops", "ledger"} & done.metrics
    assert reference.read(tmp_path / "kept").mark == reference.mark_of(handing.take(tmp_path / "inputs").tensors)


@pytest.mark.torch
def test_gpt2_generates_under_optimum_onnx_with_parity(
    executor: Local, abroad: Local, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    model = built(executor, tmp_path_factory.mktemp("abroad-gpt2"), "tiny-gpt2", "text-generation")
    done = there(executor, abroad, model, tmp_path, prompt_tokens=8, new_tokens=4)
    assert isinstance(done.word, Finished), done.word
    assert (done.observed["cache"], done.observed["realised_new_tokens"], done.observed["engine_runs"]) == ("dynamic", 4, 4)
    assert done.amounts("parity.kl")[None] < 1e-7
    assert {"e2e", "ttft_model", "itl", "memory.kv_cache"} <= done.metrics


@pytest.mark.torch
def test_no_other_engine_is_measured_with_its_transformers(abroad: Local, bert: ModelFacts) -> None:
    done = measured(abroad, bert, attention="eager")
    assert isinstance(done.word, Failed)
    assert (done.word.outcome, done.word.reason_code) == (Outcome.UNSUPPORTED, ReasonCode.NO_ENVIRONMENT)
    assert "is older than 5.0" in done.word.reason
