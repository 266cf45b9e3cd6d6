"""Measures small models where a loader, a library or an engine does something else than it was asked for; prints what came of it.

Run as `python -m tests.support.planted_worker FOLDER`; the answer is one JSON object, for the tests to judge. Each fault is planted
behind our own code: what is asked for is asked for as ever, and whoever was asked does not heed it. Cases are measured without
their fault too, and have to finish: a check that refuses everything would catch every fault.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MethodType
from typing import Any, cast
from unittest.mock import patch

from bench.domain.axes import AXES
from bench.domain.model import ModelFacts
from bench.domain.plan import Case
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.models import facts, naming, presets
from bench.worker import building, tasks
from tests.support.cases import a_request, quick
from tests.support.parity_worker import answer

ROOT = Path(__file__).resolve().parents[2]
Fault = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault, what is asked for in its presence, and of which model. What is `costly` or is here twice is not had without it."""

    asked: Mapping[str, Json]
    fault: Fault
    model: str = "tiny-gpt2"
    costly: bool = False


def run(folder: Path) -> dict[str, dict[str, Any]]:
    """Start this file and give what it printed: of every fault what came `with` and `without` it."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.planted_worker", str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def loading(change: Callable[[Any], None] | None = None, without: tuple[str, ...] = (), **instead: Any) -> Iterator[None]:
    """Let `from_pretrained` leave out the options WITHOUT, take others INSTEAD, and hand out models that were CHANGED."""
    from transformers import PreTrainedModel

    own = cast("MethodType", PreTrainedModel.from_pretrained).__func__

    def loader(kind: Any, *arguments: Any, **options: Any) -> Any:
        kept = {name: value for name, value in options.items() if name not in without}
        made = own(kind, *arguments, **{**kept, **instead})
        if change is not None:
            change(made[0] if isinstance(made, tuple) else made)
        return made

    with patch.object(PreTrainedModel, "from_pretrained", classmethod(loader)):
        yield


@contextmanager
def generating(without: tuple[str, ...] = (), **instead: Any) -> Iterator[None]:
    """Let `generate` take other settings INSTEAD of those that it is called with, and do WITHOUT some of what it is given."""
    from transformers import GenerationMixin

    own = GenerationMixin.generate

    def generate(model: Any, *arguments: Any, **options: Any) -> Any:
        for name, value in instead.items():
            setattr(options["generation_config"], name, value)
        return own(model, *arguments, **{name: value for name, value in options.items() if name not in without})

    with patch.object(GenerationMixin, "generate", generate):
        yield


@contextmanager
def eager_whatever_is_compiled() -> Iterator[None]:
    """Let what was compiled run eagerly, as TORCH_COMPILE_DISABLE and a stance do, without a word."""
    import torch

    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def eight_bits_everywhere() -> Iterator[None]:
    """Let bitsandbytes quantize what it was to leave as well."""
    from transformers import BitsAndBytesConfig

    with loading(quantization_config=BitsAndBytesConfig(load_in_8bit=True)):
        yield


@contextmanager
def computing_in(dtype: str) -> Iterator[None]:
    """Let 4-bit weights be unpacked to DTYPE."""
    from transformers import BitsAndBytesConfig

    with loading(
        quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    ):
        yield


@contextmanager
def no_threads() -> Iterator[None]:
    """Let torch keep the threads that it has."""
    import torch

    with patch.object(torch, "set_num_threads"):
        yield


@contextmanager
def no_autocast() -> Iterator[None]:
    """Let autocast do nothing, as torch does with a warning where it cannot."""
    import torch

    with patch.object(torch, "autocast", lambda *_, **__: nullcontext()):
        yield


@contextmanager
def one_backend() -> Iterator[None]:
    """Let the processor be built on the library of its own choice."""
    from transformers import AutoImageProcessor

    own: Any = AutoImageProcessor.from_pretrained

    def loader(folder: Any, **options: Any) -> Any:
        return own(folder, **{name: value for name, value in options.items() if name != "backend"})

    with patch.object(AutoImageProcessor, "from_pretrained", loader):
        yield


def unquantize(model: Any) -> None:
    """Put plain layers into the place of the quantized ones; the config goes on saying what they were."""
    model.dequantize()


def compile_it(model: Any) -> None:
    """Compile MODEL, as a loader with a setting of its own may; into the same operators, which takes least time."""
    import torch

    model.forward = torch.compile(model.forward, backend="eager")


def forget(*names: str) -> Callable[[Any], None]:
    """Let the config of a loaded model ask for none of NAMES any more."""

    def change(model: Any) -> None:
        for name in names:
            setattr(model.config, name, False)

    return change


EVERY: Mapping[str, Planted] = {
    "quantization": Planted(
        asked={"quantization": "bnb-int8"}, fault=lambda: loading(without=("quantization_config", "device_map"))
    ),
    "quantization undone": Planted(asked={"quantization": "bnb-int8"}, fault=lambda: loading(unquantize), costly=True),
    "skip": Planted(asked={"quantization": {"method": "bnb-int8", "skip": ["h.0"]}}, fault=eight_bits_everywhere),
    "compute dtype": Planted(
        asked={"quantization": {"method": "bnb-nf4", "compute_dtype": "bfloat16"}}, fault=lambda: computing_in("float32")
    ),
    "compute dtype of the case": Planted(asked={"quantization": "bnb-nf4"}, fault=lambda: computing_in("bfloat16")),
    "attention": Planted(asked={"attention": "eager"}, fault=lambda: loading(attn_implementation="sdpa")),
    "dtype": Planted(asked={"dtype": "bfloat16"}, fault=lambda: loading(dtype="float32")),
    "autocast": Planted(asked={"autocast": "bfloat16"}, fault=no_autocast),
    "engine": Planted(asked={"engine": "compile", "cache": "static"}, fault=eager_whatever_is_compiled, costly=True),
    "engine unasked": Planted(asked={"engine": "eager"}, fault=lambda: loading(compile_it)),
    "device_map": Planted(
        asked={"device_map": {"max_memory": {"cpu": "1MB"}, "offload": "disk"}},
        fault=lambda: loading(without=("device_map", "max_memory", "offload_folder")),
    ),
    "branches": Planted(asked={"device_map": {"modules": {"h": "disk"}}}, fault=lambda: loading(device_map={"": "cpu"})),
    "static cache": Planted(asked={"cache": "static"}, fault=lambda: generating(cache_implementation=None)),
    "quantized cache": Planted(
        asked={"cache": "quantized"}, fault=lambda: generating(cache_implementation=None, cache_config=None)
    ),
    "no cache": Planted(asked={"cache": "none"}, fault=lambda: generating(use_cache=True)),
    "depth": Planted(asked={"depth": 8}, fault=lambda: generating(without=("past_key_values",))),
    "sampling": Planted(asked={"sampling": {"temperature": 0.7}}, fault=lambda: generating(do_sample=False)),
    "temperature": Planted(asked={"sampling": {"temperature": 0.7}}, fault=lambda: generating(temperature=0.9), costly=True),
    "beams": Planted(asked={"num_beams": 2}, fault=lambda: generating(num_beams=1)),
    "prefill chunk": Planted(asked={"prefill_chunk": 4}, fault=lambda: generating(prefill_chunk_size=None)),
    "stop": Planted(asked={"stop": "eos"}, fault=lambda: generating(min_new_tokens=3)),
    "new tokens": Planted(asked={"new_tokens": 4}, fault=lambda: generating(max_new_tokens=3, min_new_tokens=3)),
    "threads": Planted(asked={"threads": 2}, fault=no_threads),
    "attention weights": Planted(
        asked={"output_attentions": True, "attention": "eager"}, fault=lambda: loading(forget("output_attentions"))
    ),
    "experts": Planted(
        asked={"experts": "batched_mm"}, fault=lambda: loading(experts_implementation="eager"), model="tiny-qwen3-moe"
    ),
    "processor backend": Planted(asked={"processor_backend": "pil"}, fault=one_backend, model="tiny-vit"),
}


def built(name: str, folder: Path) -> ModelFacts:
    """Write the preset NAME below FOLDER, once, and give what is known of it."""
    known = facts.find(naming.name_model(name), tasks.declared())
    if not (folder / name).exists():
        building.write(presets.find(name), known.task, folder / name)
    return replace(known, folder=str(folder / name))


def measured(model: ModelFacts, asked: Mapping[str, Json], fault: AbstractContextManager[object]) -> Mapping[str, Any]:
    """Measure MODEL once, as ASKED, in the presence of FAULT: up to its first call and what that shows."""
    applying = {axis.name: axis.default for axis in AXES if axis.applies(model.traits, Scenario.INFERENCE)}
    small: dict[str, Json] = {"prompt_tokens": 8, "new_tokens": 3, "dtype": "float32"}
    plain = {name: value for name, value in small.items() if name in applying}
    named: dict[str, Json] = {"model": model.ref.name, "task": model.task, "scenario": "inference", "threads": 1}
    case = Case(id="id", label="a case", requested={**applying, **named, **plain, **asked})
    told = answer(replace(a_request(model), case=case, procedure=quick(), outputs_only=True), fault)
    return {"outcome": told["outcome"], "reason": told["reason"]}


def main() -> None:
    folder = Path(sys.argv[1])
    found: dict[str, Any] = {}
    for name, planted in EVERY.items():
        model = built(planted.model, folder)
        found[name] = {"with": measured(model, planted.asked, planted.fault())}
        if not planted.costly:
            found[name]["without"] = measured(model, planted.asked, nullcontext())
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
