"""What is known of a model before a weight is read: from a preset's recipe, or from the files of a folder or of the Hub's cache.

Nothing here imports torch or trusts a file. What is wrong with a model becomes a refusal of its cases; what is wrong with the
suite that names it is raised, for the suite has a line to say it at.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.task import Task
from bench.domain.values import Json
from bench.models import fingerprint, hub, limits, mismatches, preset, presets, submodels, traits, weights
from bench.models.checkpoint import CONFIG, Checkpoint, read_folder
from bench.models.digests import Digests
from bench.models.documents import text
from bench.models.hub import Hub
from bench.models.refused import NoFolderError, RefusedError, UnknownTaskError
from bench.models.weights import Weights

__all__ = ["Digests", "Hub", "NoFolderError", "UnknownTaskError", "find"]

_Answer = TypeVar("_Answer")


def find(
    ref: ModelRef, tasks: Mapping[str, Task], *, seed: int = 0, hub: Hub | None = None, digests: Digests | None = None
) -> ModelFacts:
    """Find out what is known of REF for one of TASKS, the declarations by name. SEED is that of a preset's weights.

    HUB and DIGESTS are this machine's own where they are None. Raises UnknownTaskError where REF names a task that the model or
    TASKS lack, UnknownSubmodelError where it names a part that its preset is known to lack, NoFolderError where its path is no
    folder, UsageError where its preset is not known. Everything else that is wrong is among the refusals of the answer.
    """
    if ref.kind is Kind.PRESET:
        return submodels.narrowed(_of_preset(ref, tasks, seed))
    if ref.task is not None:
        traits.choose_task(ref.task, tasks, tasks, "this version")
    digests = digests or Digests()
    facts = (
        _of_folder(ref, Path(ref.where), tasks, digests) if ref.kind is Kind.PATH else _of_hub(ref, tasks, hub or Hub(), digests)
    )
    digests.save()
    return submodels.narrowed(facts)


def _of_preset(ref: ModelRef, tasks: Mapping[str, Task], seed: int) -> ModelFacts:
    recipe = presets.find(ref.where)
    task = traits.choose_task(ref.task or recipe.default_task, recipe.tasks, tasks, f"preset {recipe.name}")
    submodels.check(recipe.name, ref.submodel, recipe.parts(task.name))
    checkpoint = Checkpoint(folder=Path(), files=frozenset(), documents={CONFIG: recipe.config})
    return ModelFacts(
        ref=ref,
        task=task.name,
        content=preset.content(recipe, task.name, seed),
        traits=recipe.traits(task) | traits.of_config(checkpoint.config),
        limits=limits.of_config(checkpoint.config, checkpoint.text_config),
        parameters=recipe.count(task.name),
        weight_bytes=recipe.weight_bytes(task.name),
        notes={"architecture": recipe.tasks[task.name].model_class, "model_type": checkpoint.model_type, "quantization": ""},
    )


def _of_hub(ref: ModelRef, tasks: Mapping[str, Task], reached: Hub, digests: Digests) -> ModelFacts:
    try:
        snapshot = hub.locate(ref, reached)
    except RefusedError as error:
        content = fingerprint.named({"hub": ref.where, "revision": ref.revision})
        own = tasks[ref.task].traits if ref.task is not None else frozenset()
        return ModelFacts(ref=ref, task=ref.task or "", content=content, traits=own, refusals=(error.refusal,))
    return _of_folder(ref, snapshot.folder, tasks, digests, snapshot.commit)


def _of_folder(ref: ModelRef, folder: Path, tasks: Mapping[str, Task], digests: Digests, commit: str | None = None) -> ModelFacts:
    checkpoint = _open(ref, folder)
    refusals = list(checkpoint.refusals or _strange(checkpoint, ref))
    nothing = Weights(files=())
    found = _attempt(lambda: weights.inspect(checkpoint, allow_pickle=ref.allow_pickle), nothing, refusals)
    wrong: Json = [refusal.reason for refusal in refusals]
    content = _attempt(lambda: fingerprint.content(checkpoint, found.files, digests, with_code=ref.trust_remote_code), "", refusals)
    if wrong or not content:  # folders whose faults differ are not the same, though what could be read of them may be
        content = fingerprint.named({"unreadable": wrong, "read": content})
    task = _attempt(lambda: _task(checkpoint, ref, tasks), None, refusals)
    if task is not None and not checkpoint.refusals:
        refusals += _attempt(lambda: mismatches.find(checkpoint, task), (), refusals)
    return ModelFacts(
        ref=ref,
        task=task.name if task is not None else ref.task or "",
        content=content,
        folder=str(folder),
        commit=commit,
        traits=traits.of_checkpoint(checkpoint, task),
        limits=limits.of_config(checkpoint.config, checkpoint.text_config),
        refusals=tuple(dict.fromkeys(refusals)),
        parameters=found.elements,
        weight_bytes=found.stored_bytes,
        notes={
            "architecture": checkpoint.architecture,
            "model_type": checkpoint.model_type,
            "quantization": _quantization(checkpoint),
        },
    )


def _quantization(checkpoint: Checkpoint) -> str:
    """Name what quantized the checkpoint, empty where nothing did."""
    found = checkpoint.quantization
    if not found:
        return ""
    plain = found.get("load_in_8bit") or found.get("load_in_4bit")  # older files of bitsandbytes name no method
    return text(found.get("quant_method")) or ("bitsandbytes" if plain else "by a method that is not named")


def _open(ref: ModelRef, folder: Path) -> Checkpoint:
    """Read the folder's documents. A path that is no folder is the suite's fault."""
    try:
        return read_folder(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoFolderError(f"{ref.name} is not a folder: a path is relative to the suite's file") from error
    except (OSError, ValueError) as error:
        raise NoFolderError(f"{ref.name} cannot be read: {error}") from error


def _strange(checkpoint: Checkpoint, ref: ModelRef) -> tuple[Refusal, ...]:
    """Refuse a folder that is no checkpoint of transformers, or that only code of its own can load."""
    if CONFIG not in checkpoint.files:
        return (Refusal(reason=f"{ref.name} holds no {CONFIG}: it is no checkpoint", reason_code=ReasonCode.MODEL_NOT_FOUND),)
    if checkpoint.model_type or ref.model_type or (ref.trust_remote_code and "auto_map" in checkpoint.config.values):
        return ()
    if "auto_map" in checkpoint.config.values:
        why = f"{CONFIG} of {ref.name} names code of its own (auto_map) and no model_type that transformers could know"
        allowed = "`trust_remote_code: true` on the model in the suite runs it"
        return (Refusal(reason=f"{why}: {allowed}", reason_code=ReasonCode.REMOTE_CODE),)
    reason = f"{CONFIG} of {ref.name} has no model_type: transformers cannot know its class"
    return (Refusal(reason=reason, reason_code=ReasonCode.MODEL_NOT_FOUND),)


def _task(checkpoint: Checkpoint, ref: ModelRef, tasks: Mapping[str, Task]) -> Task | None:
    """Give the task that REF names, or that the architecture says; None where there is no config to ask."""
    if ref.task is not None:
        return tasks[ref.task]
    return traits.infer_task(checkpoint.architecture, tasks) if checkpoint.config.values else None


def _attempt(ask: Callable[[], _Answer], otherwise: _Answer, refusals: list[Refusal]) -> _Answer:
    """Give ASK's answer, or OTHERWISE where it refuses, and then its reason goes to REFUSALS."""
    try:
        return ask()
    except RefusedError as error:
        refusals.append(error.refusal)
        return otherwise
