"""Which part of a model a parameter belongs to: told by its name, and by what the model says of itself.

Parts are vision, audio, projector (from a tower into the language model, or into a space that texts share), fusion (layers in which
two kinds of input look at each other), language, embeddings (of text) and head (what the model without its task does not have).
A norm or pooler inside a part is of that part.
"""

import re
from collections.abc import Mapping
from typing import Any

from bench.domain.task import Trait
from bench.worker.network import names

_EMBEDDINGS = r"(^|\.)(wte|wpe|shared|\w*embed\w*)(\.|$)"
_ENCODER = r"^(model\.)?encoder\."
_MODALITIES: Mapping[str, Trait] = {"text": Trait.TEXT, "image": Trait.IMAGE, "video": Trait.VIDEO, "audio": Trait.AUDIO}
_MAIN_INPUTS: Mapping[str, Trait] = {
    "pixel_values": Trait.IMAGE,
    "pixel_values_videos": Trait.VIDEO,
    "input_features": Trait.AUDIO,
    "input_values": Trait.AUDIO,
}
_PIXELS = frozenset({Trait.IMAGE, Trait.VIDEO})


def of(model: Any) -> dict[str, str]:
    """Give the component of every parameter of MODEL by its name; a tied parameter has the first of its names."""
    return {name: of_name(model, name) for name, _ in model.named_parameters()}


def of_name(model: Any, name: str) -> str:
    """Give the component of what is called NAME in MODEL: where the suite says it, what its parameters are counted as there."""
    if (stage := names.said(model, name)) is not None:
        component = names.COMPONENTS[stage]
        return "embeddings" if component == "language" and re.search(_EMBEDDINGS, name) else component
    base = f"{model.base_model_prefix}." if hasattr(model, model.base_model_prefix or " ") else ""
    return component_of(name, taken(model), base=base, encodes=bool(getattr(model.config, "is_encoder_decoder", False)))


def component_of(name: str, takes: frozenset[Trait], *, base: str = "", encodes: bool = False) -> str:
    """Give the component of the parameter called NAME in a model that TAKES inputs of these kinds.

    What does not begin with BASE, where the model has one, and is no other part's is its head. With ENCODES the model has an
    encoder of its own before a decoder: of media, where it takes one kind of them.
    """
    found = next((component for component in names.kinds(name) if component != "fusion" or len(takes) > 1), None)
    if found is not None:
        return found
    if not name.startswith(base):
        return "head"
    media = _of_media(takes)
    if media and (Trait.TEXT not in takes or (encodes and re.match(_ENCODER, name))):
        return media
    return "embeddings" if re.search(_EMBEDDINGS, name) else "language"


def taken(model: Any) -> frozenset[Trait]:
    """Give the kinds of input that MODEL's class says it takes.

    A class that says nothing is said to take text: what its first input is called then tells more.
    """
    said = model.input_modalities
    named = {said} if isinstance(said, str) else set(said)
    traits = {_MODALITIES[one] for one in named if one in _MODALITIES}
    main = _MAIN_INPUTS.get(model.main_input_name)
    if main is None or traits - {Trait.TEXT}:
        return frozenset(traits)
    return frozenset({main})


def _of_media(takes: frozenset[Trait]) -> str | None:
    """Give the part that media of TAKES go through, None where there is none or more than one."""
    if takes & _PIXELS:
        return None if Trait.AUDIO in takes else "vision"
    return "audio" if Trait.AUDIO in takes else None
