"""Which stage of the ledger a module belongs to: told by its name, and by what was seen to run.

Names say what a module is (`vision_tower`, `multi_modal_projector`, `lm_head`); a pass with a hook on every module says which of
them are really called, since some towers are driven layer by layer (BridgeTower) and some wrappers never. Of the modules that
ran, the outermost of each stage is timed; one of another stage inside it is timed apart.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.domain.task import Trait
from bench.worker.material import beside
from bench.worker.network import names

_STAGES: Mapping[str, str] = {
    "head": "head",
    "fusion": "fuse",
    "projector": "project",
    "vision": "encode.vision",
    "audio": "encode.audio",
}
"""The stage of what a name says."""
_READER = r"(^|\.)(text_encoder|text_model)(\.|$)"
_WRITER = r"(^|\.)(\w*decoder|language_model|text_model)(\.|$)"
_PIXELS = frozenset({Trait.IMAGE, Trait.VIDEO})
_HEADS = frozenset({"head"})
LANGUAGE = "prefill.language"
WHOLE = "forward"
OUTER = ""
"""The name of the model itself."""


def stage_of(model: Any, traits: frozenset[Trait]) -> Callable[[str], str | None]:
    """Give the function from a module's name in MODEL, which takes TRAITS, to its stage; None where it has none of its own.

    A model that generates nothing and takes one kind of input is timed as a whole, but for its head.
    """
    towers = is_composed(model, traits)
    base = str(getattr(model, "base_model_prefix", ""))
    encodes = bool(getattr(model.config, "is_encoder_decoder", False)) or any(
        name.endswith("language_model.encoder") for name, _ in model.named_modules()
    )
    language = None if encodes or _holds_towers(model, base) else base

    def stage(name: str) -> str | None:
        said = names.said(model, name)
        found = said or next((_STAGES[kind] for kind in names.kinds(name)), None) or _of_head(model, base, name)
        if found is not None or not towers:
            return found if towers or said or found in _HEADS else None
        if encodes and re.search(r"(^|\.)encoder(\.|$)", name):
            return _encoding(traits)
        if Trait.GENERATES not in traits:
            return "encode.text" if re.search(rf"{_READER}|(^|\.)(encoder\.layer|(\w*\.)?embeddings)(\.|$)", name) else None
        if re.search(_READER, name) and (encodes or "text_encoder" in name):
            return "encode.text"
        return LANGUAGE if name == language or re.search(_WRITER, name) else None

    return stage


def _of_head(model: Any, base: str, name: str) -> str | None:
    """Tell whether what is called NAME stands beside the base model of MODEL and has weights: it is what its task adds, a head."""
    outer = name.partition(".")[0]
    if not (base and name) or outer == base or getattr(model, base, None) is None:
        return None
    return "head" if next(getattr(model, outer).parameters(), None) is not None else None


def _encoding(traits: frozenset[Trait]) -> str:
    """Give the stage of the encoder before a decoder, in a model that takes TRAITS."""
    media = traits & {Trait.AUDIO, *_PIXELS}
    if media == {Trait.AUDIO}:
        return "encode.audio"
    return "encode.vision" if media and media <= _PIXELS and Trait.TEXT not in traits else "encode.text"


def is_composed(model: Any, traits: frozenset[Trait]) -> bool:
    """Tell whether MODEL, which takes TRAITS, has stages inside: it generates, or takes several kinds of input.

    Regions of an image are one that no processor gives.
    """
    kinds = traits & {Trait.TEXT, Trait.IMAGE, Trait.AUDIO, Trait.VIDEO}
    return Trait.GENERATES in traits or len(kinds) > 1 or (Trait.TEXT in traits and beside.takes_regions(model))


def _holds_towers(model: Any, base: str) -> bool:
    """Tell whether the base model wraps a language model of its own, and so is no language model itself."""
    inner = getattr(model, base, None)
    return inner is None or hasattr(inner, "language_model") or hasattr(inner, "decoder")


@contextmanager
def seen(model: Any, stage: Callable[[str], str | None], into: dict[str, str]) -> Iterator[None]:
    """Watch every module of MODEL while the block runs and put into INTO those to be timed, by name, with their stage."""
    active: list[str | None] = []

    def before(name: str) -> Callable[..., None]:
        own = stage(name)

        def enter(*_: Any) -> None:
            if own is not None and own not in active:
                into[name] = own
            active.append(own)

        return enter

    def after(*_: Any) -> None:
        active.pop()

    hooks = []
    for name, module in model.named_modules():
        hooks += [module.register_forward_pre_hook(before(name)), module.register_forward_hook(after, always_call=True)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def expected(model: Any, stage: Callable[[str], str | None], ran: Mapping[str, str]) -> tuple[str, ...]:
    """List the stages that MODEL has modules for and that did not run: these were not observed."""
    there = {found for name, _ in model.named_modules() if (found := stage(name)) is not None}
    return tuple(sorted(there - set(ran.values())))
