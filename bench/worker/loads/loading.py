"""From a checkpoint to a model that is ready to be called, stage by stage.

On a CPU `from_pretrained` maps the weights and reads nothing: the first forward would pay. So the load ends with a first touch of
every parameter, timed as a stage of its own and part of the total.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.task import Task, Trait
from bench.domain.values import Json
from bench.models.checkpoint import VOCABULARIES
from bench.worker.failures import Refused
from bench.worker.host import memory, page_cache
from bench.worker.loads import asking, devices, keys, mapping, placement, resolving, stages
from bench.worker.material import apart, processor_files
from bench.worker.network import attention, experts, names, returned, storages
from bench.worker.parallel import sharing
from bench.worker.precision import casting, quantizing

STAGES = ("import", "config", "construct", "read", "quantize", "tie", "place", "first_touch", "processor")
_PAGE = 4096
_SPEECH = "automatic-speech-recognition"
_LETTERS_OF_AN_LM = "alphabet.json"
"""A file of a CTC decoder with a language model, whose processor needs pyctcdecode: of such the extractor alone is loaded."""


@dataclass(slots=True)
class Loaded:
    """A model with its processor. Stage seconds are exclusive; `total_s` was timed apart from them, by its own clock.

    `processor` is a Processor, or where the model's inputs need one part only, that part; None where none was to be loaded. `notes`
    are remarks for people, `facts` what was read off the load for the record. `processor_bytes` are those of the processor's files,
    `processor_growth_bytes` by how much resident memory grew while it was loaded; None where none was. `autocast` is what the case
    asks for around its calls, and `asked` all its axes, once it is known that they can be had. `draft` is the model that
    proposes tokens for this one to check, None where none does, and `engaged` the engine at work, once there is one.
    """

    model: Any
    processor: Any
    device: str
    stage_s: Mapping[str, float]
    total_s: float
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    processor_bytes: int | None = None
    processor_growth_bytes: int | None = None
    autocast: str = "none"
    asked: Mapping[str, Json] = field(default_factory=dict)
    draft: Any = None
    engaged: Any = None

    def calling(self) -> AbstractContextManager[object]:
        """Give what is around every call of the model: autocast where the case asks for it."""
        return casting.around(self.autocast, self.device)

    @property
    def stages(self) -> Mapping[str, float]:
        """Seconds by stage of the load."""
        return self.stage_s

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, None where there is none."""
        return self._part("tokenizer", "convert_tokens_to_ids")

    @property
    def image_processor(self) -> Any:
        """The image processor, None where there is none."""
        return self._part("image_processor", "image_mean")

    def _part(self, name: str, sign: str) -> Any:
        """Give the processor's part NAME, or the processor itself where it has the SIGN of one."""
        return getattr(self.processor, name, self.processor if hasattr(self.processor, sign) else None)


Choose = Callable[[Any], type[Any]]
"""Gives the model class for a config."""


def load(
    model: ModelFacts,
    task: Task | None,
    requested: Mapping[str, Json],
    *,
    choose: Choose | None = None,
    with_processor: bool = True,
) -> Loaded:
    """Load MODEL for TASK as the case asks; CHOOSE gives the class where the task does not.

    Raises Refused where the class, the weights or the device cannot give what was asked; what transformers raises otherwise.
    """
    folder = folder_of(model)
    files = page_cache.weight_files(folder)
    device = sharing.device_of_rank(devices.resolve(str(requested["device"])))
    casting.refuse(str(requested.get("autocast", "none")), device)
    source = asking.source(model, folder, requested)
    watch = stages.Stopwatch()
    start = time.perf_counter()
    with watch.stage("config"):
        config = resolving.read_config(model, source.name, source.looked_up)
        switched = returned.ask(config, requested)
    stored = None if config.dtype is None else str(config.dtype).removeprefix("torch.")
    with watch.stage("import"):
        model_class = choose(config) if choose is not None else resolving.resolve_class(config, _known(task, model))
        attention.refuse(model_class, config, requested, device)
        quantizing.begin(requested, config, device)
    with watch.stage(mapping.LOOKING):
        planned = quantizing.plan(requested, model_class, config, device)
    options = {
        **_options(model, requested),
        **source.options,
        **planned.options,
        **placement.options(model_class, config, requested, device),
    }
    mapped: list[bool] = []
    maps: list[Mapping[str, Any]] = []
    with ExitStack() as watching:
        watching.enter_context(stages.watched(watch, model_class, planned.pieces))
        watching.enter_context(quantizing.explained(planned))
        if "mmap" in requested:
            watching.enter_context(mapping.seen(files, watch, mapped))
        if placement.is_asked(requested):
            watching.enter_context(placement.seen(maps))
        network, report = model_class.from_pretrained(source.name, config=config, output_loading_info=True, **options)
    network = _ready(network, planned, device, watch, placed=placement.is_asked(requested))
    before = memory.resident_bytes()
    with watch.stage("processor") if with_processor else nullcontext():
        processor = _processor(model, folder, requested, source) if with_processor else None
    total_s = time.perf_counter() - start - watch.seconds.pop(mapping.LOOKING, 0.0)
    growth = memory.resident_bytes() - before
    found = keys.read(report)
    notes = (*keys.check(model.ref, network, found, resolving.stored_classes(folder)), *keys.converted(folder, stored))
    quantizing.check(planned, network)
    network.eval()
    facts: dict[str, Json] = {
        "weight_files": len(files),
        "mapped_bytes": mapping.held_bytes(storages.held(network), files),
        **({"checkpoint_dtype": stored} if stored else {}),
        **({"mmap": any(mapped)} if mapped else {}),
    }
    return Loaded(
        model=network,
        processor=processor,
        device=device,
        stage_s=watch.seconds,
        total_s=total_s,
        notes=notes,
        facts=facts
        | names.give(network, model.ref.parts)
        | switched
        | dict(found.facts)
        | dict(placement.facts(network, requested, device, maps)),
        processor_bytes=processor_files.size(processor, folder) if with_processor else None,
        processor_growth_bytes=growth if with_processor else None,
        autocast=str(requested.get("autocast", "none")),
    )


