"""Engines: what they declare, what is refused before anything is exported or compiled, and that what was asked for really ran."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.axes import BY_NAME
from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from bench.worker import engines, exported
from bench.worker.engines import Engaged, Work
from bench.worker.failures import Refused
from tests.support.trials import built, measured
from tests.support.versions import needs_transformers

EXPORTED = needs_transformers("its exporters give graphs that nothing runs")
ASKED: Mapping[str, Json] = {"engine": "eager", "attention": "auto", "autocast": "none", "quantization": "none"}


def work(traits: frozenset[Trait] = frozenset({Trait.TEXT}), *, matched: bool = False, device: str = "cpu", **axes: Json) -> Work:
    model = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=False))
    loaded: Any = SimpleNamespace(model=model, device=device, engaged=None)
    return Work(loaded=loaded, inputs={}, traits=traits, requested={**ASKED, **axes}, matched=matched)


def test_every_engine_of_the_axis_has_a_file_and_every_file_is_a_value_of_it() -> None:
    assert set(engines.names()) == set(BY_NAME["engine"].choices)


@pytest.mark.parametrize("name", engines.names())
def test_an_engine_says_what_it_needs_where_it_runs_and_which_options_it_takes(name: str) -> None:
    engine = engines.find(name)
    assert engine.NEEDS
    assert set(engine.DEVICES) <= {"cpu", "cuda", "mps", "xpu"}
    assert set(engine.OPTIONS) <= set(BY_NAME["engine"].mapping_keys)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (work(engine={"name": "onnxruntime", "mode": "default"}), "has no option mode"),
        (work(engine={"name": "eager", "dynamic": True}), "it takes none"),
        (work(frozenset({Trait.GENERATES}), engine={"name": "onnxruntime", "dynamic": False}), "grows with every token"),
        (work(engine="openvino", device="cuda:0"), "not on cuda"),
        (work(engine="compile", matched=True), "calls its towers apart"),
        (work(engine="optimum-onnx"), "an environment of its own"),
        (work(engine={"name": "compile", "mode": "reduce-overhead"}), "none on a CPU"),
    ],
)
@pytest.mark.torch
def test_what_an_engine_cannot_do_is_refused_in_words(asked: Work, said: str) -> None:
    with pytest.raises(Refused, match=said):
        engines.engage(asked)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"attention": "sdpa:math"}, "names one of torch's"),
        ({"autocast": "bfloat16"}, "autocast is torch's"),
        ({"quantization": "bnb-int8"}, "its kernels are torch's"),
        ({"experts": "grouped_mm"}, "runs experts as they were exported"),
        ({"cache": "static", "depth": 0}, "for cache dynamic only"),
        ({"cache": "dynamic", "depth": 8}, "for depth 0 only"),
    ],
)
def test_what_an_export_could_not_keep_is_refused_before_it(axes: dict[str, Json], said: str) -> None:
    runtime = exported.Runtime(name="onnxruntime", exporter=None, config=None, seen=lambda _runner: {})
    with pytest.raises(Refused, match=said):
        exported.engage(replace(work(frozenset({Trait.TEXT, Trait.GENERATES})), requested={**ASKED, **axes}), runtime)


def test_a_generation_with_an_encoder_is_not_exported_in_part() -> None:
    asked = work(frozenset({Trait.TEXT, Trait.GENERATES}))
    asked.loaded.model.config.is_encoder_decoder = True
    runtime = exported.Runtime(name="openvino", exporter=None, config=None, seen=lambda _runner: {})
    with pytest.raises(Refused, match="would still run in torch"):
        exported.engage(asked, runtime)


def test_graphs_that_never_ran_are_not_taken_for_the_engine() -> None:
    graphs = exported.Graphs(forward=None)
    runtime = exported.Runtime(name="onnxruntime", exporter=None, config=None, seen=lambda _runner: {})
    with pytest.raises(Refused, match="ran no graph of forward"):
        exported._called(graphs, runtime, generates=False)


@pytest.mark.torch
@pytest.mark.parametrize(("keys", "counted", "holds"), [(3, 0, True), (0, 0, False), (None, 0, False), (None, 5, True)])
def test_a_cache_is_told_to_be_filled_by_its_keys_where_it_has_such(keys: int | None, counted: int, *, holds: bool) -> None:
    import torch

    layer = SimpleNamespace(keys=None if keys is None else torch.zeros(1, 2, keys, 4))
    assert exported._holds(SimpleNamespace(layers=[layer], get_seq_length=lambda: counted)) is holds


def test_graphs_compiled_while_calls_are_timed_are_counted_and_no_others() -> None:
    count = [0]
    loaded: Any = SimpleNamespace(engaged=Engaged(observe=dict, graphs=lambda: count[0]))
    for phase, more in (("first_call", 1), ("warmup.forward", 2), ("measure.forward", 1), ("measure.ttft", 0)):
        with engines.watched(loaded, phase):
            count[0] += more
    (told,) = loaded.engaged.sampled()
    assert (told.metric.name, told.values) == ("compile.recompiles", (1,))


@pytest.mark.torch
def test_a_model_runs_as_it_was_loaded_where_the_engine_is_put_aside() -> None:
    import torch

    model = torch.nn.Linear(2, 2)
    engines.replace_forward(model, lambda _given: "the engine's")
    with engines.without(model):
        assert model(torch.zeros(1, 2)).shape == (1, 2)
    assert model(None) == "the engine's"


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
def test_compile_tells_what_it_compiled_and_refuses_where_nothing_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Doubled(torch.nn.Module):
        """Not of torch itself, whose own modules dynamo leaves alone when they are called from outside."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 4)

        def forward(self, given: Any) -> Any:
            return 2 * self.inner(given)

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    loaded: Any = SimpleNamespace(model=Doubled(), device="cpu", engaged=None)
    asked: dict[str, Json] = {"name": "compile", "dynamic": True, "fullgraph": True}
    plan = replace(work(engine=asked), loaded=loaded)
    engaged = engines.engage(plan)
    with pytest.raises(Refused, match="compile did not apply"):
        engaged.observe()
    with engaged.running(), torch.inference_mode():
        given = torch.rand(3, 4)
        out = loaded.model(given)
        with engines.without(loaded.model):
            assert torch.allclose(out, loaded.model(given))
        seen = engaged.observe()
        loaded.model(torch.rand(5, 4))
    assert seen["engine"] == asked
    assert engaged.graphs is not None
    assert engaged.graphs() == 1
    assert [(one.metric.name, one.values) for one in engaged.samples()] == [("compile.graph_breaks", (0,))]


