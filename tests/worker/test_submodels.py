"""A part of a model by itself: what it was called with is kept, the rest is let go, and the figures are the part's."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.model import Submodel
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.task import Trait
from bench.execution.executors.local import Local
from bench.protocol.messages import Failed, Finished
from bench.worker.failures import Refused
from bench.worker.network import submodels
from tests.support.trials import built, measured

pytestmark = pytest.mark.torch

WRITER = frozenset({Trait.TEXT, Trait.IMAGE, Trait.GENERATES})


def a_model(*, nested: bool = False) -> Any:
    """Make a model of a tower, a projector and a language model, which with NESTED runs the tower itself."""
    from torch import Tensor, nn

    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.vision_tower = nn.Linear(4, 4) if nested else None

        def forward(self, embeds: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
            found: Tensor = self.layer(embeds + pair[0] + pair[1])
            return found if self.vision_tower is None else self.vision_tower(found)

    class Whole(nn.Module):
        base_model_prefix = "model"
        config = SimpleNamespace(is_encoder_decoder=False)

        def __init__(self) -> None:
            super().__init__()
            self.vision_tower = nn.Linear(4, 4)
            self.multi_modal_projector = nn.Linear(4, 4)
            self.language_model = Language()
            self.lm_head = nn.Linear(4, 2)
            self.scale = nn.Parameter(self.lm_head.bias.detach().clone())

        def forward(self, x: Tensor) -> Tensor:
            seen = self.multi_modal_projector(self.vision_tower(x))
            found: Tensor = self.lm_head(self.language_model(seen, pair=(x, x)))
            x.zero_()  # as some models write into their inputs
            return found

    return Whole()


def captured(model: Any, submodel: Submodel) -> submodels.Calls:
    import torch

    return submodels.capture(model, lambda: model(torch.ones(2, 4)), WRITER, submodel)


def test_a_part_is_called_again_with_what_it_was_called_with() -> None:
    import torch

    model = a_model()
    with torch.no_grad():
        calls = captured(model, Submodel.VISION)
        assert list(calls.modules) == ["vision_tower"]
        assert torch.equal(calls.clone().run(), model.vision_tower(torch.ones(2, 4)))
        assert calls.tensors().keys() == {"input"}


def test_tensors_inside_of_what_holds_them_are_copied_too() -> None:
    import torch

    with torch.no_grad():
        (one,) = captured(a_model(), Submodel.LANGUAGE).each
    first, second = one.options["pair"]
    assert torch.equal(first, torch.ones(2, 4))
    assert first is not submodels.fresh(one.options)["pair"][0]
    assert torch.equal(first, second)


def test_the_rest_is_let_go_and_what_stays_keeps_its_name() -> None:
    import torch

    model = a_model()
    with torch.no_grad():
        calls = captured(model, Submodel.LANGUAGE)
        expected = calls.clone().run()
        submodels.keep(model, tuple(calls.modules))
        assert [name for name, _ in model.named_parameters()] == ["language_model.layer.weight", "language_model.layer.bias"]
        assert torch.equal(model(calls=calls), expected)


def test_a_part_that_did_not_run_is_refused_with_those_that_did() -> None:
    with pytest.raises(Refused, match=r"Whole has no submodel audio \(has: vision, language, projector\)"):
        captured(a_model(), Submodel.AUDIO)


def test_a_part_that_runs_another_tower_cannot_be_had_alone() -> None:
    with pytest.raises(Refused, match="submodel language of Whole runs its vision too: it cannot be had alone"):
        captured(a_model(nested=True), Submodel.LANGUAGE)


def test_figures_of_a_tower_are_its_own(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("submodels")
    task = "zero-shot-image-classification"
    whole = measured(executor, built(executor, folder, "tiny-clip", task), batch_size=2)
    tower = measured(executor, built(executor, folder, "tiny-clip", task, Submodel.VISION), batch_size=2)
    assert isinstance(tower.word, Finished), (tower.word, executor.stderr_tail())
    assert {name: tower.observed[name] for name in ("submodel", "submodel_class", "submodel_modules", "batch_size")} == {
        "submodel": "vision",
        "submodel_class": "CLIPVisionModel",
        "submodel_modules": ["vision_model"],
        "batch_size": 2,
    }
    for name in ("params.count", "params.bytes", "flops"):
        expected: dict[str | None, float] = {
            None: whole.amounts(name)["component=vision"],
            "component=vision": whole.amounts(name)["component=vision"],
        }
        expected |= {part: size for part, size in tower.amounts(name).items() if part and part.startswith("dtype=")}
        assert tower.amounts(name) == expected
    assert tower.metrics.isdisjoint({"processor", "h2d", "first_call", "e2e", "processor.bytes_on_disk"})
    assert set(_phases_of_peaks(tower)) == {"warmup.forward", "measure.forward"}
    assert tower.amounts("load.file_bytes") == whole.amounts("load.file_bytes")
    assert tower.amounts("ledger").keys() == {None, "encode.vision"}
    assert tower.observed["mapped_bytes"] == 0
    assert "prompt_tokens" not in tower.observed


def _phases_of_peaks(told: Any) -> list[str]:
    return [some.phase for some in told.samples if some.metric.name.startswith("memory.")]


def test_a_part_that_the_loaded_model_lacks_is_unsupported(executor: Local, tmp_path: Path) -> None:
    whole = built(executor, tmp_path, "tiny-gpt2", "text-generation")
    lacking = replace(whole, ref=replace(whole.ref, submodel=Submodel.VISION), traits=frozenset(), around=whole.traits)
    told = measured(executor, lacking)
    assert isinstance(told.word, Failed)
    assert (told.word.outcome, told.word.reason_code) == (Outcome.UNSUPPORTED, ReasonCode.NOT_IN_CLASS)
    assert told.word.reason == "GPT2LMHeadModel has no submodel vision (has: language)"
