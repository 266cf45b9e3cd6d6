"""What a part of a model takes when it is measured by itself, and which parts a preset is known to have."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.domain.axis import Axis
from bench.domain.model import ModelFacts, Submodel
from bench.domain.task import Trait
from bench.models.documents import shown
from bench.models.refused import UnknownSubmodelError

_PIXELS = frozenset({Trait.IMAGE, Trait.VIDEO})
_TAKES: Mapping[Submodel, frozenset[Trait]] = {
    Submodel.VISION: _PIXELS,
    Submodel.AUDIO: frozenset({Trait.AUDIO}),
    Submodel.TEXT: frozenset({Trait.TEXT}),
    Submodel.PROJECTOR: _PIXELS | {Trait.AUDIO},
    Submodel.LANGUAGE: frozenset(Trait) - {Trait.GENERATES, Trait.MATCHES},
}
"""What reaches each part: an image is a stretch of the language model's sequence, and so are frames and sound."""

_OF_WHOLE = frozenset({"media", "processor_backend", "texts", "output_attentions", "output_hidden_states"})
"""Axes of what happens before the model is called, or of how the whole is called: no part of a model sees them."""


def narrowed(facts: ModelFacts) -> ModelFacts:
    """Give the facts of the sub-model that FACTS' reference names: what it takes, and the whole model's traits beside it."""
    submodel = facts.ref.submodel
    if submodel is None:
        return facts
    reads = submodel in {Submodel.TEXT, Submodel.LANGUAGE}
    return replace(facts, traits=facts.traits & _TAKES[submodel], around=facts.traits, limits=facts.limits if reads else ())


def uses(axis: Axis, facts: ModelFacts) -> bool:
    """Tell whether AXIS means anything to the sub-model of FACTS; to a whole model every axis that applies does.

    Where images are matched with texts `images` counts those of a matrix, which no part of the model makes.
    """
    if facts.ref.submodel is None:
        return True
    return axis.name not in _OF_WHOLE and not (axis.name == "images" and Trait.MATCHES in facts.around)


def check(name: str, submodel: Submodel | None, there: Sequence[Submodel]) -> None:
    """Raise UnknownSubmodelError where the preset called NAME is known to have no SUBMODEL: THERE are those it has."""
    if submodel is None or submodel in there:
        return
    near = difflib.get_close_matches(submodel, there, n=1)
    hint = f'. Did you mean "{near[0]}"?' if near else ""
    has = ", ".join(there) or "none beside the whole"
    raise UnknownSubmodelError(f"preset {shown(name)} has no submodel {shown(submodel)} (has: {has}){hint}")