@pytest.fixture(scope="module")
def bert(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    return built(executor, tmp_path_factory.mktemp("engines"), "tiny-bert", "fill-mask")


@EXPORTED
@pytest.mark.torch
def test_onnxruntime_runs_the_forward_and_its_export_is_timed_apart(executor: Local, bert: ModelFacts) -> None:
    pytest.importorskip("onnxruntime")
    told = measured(executor, bert, engine="onnxruntime", batch_size=2, prompt_tokens=8)
    assert isinstance(told.word, Finished), told.word
    assert told.observed["engine"] == "onnxruntime"
    assert told.observed["engine_devices"] == ["CPUExecutionProvider"]
    assert told.amounts("export.time").keys() == {None, "graph=forward"}
    assert {"forward", "flops"} <= told.metrics
    assert "attention_kernel" not in told.observed


@pytest.fixture(scope="module")
def llama(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    return built(executor, tmp_path_factory.mktemp("engines"), "tiny-llama", "text-generation")


@EXPORTED
@pytest.mark.torch
def test_a_fused_step_that_forgets_its_keys_is_exported_unfused_and_both_are_told(executor: Local, llama: ModelFacts) -> None:
    pytest.importorskip("onnxruntime")
    asked: dict[str, Json] = {"attention": "eager", "prompt_tokens": 8, "new_tokens": 3}
    told = measured(executor, llama, engine="onnxruntime", **asked)
    assert isinstance(told.word, Finished), told.word
    assert told.observed["engine_graphs"] == ["decode", "forward", "prefill"]
    assert "LlamaForCausalLM forgets: after 3 tokens its keys are 1 x 2 x 8 x 32, and the model's own 1 x 2 x 10 x 32" in str(
        told.observed["engine_unfused_for"]
    )
    assert told.observed["engine_fused_operators"] == []
    fused = measured(executor, llama, engine={"name": "onnxruntime", "fusions": True}, **asked)
    assert isinstance(fused.word, Failed)
    assert (fused.word.outcome, fused.word.reason) == (Outcome.UNSUPPORTED, told.observed["engine_unfused_for"])


@EXPORTED
@pytest.mark.torch
def test_a_step_takes_the_rows_that_beams_make_of_one_item(executor: Local, llama: ModelFacts) -> None:
    pytest.importorskip("onnxruntime")
    told = measured(executor, llama, engine="onnxruntime", num_beams=3, batch_size=1, prompt_tokens=8, new_tokens=3)
    assert isinstance(told.word, Finished), told.word
    assert (told.observed["num_beams"], told.observed["beams_computed"], told.observed["batch_size"]) == (3, 3, 1)


def test_exporters_that_run_nothing_are_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "find_spec", lambda name: None if name.endswith("runners") else object())
    with pytest.raises(
        Refused, match=r"engine openvino needs the exporters of transformers 5\.23, which run their graphs too; here is"
    ):
        exported.refuse_version("openvino")


@EXPORTED
@pytest.mark.torch
def test_fusions_are_read_off_the_graph(executor: Local, bert: ModelFacts) -> None:
    pytest.importorskip("onnxruntime")
    for fusions in (True, False):
        asked: dict[str, Json] = {"name": "onnxruntime", "fusions": fusions}
        told = measured(executor, bert, engine=asked, batch_size=2, prompt_tokens=8)
        assert isinstance(told.word, Finished), told.word
        assert told.observed["engine"] == asked
        assert bool(told.observed["engine_fused_operators"]) is fusions
        assert "engine_unfused_for" not in told.observed


@pytest.mark.torch
def test_a_model_gets_its_own_forward_back_for_good() -> None:
    import torch

    model = torch.nn.Linear(2, 2)
    engines.replace_forward(model, lambda _given: "the engine's")
    engines.give_back_forward(model)
    assert model(torch.zeros(1, 2)).shape == (1, 2)
    assert "forward" not in vars(model)
    model.forward = lambda _given: "accelerate's"  # type: ignore[assignment, return-value]
    engines.replace_forward(model, lambda _given: "the engine's")
    engines.give_back_forward(model)
    assert model(None) == "accelerate's"


@pytest.mark.torch
def test_an_engine_that_needs_another_environment_is_an_answer(executor: Local, bert: ModelFacts) -> None:
    told = measured(executor, bert, engine="optimum-onnx")
    assert isinstance(told.word, Failed)
    assert told.word.outcome is Outcome.UNSUPPORTED
    assert Path(str(bert.folder)).is_dir()
