"""The config and the class that a checkpoint is loaded with."""

import re
from collections.abc import Mapping, Sized
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.task import Task, Trait
from bench.worker.failures import Refused
from bench.worker.material import apart


def read_config(model: ModelFacts, folder: Path | str, more: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """Read the config in FOLDER, with MODEL's number of labels, and with MORE options where FOLDER is a repository's name.

    Raises Refused where it is of another family than MODEL says.
    """
    from transformers import AutoConfig

    changes: dict[str, Any] = {**more, **({} if model.ref.num_labels is None else {"num_labels": model.ref.num_labels})}
    said, named = model.ref.model_type, model.notes.get("model_type", "")
    if said is not None and named and said != named:
        raise Refused(f"{model.ref.name} is a {named} checkpoint, not {said}", ReasonCode.NOT_AS_REQUESTED)
    if said is not None and not named:
        return type(AutoConfig.for_model(said)).from_pretrained(folder, **changes)
    return AutoConfig.from_pretrained(folder, trust_remote_code=model.ref.trust_remote_code, **changes)


def stored_classes(folder: Path) -> int:
    """Give the number of classes that the config in FOLDER says, and where it says none, what transformers takes."""
    from transformers import PretrainedConfig  # the name that the older transformers of bench/worker/abroad has too

    said, _ = PretrainedConfig.get_config_dict(folder, local_files_only=True)
    named: int | Sized = said.get("id2label") or said.get("num_labels") or PretrainedConfig().num_labels or 0
    return named if isinstance(named, int) else len(named)


def resolve_class(config: Any, task: Task) -> type[Any]:
    """Give the class that TASK loads CONFIG with: importing its module is what `load.import` times.

    The class that the checkpoint names is taken where it does the task: many heads have no Auto class. Raises Refused where it
    does not, and no Auto class of the task knows the config.
    """
    import transformers

    named = next(iter(config.architectures or ()), "")
    if any(re.search(head, named) for head in task.heads) and hasattr(transformers, named):
        own: type[Any] = getattr(transformers, named)
        return own
    for name in task.auto_classes:
        if name in _own_code(config):
            return _from_own_code(config, name)
        mapping = getattr(transformers, name)._model_mapping  # noqa: SLF001 -- the public way loads the weights as well
        if type(config) in mapping:
            found = mapping[type(config)]
            chosen: type[Any] = _among(found, config) if isinstance(found, list | tuple) else found
            if Trait.TEXT in task.traits_of(chosen.__name__) and apart.sees_only(chosen):
                raise Refused(f"{task.name} takes a text, which {chosen.__name__} has no place for", ReasonCode.NO_TASK)
            return chosen
    msg = (
        f"no class of transformers does {task.name} with a {config.model_type} model: the checkpoint is "
        f"{named or 'of no class'}, and {' and '.join(task.auto_classes)} know{'s' if len(task.auto_classes) == 1 else ''} no other"
    )
    raise Refused(msg, ReasonCode.NO_TASK)


def _own_code(config: Any) -> Mapping[str, str]:
    """Give the classes that a checkpoint's own code has for Auto classes; none where the suite does not trust it."""
    trusted = type(config).__module__.startswith("transformers_modules")
    return getattr(config, "auto_map", None) or {} if trusted else {}


def _from_own_code(config: Any, name: str) -> type[Any]:
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    found: type[Any] = get_class_from_dynamic_module(_own_code(config)[name], config.name_or_path, local_files_only=True)
    return found


def _among(classes: Any, config: Any) -> Any:
    """Prefer, of several classes, the one that the checkpoint names."""
    named = {one.__name__: one for one in classes}
    return next((named[name] for name in config.architectures or () if name in named), classes[0])
