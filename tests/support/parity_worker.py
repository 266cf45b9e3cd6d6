"""Measures small models with planted faults, in a process of its own, and prints what parity and observation made of them.

Run as `python -m tests.support.parity_worker FOLDER`; the answer is one JSON object, for the tests to judge.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from bench.domain.axes import AXES
from bench.domain.model import ModelFacts
from bench.domain.plan import Case
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.models import facts, naming, presets
from bench.protocol.messages import Measure, Observed, Parity, Sampled
from bench.worker import building, failures, recipe, tasks
from bench.worker.clock import Clock
from bench.worker.loads import loading
from bench.worker.network import attention, kernels
from tests.support.cases import a_request, quick

MIXED: Mapping[str, Json] = {"uniform": [4, 12]}
AXES_OF: Mapping[str, Mapping[str, Json]] = {
    "tiny-gpt2": {"batch_size": 3, "prompt_tokens": MIXED, "new_tokens": 3},
    "tiny-bert": {"batch_size": 2, "prompt_tokens": MIXED},
    "tiny-t5": {"batch_size": 2, "prompt_tokens": MIXED, "new_tokens": 3},
    "tiny-clip": {"batch_size": 2},
}
EAGER: Mapping[str, Json] = {"attention": "eager", "dtype": "float32"}
SECOND = r"(?<!attn)\.0\..*(mlp\.c_proj|(?<!attention\.)output\.dense|DenseReluDense\.wo|mlp\.fc2)\.weight$"


def main() -> None:
    folder = Path(sys.argv[1])
    sys.stdout.write(json.dumps({name: list(of_model(name, folder)) for name in AXES_OF}) + "\n")


def of_model(name: str, folder: Path) -> Iterator[Any]:
    """Give the reference, what only rounding changes, and what faults were planted."""
    known = facts.find(naming.name_model(name), tasks.declared())
    building.write(presets.find(name), known.task, folder / name)
    model = replace(known, folder=str(folder / name))

    def trial(label: str, axes: Mapping[str, Json], fault: Any = None, *, own: bool = False, only: bool = True) -> Any:
        parity = Parity(reference="the reference", path=str(folder / f"{name}.safetensors"), own=own)
        return {"label": label, **measured(model, parity, fault, only=only, **{**AXES_OF[name], **axes})}

    yield trial("reference", EAGER, own=True)
    yield trial("sdpa", {"attention": "sdpa"})
    yield trial("bfloat16", {"dtype": "bfloat16"})
    yield trial("perturbed", EAGER, changed(perturb))
    if name == "tiny-gpt2":
        yield trial("again", EAGER, own=True)
        yield trial("other inputs", {**EAGER, "batch_size": 1})
        yield trial("no padding mask", EAGER, changed(see_padding))
        yield trial("static cache", {**EAGER, "cache": "static"})
        yield trial("quantized cache", {**EAGER, "cache": "quantized"})
        yield trial("forgetful cache", EAGER, forgetting())
        yield trial("not finite", EAGER, changed(spoil))
        yield trial("explicit", {"attention": "sdpa", "mask": "explicit"}, only=False)
        yield trial("weights", {"output_attentions": True, "output_hidden_states": True})
        yield trial("ignored", {"attention": "eager"}, patch.object(attention, "implementation", return_value="sdpa"))
        yield trial("lied", {"attention": "sdpa"}, lying(), only=False)
        yield trial("cudnn", {"attention": "sdpa:cudnn"})
        yield trial("flash", {"attention": "flash_attention_2"})
        yield trial("weights of sdpa", {"attention": "sdpa", "output_attentions": True})
        yield {"label": "flex", "kernels": kernels_of_flex()}


def kernels_of_flex() -> list[str]:
    """Give the kernels that are seen where flex attention is called, which runs no operator of that name here, and where not."""
    import torch
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    loaded: Any = SimpleNamespace(model=torch.nn.Linear(2, 2))
    given = torch.rand(2, 2)
    with patch.dict(ALL_ATTENTION_FUNCTIONS._global_mapping, {"flex_attention": torch.softmax}):
        calls = (lambda: ALL_ATTENTION_FUNCTIONS["flex_attention"](given, -1), lambda: torch.softmax(given, -1))
        return [kernels.seen(loaded, call, by_part=True).whole for call in calls]


def measured(model: ModelFacts, parity: Parity, fault: Any, *, only: bool, **axes: Json) -> Mapping[str, Any]:
    """Measure MODEL once with FAULT planted and give what was observed, and the parity."""
    applying = {axis.name: axis.default for axis in AXES if axis.applies(model.traits, Scenario.INFERENCE)}
    named: dict[str, Json] = {"model": model.ref.name, "task": model.task, "scenario": "inference", "threads": 1}
    request = replace(
        a_request(model),
        case=Case(id="id", label="a case", requested={**applying, **named, **axes}),
        procedure=quick(),
        parity=parity,
        outputs_only=only,
    )
    return answer(request, nullcontext() if fault is None else fault)


def answer(request: Measure, fault: Any) -> Mapping[str, Any]:
    events: list[Any] = []
    outcome = reason = None
    with fault:
        try:
            recipe.measure(request, events.append, Clock())
        except Exception as error:  # noqa: BLE001 -- judged by the tests
            failed = failures.classify(error)
            outcome, reason = failed.outcome.value, failed.reason
    observed: dict[str, Json] = {}
    parity: dict[str, float] = {}
    for event in events:
        if isinstance(event, Observed):
            observed |= event.facts
        if isinstance(event, Sampled) and event.samples.metric.name.startswith("parity."):
            parity[event.samples.metric.name] = event.samples.values[0]
    return {"outcome": outcome or "finished", "reason": reason, "observed": observed, "parity": parity}


@contextmanager
def changed(change: Callable[[Any], None]) -> Iterator[None]:
    """Let every model be CHANGED once it is loaded, and nobody told."""
    real = loading.load

    def load(*arguments: Any, **options: Any) -> Any:
        loaded = real(*arguments, **options)
        change(loaded.model)
        return loaded

    with patch.object(loading, "load", load):
        yield


def perturb(model: Any) -> None:
    """Make the second matrix of every feed-forward of one layer a tenth larger."""
    chosen = [weight for name, weight in model.named_parameters() if re.search(SECOND, name)]
    assert chosen
    for weight in chosen:
        weight.data.mul_(1.1)


def spoil(model: Any) -> None:
    """Put one weight of the last norm out of all numbers."""
    next(weight for name, weight in model.named_parameters() if "ln_f" in name).data[0] = float("nan")


def see_padding(model: Any) -> None:
    """Let padding be seen as text."""

    def before(_module: Any, arguments: Any, options: dict[str, Any]) -> Any:
        mask = options.get("attention_mask")
        return (arguments, {**options, "attention_mask": mask.new_ones(mask.shape)}) if mask is not None else None

    model.register_forward_pre_hook(before, with_kwargs=True)


@contextmanager
def forgetting() -> Iterator[None]:
    """Let the keys that a cache holds fade with each token that is added; one forward over all tokens has nothing to forget."""
    from transformers.cache_utils import DynamicLayer

    real = DynamicLayer.update

    def update(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.is_initialized:
            self.keys = self.keys * 0.9
        return real(self, *arguments, **options)

    with patch.object(DynamicLayer, "update", update):
        yield


@contextmanager
def lying() -> Iterator[None]:
    """Let attention that calls itself sdpa be computed in the eager way."""
    from transformers import modeling_utils

    def plain(_module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **_options: Any) -> Any:
        weights = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
        causal = weights.new_full(weights.shape[-2:], float("-inf")).triu(weights.shape[-1] - weights.shape[-2] + 1)
        weights = weights + causal if attention_mask is None else weights.masked_fill(~attention_mask, -1e9)
        return (weights.softmax(-1) @ value).transpose(1, 2).contiguous(), None

    real = modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"]
    modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"] = plain
    try:
        yield
    finally:
        modeling_utils.ALL_ATTENTION_FUNCTIONS["sdpa"] = real


if __name__ == "__main__":
    main()
