"""Loads tiny models quantized, in a process of its own, and prints what came of it as one JSON object, for the tests to judge.

Run as `python -m tests.support.quantized_worker FOLDER`; presets are written below FOLDER. Planted loaders are patched in here.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, cast
from unittest.mock import patch

from tests.support import packed_checkpoints
from tests.support.interface_worker import refused

ROOT = Path(__file__).resolve().parents[2]
SAID: dict[str, dict[str, Any]] = {
    "unknown": {"quant_method": "nonsense"},
    "unnamed": {"bits": 4},
    "hqq": {"quant_method": "hqq"},
    "higgs": {"quant_method": "higgs"},
    "mxfp4": {"quant_method": "mxfp4"},
}
"""What a config may say of weights that are plain."""
METHODS = (
    "bnb-int8", "bnb-nf4", "bnb-nf4-dq", "bnb-fp4", "torchao-int8", "torchao-int4", "torchao-float8", "quanto-int8", "quanto-int4",
    "dynamic-int8",
)  # fmt: skip


def run(folder: Path) -> dict[str, Any]:
    """Start this file and give what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.quantized_worker", str(folder)]
    environment = {**os.environ, "BENCH_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def walked(model: Any) -> int:
    """Sum the bytes of every storage that is reached from MODEL, by another walk than the tested one: through all objects."""
    import torch

    seen: dict[int, int] = {}
    known: set[int] = set()
    buffers = {id(buffer) for buffer in model.buffers()}
    todo: list[Any] = [model]
    while todo:
        one = todo.pop()
        if id(one) in known or id(one) in buffers:
            continue
        known.add(id(one))
        if isinstance(one, torch.Tensor):
            if not hasattr(one, "__tensor_flatten__"):
                seen[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
            todo += list(vars(one).values()) if hasattr(one, "__dict__") else []
        elif isinstance(one, dict):
            todo += list(one.values())
        elif isinstance(one, list | tuple | set):
            todo += list(one)
        elif isinstance(one, torch.nn.Module) or type(one).__module__.startswith("bitsandbytes"):
            todo += list(vars(one).values())
    return sum(seen.values())


def described(loaded: Any) -> dict[str, Any]:
    from bench.worker.network import sizes
    from bench.worker.precision import quantized

    found = sizes.of(loaded.model)
    return {
        **quantized.facts(loaded.model),
        "bytes": found.bytes,
        "walked": walked(loaded.model),
        "parameters": found.parameters,
        "by_dtype": sum(found.size["dtype"].values()),
        "by_component": sum(found.size["component"].values()),
        "quantize_s": loaded.stages.get("quantize", 0.0),
    }


def every_method(load: Callable[..., Any]) -> dict[str, Any]:
    import torch

    tokens = torch.arange(8)[None]
    found: dict[str, Any] = {}

    def keep(name: str) -> None:
        found[name] = load("tiny-llama", dtype="float32", quantization=name)

    for method in ("none", *METHODS):
        why = refused(partial(keep, method))
        if method not in found:
            found[method] = {"refused": why}
            continue
        loaded = found[method]
        told = described(loaded)
        logits = loaded.model(tokens).logits.float()
        found[method] = {**told, "logits": logits, "after": described(loaded)["bytes"]}
    plain = found["none"]["logits"]
    for told in found.values():
        if "logits" in told:
            told["cosine"] = float(torch.nn.functional.cosine_similarity(told.pop("logits").flatten(), plain.flatten(), dim=0))
    return found


def parts(load: Callable[..., Any]) -> dict[str, Any]:
    """Load BLIP and a model of vision and language with and without their vision tower, and ask for what cannot be."""
    found: dict[str, Any] = {}
    for name, skip in (("tiny-blip", "vision_model"), ("tiny-llava", "vision_model")):
        found[name] = described(load(name, quantization="bnb-nf4"))
        asked = {"method": "bnb-nf4", "skip": [skip], "compute_dtype": "bfloat16"}
        found[f"{name} without"] = described(load(name, quantization=asked))
    found["one layer"] = described(load("tiny-llama", quantization={"method": "torchao-int8", "skip": ["layers.1", "*.mlp"]}))
    refusals: dict[str, dict[str, Any]] = {
        "nothing": {"quantization": {"method": "bnb-int8", "skip": ["nothing"]}},
        "all": {"quantization": {"method": "bnb-int8", "skip": ["language"]}},
        "compute": {"quantization": {"method": "torchao-int8", "compute_dtype": "bfloat16"}},
        "none": {"quantization": {"method": "none", "skip": ["lm_head"]}},
        "no checkpoint": {"quantization": "checkpoint"},
        "dtype": {"quantization": "dynamic-int8", "dtype": "bfloat16"},
    }
    for said, options in refusals.items():
        found[said] = refused(partial(load, "tiny-llama", **options))
    methods = ("torchao-int8", "quanto-int8")
    found["gpt2"] = {name: refused(partial(load, "tiny-gpt2", quantization=name)) for name in methods}
    found["gpt2 bnb"] = described(load("tiny-gpt2", quantization="bnb-int8"))
    found["moe"] = described(load("tiny-qwen3-moe", quantization="torchao-int8"))
    found["clip"] = refused(lambda: load("tiny-clip", quantization="torchao-int8"))
    with patch("bitsandbytes.functional.has_avx512bf16", lambda: True):
        found["shape"] = refused(lambda: load("tiny-vit", quantization="bnb-nf4"))
    return found


def planted(load: Callable[..., Any]) -> dict[str, list[str]]:
    """Load with loaders that do something else than they were asked for."""
    import torch
    from transformers import PreTrainedModel

    own = cast("MethodType", PreTrainedModel.from_pretrained).__func__

    def without(*names: str, **instead: Any) -> Any:
        def loader(kind: Any, *arguments: Any, **options: Any) -> Any:
            return own(kind, *arguments, **{**{name: value for name, value in options.items() if name not in names}, **instead})

        return patch.object(PreTrainedModel, "from_pretrained", classmethod(loader))

    def half(kind: Any, *arguments: Any, **options: Any) -> Any:
        made, report = own(kind, *arguments, **options)
        layer = made.model.layers[0].mlp
        layer.up_proj = torch.nn.Linear(layer.up_proj.in_features, layer.up_proj.out_features, bias=False)
        return made, report

    found = {}
    with without("quantization_config", "device_map"):
        found["quantization"] = refused(lambda: load("tiny-llama", quantization="bnb-int8"))
    with without("dtype", dtype="float32"):
        found["dtype"] = refused(lambda: load("tiny-llama", dtype="bfloat16"))
    with without("dtype", dtype="bfloat16"):
        found["auto"] = refused(lambda: load("tiny-llama"))
    with patch.object(PreTrainedModel, "from_pretrained", classmethod(half)):
        found["one layer"] = refused(lambda: load("tiny-llama", quantization="bnb-int8"))
    return found


def checkpoints(load: Callable[..., Any], folder: Path) -> dict[str, Any]:
    """Save quantized models, and load what was saved as it is found."""
    import bench

    found: dict[str, Any] = {}
    for method in ("bnb-int8", "bnb-nf4-dq", "torchao-int8"):
        loaded = load("tiny-llama", dtype="bfloat16", quantization=method)
        place = folder / f"saved-{method}"
        found[method] = described(loaded)["bytes"]
        bench.save(loaded, place)
        found[f"{method} again"] = described(load(place, quantization="checkpoint"))
        found[f"{method} as none"] = refused(partial(load, place))
    quanto: Any = load("tiny-llama", quantization="quanto-int8") if "quanto-int8" in METHODS else None
    found["quanto"] = refused(lambda: bench.save(quanto, folder / "quanto"))
    packed = load("tiny-llama", quantization="bnb-nf4")
    next(iter(packed.model.model.layers)).mlp.up_proj.weight.quant_state.packing_format_for_cpu = True
    found["packed"] = refused(lambda: bench.save(packed, folder / "packed"))
    return found


def of_others(load: Callable[..., Any], folder: Path) -> dict[str, Any]:
    """Load checkpoints that other tools quantized, and such as say that somebody did."""
    import bench

    found: dict[str, Any] = {}
    plain = load("tiny-llama", dtype="float32")
    bench.save(plain, folder / "plain")
    for name in packed_checkpoints.CONFIGS:
        found[name] = as_found(load, packed_checkpoints.write(folder / "plain", folder / f"packed-{name}", name), plain)
    for name, said in SAID.items():
        packed_checkpoints.say(folder / "plain", said)
        found[name] = refused(partial(load, folder / "plain", quantization="checkpoint"))
    return found


def as_found(load: Callable[..., Any], place: Path, plain: Any) -> dict[str, Any]:
    """Load the checkpoint at PLACE, which PLAIN is without quantization, and describe it before and after its first call."""
    import torch

    kept: list[Any] = []
    why = refused(lambda: kept.append(load(place, quantization="checkpoint")))
    if not kept:
        return {"refused": why}
    told, tokens = described(kept[0]), torch.arange(8)[None]
    ours, theirs = (one.model(tokens).logits.float().flatten() for one in (kept[0], plain))
    after = described(kept[0])
    return {
        **told,
        "stored": packed_checkpoints.stored_bytes(place),
        "cosine": float(torch.nn.functional.cosine_similarity(ours, theirs, dim=0)),
        "share_after": after["quantized_share"],
        "parameters_after": after["parameters"],
    }


def main() -> None:
    import torch

    from bench import load_model

    folder = Path(sys.argv[1])
    answers: dict[str, Any] = {}
    topics: dict[str, Callable[[], Any]] = {
        "methods": lambda: every_method(load_model),
        "parts": lambda: parts(load_model),
        "planted": lambda: planted(load_model),
        "checkpoints": lambda: checkpoints(load_model, folder),
        "of others": lambda: of_others(load_model, folder),
    }
    with torch.inference_mode():
        for name, call in topics.items():
            try:
                answers[name] = call()
            except Exception:  # noqa: BLE001 -- the other topics are judged all the same
                answers[name] = {"failed": traceback.format_exc()}
    print(json.dumps(answers))  # noqa: T201 -- that is what it is for


if __name__ == "__main__":
    main()
