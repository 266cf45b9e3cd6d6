"""What a forward returns beside its answer where it is asked to: attention weights and hidden states, of every layer.

Fused attention has no weights to return. Where the class has the choice of its attention (`attention: auto`), asking for weights
makes it take the eager one; the fact `attention_switched_by` says so.
"""

from collections.abc import Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

AXES: Mapping[str, tuple[str, ...]] = {
    "output_attentions": ("attentions", "encoder_attentions", "decoder_attentions", "vision_attentions", "language_attentions"),
    "output_hidden_states": (
        "hidden_states", "encoder_hidden_states", "decoder_hidden_states", "vision_hidden_states", "language_hidden_states",
    ),
}  # fmt: skip
_NESTED = ("text_model_output", "vision_model_output", "language_model_outputs", "vision_outputs")


def ask(config: Any, requested: Mapping[str, Json]) -> dict[str, Json]:
    """Let the model that is made of CONFIG return what is REQUESTED, and say where that chooses its attention.

    Raises Refused where its attention has no weights.
    """
    attention, weights = str(requested.get("attention", "auto")), bool(requested.get("output_attentions"))
    if weights and attention not in {"auto", "eager"}:
        reason = f"output_attentions: {attention} computes no attention weights that could be returned; eager does"
        raise Refused(reason, ReasonCode.NOT_IN_CLASS)
    for name in AXES:
        if requested.get(name):
            for one in (config, *_sections(config)):
                setattr(one, name, True)
    return {"attention_switched_by": "output_attentions"} if weights and attention == "auto" else {}


def _sections(config: Any) -> list[Any]:
    """Give the configs of the parts, those of their parts among them."""
    parts = [found for name in getattr(config, "sub_configs", ()) if (found := getattr(config, name, None)) is not None]
    return [one for part in parts for one in (part, *_sections(part))]


def by_config(model: Any) -> dict[str, Json]:
    """Give what MODEL's config has it return; before a forward nothing else tells."""
    return {name: bool(getattr(model.config, name, False)) for name in AXES}


def of_outputs(outputs: Any, model: Any) -> dict[str, Json]:
    """Read off OUTPUTS whether what MODEL's config asks for really came."""
    return {name: _came(outputs, AXES[name]) for name, asked in by_config(model).items() if asked}


def _came(outputs: Any, keys: tuple[str, ...]) -> bool:
    """Tell whether OUTPUTS, or those of a part in them, hold tensors under one of KEYS."""
    held = (outputs, *(part for name in _NESTED if (part := getattr(outputs, name, None)) is not None))
    return any(_layered(getattr(one, key, None)) for one in held for key in keys)


def _layered(found: Any) -> bool:
    """Tell whether FOUND holds tensors, layer by layer; of a model of several towers tower by tower, and crossed ones in pairs."""
    return isinstance(found, tuple | list) and any(hasattr(one, "dim") or _layered(one) for one in found)
