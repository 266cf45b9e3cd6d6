"""A model class that a caller names himself, instead of a task."""

import difflib
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.outcome import ReasonCode
from bench.models.renamed import renamed_class
from bench.worker.failures import Refused


def named(model_class: str | type, config: Any) -> type[Any]:
    """Give MODEL_CLASS, or for one of the Auto classes the class that it has for CONFIG.

    Raises UsageError where it is no model class of transformers, Refused where the Auto class does not know CONFIG.
    """
    found = _found(model_class) if isinstance(model_class, str) else model_class
    mapping = getattr(found, "_model_mapping", None)
    if mapping is None:
        if not hasattr(found, "from_pretrained") or not hasattr(found, "base_model_prefix"):
            raise UsageError(renamed_class(found.__name__) or f"`{found.__name__}` is no model class of transformers")
        return found
    if type(config) not in mapping:
        msg = f"{found.__name__} knows no class for a {config.model_type} model"
        raise Refused(msg, ReasonCode.NO_TASK)
    chosen = mapping[type(config)]
    every = chosen if isinstance(chosen, list | tuple) else (chosen,)
    own: type[Any] = next((one for one in every if one.__name__ in (config.architectures or ())), every[0])
    return own


def _found(name: str) -> type[Any]:
    import transformers

    other = renamed_class(name)
    if other is not None:
        raise UsageError(other)
    if not hasattr(transformers, name):
        near = difflib.get_close_matches(name, dir(transformers), n=1)
        hint = f'. Did you mean "{near[0]}"?' if near else ""
        raise UsageError(f"transformers has no class `{name}`{hint}")
    found: type[Any] = getattr(transformers, name)
    return found
