"""What the names of modules and parameters say of the part that they are, in one table; and the parts that a suite names itself.

Families call the same thing by many names, but few names mean two things. Where one is not known here, a suite may say it
(`parts` on the model): a pattern is the name of a module or a glob, in full or the end of it, and takes everything below.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

_RULES: tuple[tuple[str, str], ...] = (
    ("head", r"(^|\.)(lm_head|classifier|cls|qa_outputs|score|logit_scale|logit_bias|logits_proj|proj_out)(\.|$)"),
    ("head", r"(^|\.)(\w+_head|\w+_score|bbox_predictor|vocab_projector)(\.|$)"),
    ("fusion", r"(^|\.)(cross_modal\w*|x_layers|multimodal_(model|encoder)|\w*fusion\w*)(\.|$)"),
    ("projector", r"(^|\.)(\w*projector|connector|qformer|query_tokens|\w*resampler|\w*merger(_list)?|(\w+_)?aligner)(\.|$)"),
    ("projector", r"(^|\.)(\w+_to_\w+|visual|vision|image|text|language|modality|audio)_projection(\.|$)"),
    ("projector", r"(^|\.)((vision|text)_proj|embed_(vision|audio)|img_projection_\w+|(up|down)_proj_for_\w+)(\.|$)"),
    ("projector", r"(^|\.)audio_tower\.proj\d(\.|$)"),
    ("vision", r"(^|\.|_)(vision|visual|visn|image|img|pixel|r_layers|video_)"),
    ("audio", r"(^|\.|_)(audio|speech|mel)"),
)
COMPONENTS: Mapping[str, str] = {
    "encode.vision": "vision",
    "encode.audio": "audio",
    "encode.text": "language",
    "project": "projector",
    "fuse": "fusion",
    "prefill.language": "language",
    "head": "head",
}
"""Stages of the ledger that modules may be of, and what their parameters are counted as."""
_ATTRIBUTE = "_parts_as_named"
_SHOWN = 12


def kinds(name: str) -> Iterator[str]:
    """Give what NAME says: head, fusion, projector, vision or audio, the most telling first; nothing where it says nothing."""
    return (kind for kind, pattern in _RULES if re.search(pattern, name))


def give(model: Any, parts: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """Take down for MODEL the PARTS that a suite names, patterns by stage, and give as a fact the modules meant, by stage.

    Raises Refused where a pattern matches nothing.
    """
    modules = [name for name, _ in model.named_modules() if name]
    found: dict[str, list[str]] = {}
    for stage, patterns in parts.items():
        for pattern in patterns:
            places = _matching(modules, pattern) or _matching(modules, f"*.{pattern}")
            if not places:
                here = ", ".join([name for name in modules if name.count(".") < 2][:_SHOWN])  # noqa: PLR2004 -- two levels
                msg = f'parts: {stage} names "{pattern}", which matches no module of {type(model).__name__} (has: {here} …)'
                raise Refused(msg, ReasonCode.NOT_IN_CLASS)
            found.setdefault(stage, []).extend(place for place in places if place not in found.get(stage, ()))
    if not found:
        return {}
    setattr(model, _ATTRIBUTE, {place: stage for stage, places in found.items() for place in places})
    return {"parts": {stage: [*places] for stage, places in found.items()}}


def said(model: Any, name: str) -> str | None:
    """Give the stage that the suite says NAME in MODEL is of, by the innermost of the modules named; None where it says none."""
    places: Mapping[str, str] = getattr(model, _ATTRIBUTE, None) or {}
    around = [place for place in places if f"{name}.".startswith(f"{place}.")]
    return places[max(around, key=len)] if around else None


def _matching(modules: Sequence[str], pattern: str) -> list[str]:
    return [name for name in modules if fnmatchcase(name, pattern)]