def _ready(network: Any, planned: quantizing.Planned, device: str, watch: stages.Stopwatch, *, placed: bool) -> Any:
    """Bring NETWORK onto DEVICE, unless it was PLACED there, quantize what loading left, and have all weights in memory."""
    with watch.stage("place"):
        network = network if placed or planned.options else network.to(device)
        synchronize(device)
    if planned.converts:
        with watch.stage("quantize"), quantizing.explained(planned):
            network = planned.convert(network)
    with watch.stage("first_touch"):
        touch(network)
        synchronize(device)
    return network


def _known(task: Task | None, model: ModelFacts) -> Task:
    if task is None:
        raise Refused(f"no task is known for {model.ref.name}: name one, or a model class", ReasonCode.NO_TASK)
    return task


def folder_of(model: ModelFacts) -> Path:
    """Give the folder of MODEL's checkpoint. Raises Refused where it is not on disk."""
    if model.folder is None or not Path(model.folder).is_dir():
        msg = f"the checkpoint of {model.ref.name} is not on disk" + (f": {model.folder} is no folder" if model.folder else "")
        raise Refused(msg, ReasonCode.MODEL_NOT_FOUND)
    return Path(model.folder)


def _options(model: ModelFacts, requested: Mapping[str, Json]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "dtype": requested["dtype"],
        "trust_remote_code": model.ref.trust_remote_code,
        "use_safetensors": None if model.ref.allow_pickle else True,
        "ignore_mismatched_sizes": True,  # transformers would not say which; they are refused by name
    }
    options |= experts.options(requested)
    if "mmap" in requested:
        options["disable_mmap"] = not requested["mmap"]
    asked = attention.implementation(str(requested["attention"]))
    return options if asked is None else {**options, "attn_implementation": asked}


def read_processor(model: ModelFacts, folder: Path) -> Any:
    """Load the processor that covers MODEL's inputs, with the backend that is its own choice."""
    return _processor(model, folder, {}, asking.Source(name=folder))


def _processor(model: ModelFacts, folder: Path, requested: Mapping[str, Json], source: asking.Source) -> Any:
    """Load the processor that covers the model's inputs from SOURCE: a Processor, or the one part that they need."""
    import transformers

    options: dict[str, Any] = {"trust_remote_code": model.ref.trust_remote_code, **source.options}
    backend = requested.get("processor_backend", "auto")
    if model.traits & {Trait.IMAGE, Trait.VIDEO} and backend != "auto":
        options["backend"] = backend
    loader = getattr(transformers, _processor_class(model, folder))
    try:
        found = loader.from_pretrained(source.name, **options)
    except (ImportError, AttributeError) as error:  # transformers 5.17 has a property `backend` there that cannot be set
        if "backend" not in options or not (isinstance(error, ImportError) or "'backend'" in str(error)):
            raise
        if Trait.VIDEO in model.traits or loader is not transformers.AutoProcessor:
            raise Refused(f"processor_backend {backend}: {error}", ReasonCode.NOT_IN_CLASS) from error
        found = _with_images_by(str(backend), loader, source.name, options)
    return apart.joined(found, model.traits, source.name, options)


def _with_images_by(backend: str, loader: Any, name: Path | str, options: Mapping[str, Any]) -> Any:
    """Load a processor whose images alone are prepared by BACKEND: that of the videos, which no input has, may know no other."""
    import transformers

    found = loader.from_pretrained(name, **{key: value for key, value in options.items() if key != "backend"})
    try:
        found.image_processor = transformers.AutoImageProcessor.from_pretrained(name, **options)
    except ImportError as error:
        raise Refused(f"processor_backend {backend}: {error}", ReasonCode.NOT_IN_CLASS) from error
    return found


def _processor_class(model: ModelFacts, folder: Path) -> str:
    """Name the Auto class of the processor for MODEL's inputs. What it writes is read where it can be, a CTC head's letters too."""
    media = model.traits & {Trait.IMAGE, Trait.VIDEO, Trait.AUDIO}
    if not media:
        return "AutoTokenizer"
    reads = any((folder / name).exists() for name in VOCABULARIES)
    spells = model.task == _SPEECH and not (folder / _LETTERS_OF_AN_LM).exists()
    if len(media) > 1 or ((model.traits & {Trait.TEXT, Trait.GENERATES} or spells) and reads):
        return "AutoProcessor"
    if Trait.VIDEO in media and (folder / "video_preprocessor_config.json").exists():
        return "AutoVideoProcessor"
    return "AutoFeatureExtractor" if Trait.AUDIO in media else "AutoImageProcessor"


def touch(network: Any) -> None:
    """Read one byte of every page of every parameter, so that lazily mapped weights are in memory."""
    import torch

    for tensor in storages.held(network):
        if tensor.device.type == "cpu" and tensor.is_contiguous():
            tensor.detach().view(-1).view(torch.uint8)[::_PAGE].sum()  # flat first: a scalar has no bytes to view


def synchronize(device: str) -> None:
    """Wait until DEVICE has done what it was given."""
    if device != "cpu":
        import torch

        torch.accelerator.synchronize()
