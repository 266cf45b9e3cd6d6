"""Which part of a model a parameter belongs to, told by its name."""

import re

from bench.domain.task import Trait

_RULES: tuple[tuple[str, str], ...] = (
    ("projector", r"(^|\.)(multi_modal_projector|mm_projector|connector|visual_projection|text_projection|merger)(\.|$)"),
    ("vision", r"(^|\.|_)(vision|visual|image|img|pixel)"),
    ("audio", r"(^|\.|_)(audio|speech|mel)"),
    ("head", r"(^|\.)(lm_head|classifier|cls|qa_outputs|score|logit_scale|proj_out|itm_head|answer_head)(\.|$)"),
)
_EMBEDDINGS = r"(^|\.)(wte|wpe|shared|\w*embed\w*)(\.|$)"


def component_of(name: str, traits: frozenset[Trait]) -> str:
    """Give the component of the parameter called NAME in a model that takes TRAITS.

    One of vision, audio, projector, language, embeddings, head. A model that takes images only is vision but for its head; one
    that takes audio only is audio; embeddings are those of text.
    """
    for component, pattern in _RULES:
        if re.search(pattern, name):
            return component
    if Trait.TEXT not in traits:
        return "vision" if traits & {Trait.IMAGE, Trait.VIDEO} else "audio" if Trait.AUDIO in traits else "language"
    return "embeddings" if re.search(_EMBEDDINGS, name) else "language"
