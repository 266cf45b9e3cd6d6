"""Describing a model: one that is loaded, or by its facts alone, built on the meta device, so that no weight is read.

What a folder's checkpoint can do is asked of transformers itself: it loads tensors of the same names and shapes onto the meta
device, which compares all keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.domain.description import Description
from bench.domain.model import Kind, ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.models import presets, traits
from bench.models import weights as stored_weights
from bench.models.checkpoint import Checkpoint, read_folder
from bench.models.preset import Preset
from bench.models.refused import RefusedError
from bench.worker import building, tasks
from bench.worker.building import weights
from bench.worker.failures import Refused
from bench.worker.host import page_cache
from bench.worker.loads import keys, loading, resolving
from bench.worker.loads.keys import Keys
from bench.worker.network import sizes, submodels

_FLAGS = {"sdpa": "_supports_sdpa", "flash_attention_2": "_supports_flash_attn", "flex_attention": "_supports_flex_attn"}
_INPUTS = frozenset({Trait.TEXT, Trait.IMAGE, Trait.VIDEO, Trait.AUDIO})
_QUANTIZED = "the checkpoint is quantized: parameters and bytes are those of its class before"
_UNKNOWN = Keys(missing=("what is not known",))


def of_model(network: Any) -> Description:
    """Describe NETWORK, a model of transformers."""
    found = sizes.of(network)
    return Description(
        model_class=type(network).__name__,
        parameters=found.parameters,
        trainable=found.trainable,
        bytes=found.bytes,
        by_component=dict(found.size.get("component", {})),
        by_dtype=dict(found.size.get("dtype", {})),
        parameters_by_component=dict(found.count.get("component", {})),
        devices=dict(found.size.get("device", {})),
        attention={"eager": True, **{name: bool(getattr(network, flag, False)) for name, flag in _FLAGS.items()}},
        gradient_checkpointing=bool(network.supports_gradient_checkpointing),
    )


def of_facts(model: ModelFacts) -> Description:
    """Describe MODEL for its task, reading no weights.

    Raises Refused where its files are not on disk, or no class of transformers knows it.
    """
    remarks = tuple(refusal.reason for refusal in model.refusals)
    if model.ref.kind is Kind.PRESET and model.folder is None:
        return replace(_of_preset(presets.find(model.ref.where), model.task), remarks=remarks)
    if model.folder is None:
        raise Refused(remarks[0] if remarks else f"{model.ref.name} is not on disk", ReasonCode.MODEL_NOT_FOUND)
    told = _of_folder(model, Path(model.folder))
    return replace(told, remarks=(*told.remarks, *remarks))


def _of_preset(preset: Preset, task: str) -> Description:
    return replace(
        of_model(building.skeleton(preset, preset.tasks[task], saved=False)),
        processor_class=_recipe_s_processor(preset, task),
        tasks=tuple(preset.tasks),
        classes={name: head.model_class for name, head in preset.tasks.items()},
        submodels=tuple(preset.parts(task)),
        disk_bytes=preset.weight_bytes(task),
    )


def _recipe_s_processor(preset: Preset, task: str) -> str | None:
    """Name the processor that a trial of TASK would load."""
    media = [part for part in (preset.video_processor, preset.image_processor, preset.feature_extractor) if part is not None]
    takes = preset.traits(tasks.find(task).TASK)
    if preset.tokenizer is not None and takes <= {Trait.TEXT, Trait.GENERATES, Trait.EXPERTS}:
        return preset.tokenizer.tokenizer_class
    return preset.processor_class or (media[0].processor_class if media else None)


def _of_folder(model: ModelFacts, folder: Path) -> Description:
    config = resolving.read_config(model, folder)
    own = _own_class(config, model)
    files = page_cache.weight_files(folder)
    quantized = getattr(config, "quantization_config", None) is not None
    stored = {} if quantized else _stored(folder)
    network, found = _on_meta(own, config, stored)
    whole: dict[str, str] = {}
    fresh: dict[str, str] = {}
    seen = {own: found or Keys()}
    for name, kind in _classes(config, read_folder(folder), model.task):
        if kind not in seen:
            seen[kind] = _on_meta(kind, config, stored)[1] or _UNKNOWN
        (fresh if seen[kind].made_up else whole)[name] = kind.__name__
    return replace(
        of_model(network),
        processor_class=_processor_class(model, folder),
        tasks=tuple(sorted(whole, key=lambda name: (name != model.task, name))),
        classes=whole,
        fresh_head=fresh,
        submodels=submodels.named(network, model.traits),
        disk_bytes=sum(path.stat().st_size for path in files) if files else None,
        remarks=(_QUANTIZED,) if quantized else (),
    )


def _own_class(config: Any, model: ModelFacts) -> type[Any]:
    """Give the class that loads MODEL for its task: where it has none, the one that its config names."""
    import transformers

    if model.task:
        return resolving.resolve_class(config, tasks.find(model.task).TASK)
    named = next(iter(config.architectures or ()), "")
    found: type[Any] | None = getattr(transformers, named, None) if named else None
    if found is None:
        msg = f"no class of transformers is known for {model.ref.name}: its config names {named or 'none'}"
        raise Refused(msg, ReasonCode.NO_TASK)
    return found


def _classes(config: Any, checkpoint: Checkpoint, own: str) -> Iterator[tuple[str, type[Any]]]:
    """Give every task that a class of transformers does with CONFIG, with the class.

    Tasks but its OWN that take what the parts of CHECKPOINT's processor do not are left out, where it has such parts.
    """
    takes = traits.taken(checkpoint)
    for name, task in tasks.declared().items():
        if takes and name != own and not task.traits_of(checkpoint.architecture) & _INPUTS <= takes:
            continue
        try:
            yield name, resolving.resolve_class(config, task)
        except Refused:
            continue


def _on_meta(kind: type[Any], config: Any, stored: Mapping[str, Any]) -> tuple[Any, Keys | None]:
    """Build KIND on the meta device with the tensors STORED, and tell what became of their keys; None where none are known."""
    with _quietly():
        if not stored:
            return weights.skeleton(kind, config, str(config.dtype or "float32").removeprefix("torch.")), None
        floats = (tensor.dtype for tensor in stored.values() if tensor.is_floating_point())
        network, report = kind.from_pretrained(
            None,
            config=config,
            state_dict=dict(stored),
            dtype=config.dtype or next(floats),
            device_map="meta",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    return network, keys.read(report)


def _stored(folder: Path) -> dict[str, Any]:
    """Give the tensors of FOLDER's safetensors files by their names, on the meta device: headers say all of it.

    There are none where only pickles hold weights, which would have to be run to know.
    """
    import torch
    from safetensors import safe_open

    try:
        files = stored_weights.inspect(read_folder(folder), allow_pickle=True).files
    except RefusedError:
        return {}
    found = {}
    for name in files:
        if name.endswith(".safetensors"):
            with safe_open(str(folder / name), framework="pt") as file:
                slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 -- it is no mapping
                for key, one in slices.items():
                    dtype = getattr(torch, stored_weights.DTYPES[one.get_dtype()])
                    found[key] = torch.empty(one.get_shape(), dtype=dtype, device="meta")
    return found


def _processor_class(model: ModelFacts, folder: Path) -> str | None:
    """Name the processor's class as it loads here; None where it does not."""
    try:
        return type(loading.read_processor(model, folder)).__name__
    except (OSError, ValueError, ImportError, KeyError):
        return None


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep transformers from reporting on loads that nobody asked for."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
