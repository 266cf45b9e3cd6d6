"""Builds presets in a process of its own and prints what came of it as one JSON object, for the tests to judge.

Run as `python -m tests.support.preset_worker FOLDER`, it writes every small preset into FOLDER, loads each as users do and tells
what it found; with `--plain` in front it counts every preset without weights and writes a few, as if there were no torchvision.
"""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.models import presets
from bench.models.preset import Preset

ROOT = Path(__file__).resolve().parents[2]
TWICE = ("tiny-clip", "tiny-qwen3-moe", "tiny-qwen3-omni")
TEXT = "A quiet machine gives STEADY numbers: 12 345, naïve café, 日本."
SHARD_BYTES = 1_500_000


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start this file in a process of its own; all of them use one core."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.preset_worker", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> Any:
    """Wait for PROCESS and give what it printed."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


def main() -> None:
    if sys.argv[1] == "--plain":
        hide_torchvision()
        found = count_and_write(Path(sys.argv[2]))
    else:
        found = write_and_load(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(found) + "\n")


def hide_torchvision() -> None:
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] == "torchvision" else find(name, *rest)


def count_and_write(folder: Path) -> dict[str, Any]:
    from bench.worker import building

    counts: dict[str, Any] = {}
    for name in presets.names():
        preset = presets.find(name)
        known: dict[Any, list[int]] = {}
        for task, head in preset.tasks.items():
            kind = (head.model_class, head.saved_as)
            if kind not in known:
                own = count(building.skeleton(preset, head, saved=False))
                known[kind] = [own, own if head.saved_as is None else count(building.skeleton(preset, head))]
            counts[f"{name}/{task}"] = known[kind]
    for name in TWICE:
        preset = presets.find(name)
        building.write(preset, preset.default_task, folder / name)
    return {"counts": counts, "torchvision": importlib.util.find_spec("torchvision") is not None}


def write_and_load(folder: Path) -> dict[str, Any]:
    from bench.worker import building

    found: dict[str, Any] = {}
    for name in (name for name in presets.names() if name.startswith("tiny-")):
        preset = presets.find(name)
        (folder / name).mkdir()
        known: dict[Any, Any] = {}  # tasks of one class have one checkpoint
        for task, head in preset.tasks.items():
            if head.model_class not in known:
                building.write(preset, task, folder / name / task)
                known[head.model_class] = weights(preset, task, folder / name / task)
            found[f"{name}/{task}"] = known[head.model_class]
        found[name] = processors(preset, folder / name / preset.default_task)
    found["sharded"] = sharded(presets.find("tiny-llama"), folder)
    return found


def count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def weights(preset: Preset, task: str, folder: Path) -> dict[str, Any]:
    """Load the checkpoint with the class of the task and tell what was missing, left over or did not fit, and the linear layers."""
    import transformers

    model_class = getattr(transformers, preset.tasks[task].model_class)
    config = transformers.AutoConfig.from_pretrained(folder)
    model, report = model_class.from_pretrained(folder, output_loading_info=True)
    return {
        **{kind: sorted(map(str, report[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")},
        "architectures": config.architectures,
        "parameters": count(model),
        "finite": all(bool(parameter.isfinite().all()) for parameter in model.parameters()),
        "constant": [name for name, parameter in model.named_parameters() if parameter.ndim > 1 and float(parameter.std()) == 0.0],
        "scalars": {name: float(parameter) for name, parameter in model.named_parameters() if parameter.ndim == 0},
        "stored_bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        "vocab_size": config.get_text_config(decoder=True).vocab_size if preset.tokenizer else None,
        "linear": [[name, *sides(module)] for name, module in model.named_modules() if sides(module)],
    }


def sides(module: Any) -> list[int]:
    """Give what goes into a linear layer and what comes out, nothing for other modules."""
    kind = type(module).__name__
    if kind == "Linear":
        return [module.in_features, module.out_features]
    return [module.weight.shape[0], module.weight.shape[1]] if kind == "Conv1D" else []


def processors(preset: Preset, folder: Path) -> dict[str, Any]:
    import transformers

    kinds = {
        "AutoTokenizer": preset.tokenizer,
        "AutoImageProcessor": preset.image_processor,
        "AutoProcessor": preset.processor_class,
    }
    kinds |= {"AutoFeatureExtractor": preset.feature_extractor, "AutoVideoProcessor": preset.video_processor}
    loaded = {kind: getattr(transformers, kind).from_pretrained(folder) for kind, needed in kinds.items() if needed}
    classes = {kind: type(one).__name__ for kind, one in loaded.items()}
    return {"classes": classes, **(encoded(loaded["AutoTokenizer"], preset) if preset.tokenizer else {})}


def encoded(tokenizer: Any, preset: Preset) -> dict[str, Any]:
    assert preset.tokenizer is not None
    several = tokenizer([TEXT, "short"], padding=True)
    cut, pair = tokenizer(TEXT, truncation=True, max_length=6), tokenizer("one", "two")
    return {
        "length": len(tokenizer),
        "ids": sorted({number for ids in (*several["input_ids"], pair["input_ids"]) for number in ids}),
        "cut": tokenizer.convert_ids_to_tokens(cut["input_ids"]),
        "pair": [tokenizer.convert_ids_to_tokens(pair["input_ids"]), pair.get("token_type_ids")],
        "padded": [len(ids) for ids in several["input_ids"]],
        "padding_first": several["attention_mask"][1][0] == 0,
        "text": tokenizer.decode(tokenizer(TEXT)["input_ids"], skip_special_tokens=True),
        "roles": {role: getattr(tokenizer, role) for role in preset.tokenizer.roles},
        "fixed": {token: tokenizer.encode(token, add_special_tokens=False) for token in preset.tokenizer.fixed()},
    }


def sharded(preset: Preset, folder: Path) -> dict[str, Any]:
    """Write PRESET in several files by three processes, and with another seed; tell how the weights compare with one file's."""
    from unittest.mock import patch

    import torch
    import transformers

    from bench.worker import building
    from bench.worker.building import weights

    several = dataclasses.replace(preset, max_shard_bytes=SHARD_BYTES)
    with patch.object(weights, "_hands", return_value=3):
        building.write(several, preset.default_task, folder / "sharded")
    building.write(preset, preset.default_task, folder / "other", seed=1)
    paths = (folder / preset.name / preset.default_task, folder / "sharded", folder / "other")
    one, many, other = (transformers.AutoModelForCausalLM.from_pretrained(path).state_dict() for path in paths)
    return {
        "files": sorted(path.name for path in (folder / "sharded").glob("*.safetensors*")),
        "equal": all(torch.equal(one[name], many[name]) for name in one),
        "other_differs": not torch.equal(one["lm_head.weight"], other["lm_head.weight"]),
    }


if __name__ == "__main__":
    main()
