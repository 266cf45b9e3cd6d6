"""Which linear layers stay as they are when a model is quantized: told by patterns, and in the spelling of transformers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bench.domain.listing import some
from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.network import components
from bench.worker.precision import layers

_SAME: Mapping[str, tuple[str, ...]] = {
    "vision": ("vision", "vision_model", "vision_tower", "visual"),
    "audio": ("audio", "audio_model", "audio_tower"),
    "projector": ("projector", "multi_modal_projector", "connector"),
    "language": ("language", "language_model", "text_model"),
    "fusion": ("fusion",),
    "head": ("head",),
}
"""Components, and what families call them: a name that a model lacks means the same part of it."""


def select(skeleton: Any, patterns: Iterable[str]) -> set[str]:
    """Give the linear layers of SKELETON that PATTERNS take: those below a module's name or glob, else those of a component.

    A name is the whole one, or where none is so its end. A component may have the name that another family has for it. Raises
    Refused where a pattern takes no layer.
    """
    every = [layer.name for layer in layers.of(skeleton)]
    places = [name for name, _ in skeleton.named_modules() if name] + every
    taken: set[str] = set()
    for pattern in patterns:
        found = {one for one in places if fnmatchcase(one, pattern)} or {one for one in places if fnmatchcase(one, f"*.{pattern}")}
        mine = {name for name in every if any(f"{name}.".startswith(f"{place}.") for place in found)}
        mine = mine or {name for name in every if pattern in _SAME.get(components.of_name(skeleton, f"{name}.weight"), ())}
        if not mine:
            has = some(dict.fromkeys(".".join(name.split(".")[:2]) for name in every))
            reason = f'quantization skip "{pattern}" matches no linear layer of {type(skeleton).__name__} (has: {has})'
            raise Refused(reason, ReasonCode.NOT_IN_CLASS)
        taken |= mine
    return taken


def by_default(skeleton: Any) -> tuple[str, ...]:
    """Give what transformers keeps unless told otherwise: output and tied embeddings, and what its class keeps in float32."""
    from transformers.quantizers.base import get_keys_to_not_convert

    return (*sorted(get_keys_to_not_convert(skeleton)), *sorted(getattr(skeleton, "_keep_in_fp32_modules", None) or ()))


def converts(name: str, keep: Iterable[str]) -> bool:
    """Tell whether transformers quantizes the layer NAME where it is told to KEEP these."""
    from transformers.quantizers.quantizers_utils import should_convert_module

    return bool(should_convert_module(name, list(keep)))


def exactly(skipped: set[str], skeleton: Any) -> Iterator[str]:
    """Spell the layers SKIPPED for transformers, whose names take more than they say: every layer that ends so.

    A name that takes no other layer is left as it is, since it is saved with the model; others become patterns of the whole name.
    """
    others = [layer.name for layer in layers.of(skeleton) if layer.name not in skipped]
    for name in sorted(skipped):
        yield name if all(converts(other, [name]) for other in others) else rf"^{re.escape(name)}(?:\.|$)"
