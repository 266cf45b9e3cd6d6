"""Mixtures of experts: which implementation computes them, asked for on loading and read off the modules that hold the experts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

_DISPATCHED = "is_concatenated"
"""Set on every module of experts whose implementation can be chosen, by every transformers since 5.17."""


def options(requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give what `from_pretrained` is told; nothing where the choice is left to the class."""
    asked = requested.get("experts", "auto")
    return {} if asked == "auto" else {"experts_implementation": asked}


def keep(model: Any, requested: Mapping[str, Json]) -> None:
    """Hold MODEL to what was asked for: on an accelerator a generation's steps would take another implementation by themselves.

    Raises Refused where its experts are computed in one way only.
    """
    asked = requested.get("experts", "auto")
    if asked == "auto":
        return
    if asked != "eager" and not any(hasattr(module, _DISPATCHED) for module in model.modules()):
        msg = f"experts {asked}: the experts of {type(model).__name__} are computed in one way only, which its class has"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    model._optimize_model_for_decode = nullcontext  # noqa: SLF001 -- there is no public switch


@contextmanager
def seen(model: Any, facts: dict[str, Json]) -> Iterator[None]:
    """Read into FACTS which implementation the experts of MODEL take while the block runs, at every call of theirs."""
    found: set[str] = set()

    def before(module: Any, _arguments: Any) -> None:
        found.add(str(module.config._experts_implementation) if hasattr(module, _DISPATCHED) else "eager")  # noqa: SLF001

    hooks = [module.register_forward_pre_hook(before) for module in model.modules() if _holds_experts(module)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        facts["experts"] = "+".join(sorted(found))


def _holds_experts(module: Any) -> bool:
    return hasattr(module, _DISPATCHED) or type(module).__name__.endswith("Experts")
