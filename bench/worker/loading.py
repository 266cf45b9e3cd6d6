"""From a checkpoint to a model that is ready to be called, stage by stage.

On a CPU `from_pretrained` maps the weights and reads nothing: the first forward would pay. So the load ends with a first touch of
every parameter, timed as a stage of its own and part of the total.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.task import Task, Trait
from bench.domain.values import Json
from bench.worker import attention, stages
from bench.worker.failures import Refused

STAGES = ("import", "config", "construct", "read", "quantize", "tie", "place", "first_touch", "processor")
_PAGE = 4096


@dataclass(slots=True)
class Loaded:
    """A model with its processor. Stage seconds are exclusive; `total_s` was timed apart from them, by its own clock."""

    model: Any
    processor: Any
    device: str
    stage_s: Mapping[str, float]
    total_s: float
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


def load(model: ModelFacts, task: Task, requested: Mapping[str, Json]) -> Loaded:
    """Load MODEL for TASK as the case asks.

    Raises Refused where the class, the weights or the device cannot give what was asked; what transformers raises otherwise.
    """
    import torch

    folder = _folder(model)
    device = resolve_device(str(requested["device"]))
    watch = stages.Stopwatch()
    start = time.perf_counter()
    with watch.stage("config"):
        config = _config(model, folder)
    with watch.stage("import"):
        model_class = resolve_class(config, task)
    options = _options(model, requested)
    with stages.watched(watch, model_class):
        network, report = model_class.from_pretrained(folder, config=config, output_loading_info=True, **options)
    with watch.stage("place"):
        network = network.to(device)
        synchronize(device)
    with watch.stage("first_touch"):
        touch(network)
        synchronize(device)
    with watch.stage("processor"):
        processor = _processor(model, folder, requested)
    total_s = time.perf_counter() - start
    notes = _check_report(model, report)
    network.eval()
    torch.set_grad_enabled(False)
    facts: dict[str, Json] = {"weight_files": len(list(folder.glob("*.safetensors"))) or len(list(folder.glob("*.bin")))}
    return Loaded(
        model=network, processor=processor, device=device, stage_s=watch.seconds, total_s=total_s, notes=notes, facts=facts
    )


def _folder(model: ModelFacts) -> Path:
    if model.folder is None:
        msg = f"the checkpoint of {model.ref.name} is not on disk"
        raise Refused(msg, ReasonCode.MODEL_NOT_FOUND)
    return Path(model.folder)


def _config(model: ModelFacts, folder: Path) -> Any:
    from transformers import AutoConfig

    changes = {} if model.ref.num_labels is None else {"num_labels": model.ref.num_labels}
    return AutoConfig.from_pretrained(folder, trust_remote_code=model.ref.trust_remote_code, **changes)


def resolve_class(config: Any, task: Task) -> type[Any]:
    """Give the class that TASK loads CONFIG with: importing its module is what `load.import` times.

    Raises Refused where no Auto class of the task knows the config.
    """
    import transformers

    for name in task.auto_classes:
        mapping = getattr(transformers, name)._model_mapping  # noqa: SLF001 -- the public way loads the weights as well
        if type(config) in mapping:
            found = mapping[type(config)]
            chosen: type[Any] = _among(found, config) if isinstance(found, list | tuple) else found
            return chosen
    msg = (
        f"no class of transformers does {task.name} with a {config.model_type} model ({' and '.join(task.auto_classes)} have none)"
    )
    raise Refused(msg, ReasonCode.NO_TASK)


def _among(classes: Any, config: Any) -> Any:
    """Prefer, of several classes, the one that the checkpoint names."""
    named = {one.__name__: one for one in classes}
    return next((named[name] for name in config.architectures or () if name in named), classes[0])


def _options(model: ModelFacts, requested: Mapping[str, Json]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "dtype": requested["dtype"],
        "trust_remote_code": model.ref.trust_remote_code,
        "use_safetensors": None if model.ref.allow_pickle else True,
        "local_files_only": True,
    }
    asked = attention.implementation(str(requested["attention"]))
    return options if asked is None else {**options, "attn_implementation": asked}


def _processor(model: ModelFacts, folder: Path, requested: Mapping[str, Json]) -> Any:
    """Load the processor that covers the model's inputs: a Processor, an image processor or a tokenizer."""
    from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer

    options: dict[str, Any] = {"trust_remote_code": model.ref.trust_remote_code, "local_files_only": True}
    backend = requested.get("processor_backend", "auto")
    if Trait.IMAGE in model.traits and backend != "auto":
        options["backend"] = backend
    media = model.traits - {Trait.TEXT, Trait.GENERATES, Trait.EXPERTS}
    if not media:
        return AutoTokenizer.from_pretrained(folder, **options)
    if Trait.TEXT in model.traits:
        return AutoProcessor.from_pretrained(folder, **options)
    return AutoImageProcessor.from_pretrained(folder, **options)


def touch(network: Any) -> None:
    """Read one byte of every page of every parameter, so that lazily mapped weights are in memory."""
    import torch

    for parameter in network.parameters():
        if parameter.device.type == "cpu" and parameter.is_contiguous():
            parameter.detach().view(torch.uint8).view(-1)[::_PAGE].sum()


def resolve_device(asked: str) -> str:
    """Give the device that ASKED means here: for auto the first accelerator, else cpu. Raises Refused where it is not there."""
    import torch

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if asked == "auto":
        return "cpu" if accelerator is None else f"{accelerator.type}:0" if accelerator.type != "mps" else "mps"
    kind, _, index = asked.partition(":")
    if kind == "cpu":
        return "cpu"
    count = torch.accelerator.device_count() if accelerator is not None and accelerator.type == kind else 0
    if count <= int(index or 0):
        msg = f"device {asked} is not on this machine (it has cpu{f' and {count} {kind}' if count else ''})"
        raise Refused(msg, ReasonCode.NO_DEVICE)
    return asked


def synchronize(device: str) -> None:
    """Wait until DEVICE has done what it was given."""
    if device != "cpu":
        import torch

        torch.accelerator.synchronize()


def _check_report(model: ModelFacts, report: Any) -> tuple[str, ...]:
    """Refuse a model of which weights were initialised instead of read, unless the suite says so, and name what differed."""
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    unexpected = sorted(report["unexpected_keys"])
    if missing and not model.ref.fresh_head:
        msg = (
            f"{len(missing)} weights of the model are not in the checkpoint and would have been made up: {_some(missing)} "
            "(`fresh_head: true` on the model in the suite allows it)"
        )
        raise Refused(msg, ReasonCode.MISSING_WEIGHTS)
    notes = []
    if missing:
        notes.append(f"initialised, not read: {_some(missing)}")
    if unexpected:
        notes.append(f"in the checkpoint but not in the model: {_some(unexpected)}")
    return tuple(notes)


def _some(keys: list[str], at_most: int = 8) -> str:
    return ", ".join(keys[:at_most]) + (f" and {len(keys) - at_most} more" if len(keys) > at_most else "")
