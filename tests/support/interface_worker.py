"""Uses the Python interface in a process of its own and prints what came of it as one JSON object, for the tests to judge.

Run as `python -m tests.support.interface_worker FOLDER`; presets are written below FOLDER. Each topic that fails says why under its
name, so that the others are judged all the same.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
QUANTIZED = {"quant_method": "bitsandbytes", "load_in_8bit": True}
TOPICS: dict[str, Callable[[Path], Any]] = {}


def run(folder: Path) -> dict[str, Any]:
    """Start this file and give what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.interface_worker", str(folder)]
    environment = {**os.environ, "BENCH_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def topic(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
    TOPICS[function.__name__] = function
    return function


def refused(call: Callable[[], Any]) -> list[str]:
    """Give the kind and the text of the error that CALL ends with."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 -- any error is what is asked for
        return [type(error).__name__, str(error)]
    return ["nothing", ""]


def picture() -> Any:
    from PIL import Image

    return Image.new("RGB", (120, 90), (200, 30, 30))


def shapes(tensors: Any) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


def altered(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Copy the checkpoint SOURCE to TARGET with the tensors that CHANGE makes of its own."""
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    tensors = load_file(target / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


@topic
def loading(_folder: Path) -> Any:
    from bench import describe, load_model

    loaded = load_model("tiny-gpt2", dtype="bfloat16", attention="sdpa")
    told = describe(loaded)
    return {
        "class": type(loaded.model).__name__,
        "dtype": str(loaded.model.dtype),
        "training": loaded.model.training,
        "device": loaded.device,
        "stages": dict(loaded.stages),
        "total_s": loaded.total_s,
        "tokenizer": type(loaded.tokenizer).__name__,
        "image_processor": loaded.image_processor,
        "parameters": told.parameters,
        "bytes": told.bytes,
        "counted": sum(parameter.numel() for parameter in loaded.model.parameters()),
        "by_component": dict(told.by_component),
        "by_dtype": dict(told.by_dtype),
        "devices": dict(told.devices),
        "processor_class": told.processor_class,
        "tree": str(told),
        "without": load_model("tiny-gpt2", load_processor=False).processor,
    }


@topic
def offloading(folder: Path) -> Any:
    import tempfile

    from bench import generate, load_model

    with patch.object(tempfile, "tempdir", str(folder)):
        loaded = load_model("tiny-gpt2", device_map={"max_memory": {"cpu": "1MB"}, "offload": "disk"})
    made = [str(one) for one in folder.glob("bench-offload-*")]
    return {"texts": len(generate(loaded, "a text", max_new_tokens=2)), "folders": made}


@topic
def describing(_folder: Path) -> Any:
    from bench import describe, load_model
    from bench.domain.procedure import PageCache
    from bench.models import cache, presets
    from bench.worker.host import page_cache

    loaded = load_model("tiny-llava")
    whole, named = describe(loaded), describe("tiny-llava")
    keys = (
        "model_class",
        "parameters",
        "bytes",
        "by_component",
        "by_dtype",
        "attention",
        "gradient_checkpointing",
        "processor_class",
    )
    load_model("tiny-bert")
    folder = cache.folder_of(presets.find("tiny-bert"), "fill-mask")
    moved = folder.with_name("never-loaded")
    folder.rename(moved)
    page_cache.plain_read_s(page_cache.weight_files(moved), PageCache.COLD)
    for path in page_cache.weight_files(moved):
        page_cache._evict(path)
    before = page_cache.resident_share(page_cache.weight_files(moved))
    told = describe(moved)
    after = page_cache.resident_share(page_cache.weight_files(moved))
    moved.rename(folder)
    return {
        "differences": [key for key in keys if getattr(whole, key) != getattr(named, key)],
        "large": describe("llava-1.5-7b").parameters,
        "resident": [before, after],
        "bert": [told.model_class, list(told.tasks), dict(told.classes), dict(told.fresh_head), told.parameters, told.disk_bytes],
        "bert_task": describe("tiny-bert", task="text-classification").model_class,
    }


@topic
def preset_tasks(_folder: Path) -> Any:
    """Every task of every preset: what describe says its class is, and what a trial would load."""
    from transformers import AutoConfig

    from bench.domain.model import Kind, ModelRef
    from bench.models import facts, presets
    from bench.worker import tasks
    from bench.worker.loads import resolving as core

    found = []
    for preset in map(presets.find, presets.names()):
        for name, head in preset.tasks.items():
            settings = {key: value for key, value in preset.config.items() if key != "model_type"}
            config = AutoConfig.for_model(str(preset.config["model_type"]), **settings)
            config.architectures = [head.model_class]
            known = facts.find(ModelRef(kind=Kind.PRESET, name=preset.name, where=preset.name, task=name), tasks.declared())
            loads = core.resolve_class(config, tasks.find(name).TASK).__name__
            found.append([preset.name, name, head.model_class, loads, len(known.refusals)])
    return found


@topic
def freezing(_folder: Path) -> Any:
    from bench import describe, freeze, load_model, unfreeze

    loaded = load_model("tiny-llava")
    whole = describe(loaded).trainable
    tower = freeze(loaded, "vision_tower")
    by_name = describe(loaded).trainable
    unfreeze(loaded.model)
    glob = freeze(loaded, "model.language_model.layers.*.mlp", "lm_head")
    after_glob = describe(loaded).trainable
    every = freeze(loaded)
    return {
        "whole": whole,
        "tower": tower,
        "by_name": by_name,
        "vision": describe(loaded).parameters_by_component["vision"],
        "glob": glob,
        "after_glob": after_glob,
        "every": every,
        "none": describe(loaded).trainable,
        "nothing": refused(lambda: unfreeze(loaded, "model.vision_tower", "visoin")),
        "unchanged": describe(loaded).trainable,
    }


@topic
def preparing(_folder: Path) -> Any:
    from bench import generate, load_model, prepare_inputs

    loaded = load_model("tiny-llava", dtype="bfloat16")
    red = picture()
    one = prepare_inputs(loaded, "What is this?", images=red)
    image = loaded.tokenizer.convert_tokens_to_ids("<image>")
    gpt2 = load_model("tiny-gpt2")
    alone = generate(gpt2, "a quiet machine gives", max_new_tokens=4)
    batch = generate(gpt2, ["a quiet machine gives", "a"], max_new_tokens=4)
    clip, bert = load_model("tiny-clip"), load_model("tiny-bert")
    return {
        "one": shapes(one),
        "dtype": str(one["pixel_values"].dtype),
        "placeholders": int((one["input_ids"] == image).sum()),
        "written": int((prepare_inputs(loaded, "USER: <image>\nwhat?", images=red)["input_ids"] == image).sum()),
        "two_in_one": int((prepare_inputs(loaded, "What are these?", images=[red, red])["input_ids"] == image).sum()),
        "list": shapes(prepare_inputs(loaded, ["What is this?", "And this one here?"], images=[red, red])),
        "ragged": prepare_inputs(loaded, ["What are these?", "And this?"], images=[[red, red], [red]])["input_ids"]
        .eq(image)
        .sum(1)
        .tolist(),
        "odd": refused(lambda: prepare_inputs(loaded, ["a", "b"], images=[red, red, red])),
        "foreign": refused(lambda: prepare_inputs(gpt2, "a", images=red)),
        "empty": refused(lambda: prepare_inputs(gpt2)),
        "clip": shapes(prepare_inputs(clip, ["a cat", "a dog", "none"], images=[red, red])),
        "texts": [
            len(generate(loaded, ["What is this?", "And this?"], images=[red, red], max_new_tokens=2)),
            len(alone),
            len(batch),
        ],
        "same_in_a_batch": alone[0] == batch[0],
        "prompt_left_out": not alone[0].startswith("a quiet machine"),
        "bert": refused(lambda: generate(bert, "a")),
    }


@topic
def hearing(_folder: Path) -> Any:
    import numpy as np

    from bench import generate, load_model, prepare_inputs
    from bench.worker.material import audio

    loaded = load_model("tiny-whisper")
    sound = np.zeros(16_000, dtype="float32")
    video = load_model("tiny-videomae")
    clip = [picture()] * 16
    return {
        "one": shapes(prepare_inputs(loaded, audio=sound)),
        "encoded": shapes(prepare_inputs(loaded, audio=audio.to_wav(sound, 16_000))),
        "list": len(generate(loaded, audio=[sound, sound], max_new_tokens=2)),
        "clip": shapes(prepare_inputs(video, video=clip)),
        "clips": shapes(prepare_inputs(video, video=[clip, clip])),
    }


@topic
def saving(folder: Path) -> Any:
    import torch

    from bench import load_model, move, save

    loaded = load_model("tiny-gpt2", dtype="float16")
    first = save(loaded, folder / "saved")
    again = load_model(first)
    mine, other = loaded.model.state_dict(), again.model.state_dict()
    equal = mine.keys() == other.keys() and all(torch.equal(mine[key], other[key]) for key in mine)
    write = loaded.model.save_pretrained

    def torn(target: Path) -> None:
        write(target)
        altered(target, target.with_name("other"), lambda tensors: tensors["transformer.h.0.ln_1.weight"].fill_(3.0)).replace(
            target.with_name("there")
        )
        (target / "model.safetensors").write_bytes((target.with_name("there") / "model.safetensors").read_bytes())

    loaded.model.save_pretrained = torn  # as a class would that writes what it does not hold
    return {
        "equal": equal,
        "task": type(again.model).__name__,
        "full": refused(lambda: save(again, first)),
        "torn": refused(lambda: save(loaded, folder / "torn")),
        "left": sorted(path.name for path in folder.iterdir() if "torn" in path.name),
        "moved": move(again, "cpu").device,
        "nowhere": refused(lambda: move(again, "cuda:7")),
    }


@topic
def keys(folder: Path) -> Any:
    from bench import load_model
    from bench.models import cache, presets

    load_model("tiny-bert")
    source = cache.folder_of(presets.find("tiny-bert"), "fill-mask")
    layer, other = "bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.0.output.dense.bias"
    torn = altered(source, folder / "dropped", lambda tensors: tensors.pop(layer))
    short = altered(source, folder / "short", lambda tensors: tensors.update({other: tensors[other][:-1].clone()}))
    more = altered(source, folder / "more", lambda tensors: tensors.update({"stranger": tensors[other].clone()}))
    labelled = load_model(source, task="text-classification", num_labels=7)
    return {
        "layer": layer,
        "dropped": refused(lambda: load_model(torn)),
        "head_only": refused(lambda: load_model(torn, fresh_head=True)),
        "short": refused(lambda: load_model(short)),
        "more": list(load_model(more).notes),
        "head": refused(lambda: load_model(source, task="text-classification")),
        "labels": labelled.model.config.num_labels,
        "named": list(labelled.notes),
        "facts": dict(labelled.facts),
    }


@topic
def files(folder: Path) -> Any:
    import shutil

    import torch

    from bench import describe, load_model
    from bench.models import cache, presets

    loaded = load_model("tiny-bert")
    source = cache.folder_of(presets.find("tiny-bert"), "fill-mask")
    pickled = folder / "pickled"
    shutil.copytree(source, pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({name: tensor.contiguous() for name, tensor in loaded.model.state_dict().items()}, pickled / "pytorch_model.bin")
    sharded = folder / "sharded"
    loaded.model.save_pretrained(sharded, max_shard_size="500KB")
    loaded.processor.save_pretrained(sharded)
    nameless = folder / "nameless"
    shutil.copytree(source, nameless)
    config = json.loads((nameless / "config.json").read_text(encoding="utf-8"))
    del config["model_type"]
    (nameless / "config.json").write_text(json.dumps(config), encoding="utf-8")
    quantized = folder / "quantized"
    shutil.copytree(source, quantized)
    config = {**json.loads((source / "config.json").read_text(encoding="utf-8")), "quantization_config": QUANTIZED}
    (quantized / "config.json").write_text(json.dumps(config), encoding="utf-8")
    allowed = load_model(pickled, allow_pickle=True)
    several = load_model(sharded)
    return {
        "pickled": refused(lambda: load_model(pickled)),
        "allowed": [type(allowed.model).__name__, allowed.facts["weight_files"], sum(allowed.stages.values()) / allowed.total_s],
        "sharded": [type(several.model).__name__, several.facts["weight_files"], sum(several.stages.values()) / several.total_s],
        "stages": sorted(several.stages),
        "quantized": refused(lambda: load_model(quantized)),
        "quantized_told": list(describe(quantized).remarks),
        "nameless": refused(lambda: load_model(nameless)),
        "family": type(load_model(nameless, model_type="bert").model).__name__,
        "other_family": refused(lambda: load_model(source, model_type="gpt2")),
        "by_class": type(load_model(source, model_class="BertModel").model).__name__,
        "by_auto_class": type(load_model(source, model_class="AutoModelForMaskedLM").model).__name__,
        "wrong_auto_class": refused(lambda: load_model(source, model_class="AutoModelForImageTextToText")),
    }


@topic
def hub(folder: Path) -> Any:
    import shutil

    from bench import describe, load_model
    from bench.models import cache, presets

    load_model("tiny-gpt2")
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = folder / "models--org--name"
    shutil.copytree(cache.folder_of(presets.find("tiny-gpt2"), "text-generation"), repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit, encoding="ascii")
    os.environ["HF_HUB_CACHE"] = str(folder)
    return {
        "main": type(load_model("org/name", local_files_only=True).model).__name__,
        "commit": type(load_model("org/name", revision=commit[:7]).model).__name__,
        "described": describe(f"org/name@{commit[:7]}").tasks[0],
        "missing": refused(lambda: load_model("org/name", revision="v2")),
    }


@topic
def refusals(_folder: Path) -> Any:
    from bench import load_model

    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "torch_dtype": ("tiny-gpt2", {"torch_dtype": "float16"}),
        "load_in_8bit": ("tiny-gpt2", {"load_in_8bit": True}),
        "low_cpu_mem_usage": ("tiny-gpt2", {"low_cpu_mem_usage": True}),
        "stranger": ("tiny-gpt2", {"strange": 1}),
        "vqa": ("tiny-blip", {"task": "vqa"}),
        "conditional_generation": ("tiny-t5", {"task": "conditional_generation"}),
        "AutoModelForVision2Seq": ("tiny-bert", {"model_class": "AutoModelForVision2Seq"}),
        "CLIPFeatureExtractor": ("tiny-bert", {"model_class": "CLIPFeatureExtractor"}),
        "quantization": ("tiny-gpt2", {"quantization": "no-such-method"}),
        "device_map": ("tiny-gpt2", {"device_map": "balanced"}),
        "dtype": ("tiny-gpt2", {"dtype": "float7"}),
        "device": ("tiny-gpt2", {"device": "cuda:7"}),
        "name": ("tiny-gtp2", {}),
        "hub": ("org/nothing", {"local_files_only": True}),
        "revision": ("tiny-gpt2", {"revision": "main"}),
    }
    return {key: refused(partial(load_model, name, **options)) for key, (name, options) in asked.items()}


def main() -> None:
    folder, found = Path(sys.argv[1]), {}
    for name, function in TOPICS.items():
        own = folder / name
        own.mkdir(parents=True)
        try:
            found[name] = function(own)
        except Exception:  # noqa: BLE001 -- the test of the topic shows it
            found[name] = {"failed": traceback.format_exc()}
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
