"""The Python interface: what a notebook or another project calls, and the worker alike.

The worker loads, describes, prepares and generates with the same functions, so that what is measured is what is used here.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.domain import axes
from bench.domain.description import Description
from bench.domain.errors import UsageError
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.models import naming, renamed
from bench.worker import built, steps
from bench.worker import tasks as known_tasks
from bench.worker.failures import Refused
from bench.worker.host import libraries
from bench.worker.learning import freezing
from bench.worker.loads import classes, devices, finding, loading, saving
from bench.worker.loads.loading import Loaded
from bench.worker.material import preparing
from bench.worker.network import answers, description, observe


def load_model(  # noqa: PLR0913 -- what users choose, each by its name
    name: str | Path,
    task: str | None = None,
    model_type: str | None = None,
    model_class: str | type | None = None,
    *,
    dtype: Any = "auto",
    quantization: str | Mapping[str, Json] = "none",
    attention: str = "auto",
    device: str | None = None,
    device_map: str | Mapping[str, Json] | None = None,
    max_memory: Mapping[str | int, str | int] | None = None,
    num_labels: int | None = None,
    revision: str | None = None,
    load_processor: bool = True,
    local_files_only: bool = False,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    fresh_head: bool = False,
    **others: object,
) -> Loaded:
    """Load NAME, a preset, a folder or `org/name` of the Hub with REVISION, and its processor; the load's stages come with them.

    TASK chooses the class, by default the model's first; MODEL_CLASS names it instead (a class of transformers or an Auto class).
    MODEL_TYPE is the family of a checkpoint whose config names none. DTYPE, QUANTIZATION, ATTENTION and DEVICE_MAP take the values
    of a suite's axes; DEVICE is the first accelerator, else the CPU, and `loaded.device` says which. NUM_LABELS gives the head that
    many classes; its weights are then new, as FRESH_HEAD allows for any head, and are named in `loaded.notes`. A preset is written
    into the cache the first time.

    Raises UsageError for what cannot be asked, TypeError for an argument that has another name, Refused for what cannot be had
    here, never giving something else instead; what transformers raises otherwise.
    """
    _refuse_others(others)
    libraries.import_all()
    asked: dict[str, Json] = {
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": quantization,
        "attention": attention,
        "device": device or "auto",
        "device_map": _device_map(device_map, max_memory),
    }
    _check(asked)
    ref = replace(
        naming.name_model(str(name), task=_known(task), revision=revision),
        num_labels=num_labels,
        model_type=model_type,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        fresh_head=fresh_head,
    )
    model = finding.on_disk(ref, local_files_only=local_files_only, any_class=model_class is not None)
    chosen = None if not model.task else known_tasks.find(model.task).TASK
    choose = None if model_class is None else lambda config: classes.named(model_class, config)
    loaded = loading.load(model, chosen, asked, choose=choose, with_processor=load_processor)
    facts = observe.of_model(loaded)
    observe.refuse_differences(asked, facts | observe.spell_as_requested(asked, facts))
    return loaded


def describe(model: Any, task: str | None = None, *, revision: str | None = None, local_files_only: bool = False) -> Description:
    """Describe MODEL: what `load_model` gave, a model of transformers, or a name as `load_model` takes it, reading no weights.

    By name it is the class of TASK, the model's first where there is none. Raises UsageError where nothing has that name, Refused
    where no class of transformers knows it.
    """
    if isinstance(model, Loaded):
        processor = None if model.processor is None else type(model.processor).__name__
        return replace(description.of_model(model.model), processor_class=processor, remarks=model.notes)
    if not isinstance(model, str | Path):
        return description.of_model(model)
    libraries.import_all()
    ref = naming.name_model(str(model), task=_known(task), revision=revision)
    return description.of_facts(finding.find(ref, local_files_only=local_files_only))


def freeze(model: Any, *patterns: str) -> int:
    """Keep the parameters that PATTERNS take, all where there are none, from training, and give their number.

    A pattern is the name of a module or a glob, and takes everything below it. Raises UsageError where one matches nothing.
    """
    return freezing.set_trainable(_network(model), patterns, trainable=False)


def unfreeze(model: Any, *patterns: str) -> int:
    """Let the parameters that PATTERNS take, all where there are none, be trained, and give their number.

    Raises UsageError where a pattern matches nothing.
    """
    return freezing.set_trainable(_network(model), patterns, trainable=True)


def prepare_inputs(
    loaded: Loaded, text: Any = None, *, images: Any = None, audio: Any = None, video: Any = None, **tensors: Any
) -> dict[str, Any]:
    """Give the tensors to call LOADED's model with, on its device and floating ones in its dtype.

    Each of TEXT, IMAGES (PIL, array, tensor, encoded bytes or a path), AUDIO (samples at the extractor's rate, WAV bytes or a path)
    and VIDEO (frames) is one or a list. Placeholders or the chat template are added where the processor wants them and the text has
    none. TENSORS are passed on: what no processor makes. Raises UsageError where the model does not take what is given, Refused
    where its processor says so.
    """
    return preparing.prepare(loaded, text, {Trait.IMAGE: images, Trait.AUDIO: audio, Trait.VIDEO: video}, tensors)


def generate(
    loaded: Loaded,
    text: Any = None,
    *,
    images: Any = None,
    audio: Any = None,
    video: Any = None,
    max_new_tokens: int = 32,
    **options: Any,
) -> list[str]:
    """Generate at most MAX_NEW_TOKENS tokens for each text and give them as texts, without the prompt. OPTIONS go to `generate`.

    Raises UsageError where the model does not generate, does not take what is given, or has no tokenizer to write texts with.
    """
    import torch

    if not loaded.model.can_generate():
        raise UsageError(f"{type(loaded.model).__name__} does not generate: load it for a task that does, such as text-generation")
    tensors = prepare_inputs(loaded, text, images=images, audio=audio, video=video)
    answers.require_tokenizer(loaded)
    if "labels" in tensors:
        raise UsageError(f"{type(loaded.model).__name__} takes no prompt: its processor makes labels of a text. Leave text out")
    with torch.inference_mode():
        tokens = loaded.model.generate(**steps.of_generation(tensors), max_new_tokens=max_new_tokens, **options)
    return answers.detokenize(loaded, _without_prompt(tokens, tensors.get("input_ids")))


def move(loaded: Loaded, device: str) -> Loaded:
    """Move LOADED's model to DEVICE and give LOADED. Raises Refused where the device is not here."""
    loaded.device = devices.resolve(device)
    loaded.model.to(loaded.device)
    loading.synchronize(loaded.device)
    return loaded


def save(loaded: Loaded, folder: str | Path) -> Path:
    """Write LOADED's model and processor into FOLDER as a checkpoint, and give the folder.

    Raises UsageError where FOLDER holds something, Refused where what was written does not load equal.
    """
    path = Path(folder).expanduser()
    saving.save(loaded, path)
    return path


def _device_map(device_map: str | Mapping[str, Json] | None, max_memory: Mapping[str | int, str | int] | None) -> Json:
    if max_memory is None:
        return device_map or "none"
    if device_map not in {None, "auto"}:
        raise UsageError('max_memory goes with device_map="auto"')
    return {"max_memory": {str(place): amount for place, amount in max_memory.items()}}


def _check(asked: Mapping[str, Json]) -> None:
    """Refuse values that no axis knows, and then those that this version does not have yet."""
    for name, value in asked.items():
        axis = axes.BY_NAME[name]
        if not axis.knows(value):
            known = ", ".join(str(choice) for choice in axis.choices)
            raise UsageError(f"{name} {value!r} is not known (knows: {known})")
    refusal = built.refusal(asked)
    if refusal is not None:
        raise Refused(refusal.reason, refusal.reason_code)


def _known(task: str | None) -> str | None:
    """Give TASK, unless it is the name that something else has for it."""
    other = None if task is None else renamed.renamed_task(task)
    if other is not None:
        raise UsageError(other)
    return task


def _refuse_others(others: Mapping[str, object]) -> None:
    for name in others:
        now = renamed.OPTIONS.get(name)
        raise TypeError(f"load_model() does not take {name}: {now}" if now else f"load_model() got an unexpected argument {name!r}")


def _network(model: Any) -> Any:
    return model.model if isinstance(model, Loaded) else model


def _without_prompt(tokens: Any, prompt: Any) -> Any:
    """Cut the prompt off, where a generation gives it back."""
    length = 0 if prompt is None else prompt.shape[1]
    repeats = tokens.shape[1] >= length and bool((tokens[:, :length] == prompt).all()) if length else False
    return tokens[:, length:] if repeats else tokens
