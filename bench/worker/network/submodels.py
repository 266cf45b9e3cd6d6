"""A sub-model by itself: the modules that are it, the arguments that they were called with, and the rest of the model let go.

What a tower is called with in real work is seen in one forward of the whole model, fed by its own Processor: nobody has to know
how each family hands its pixels over. Some towers are driven layer by layer (BridgeTower, LXMERT): of these every layer's call is
kept, and the calls are made one after the other.
"""

import copy
import ctypes
import gc
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.domain.model import Submodel
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.worker.failures import Refused
from bench.worker.loads import mapping
from bench.worker.network import anatomy

STAGES: Mapping[Submodel, str] = {
    Submodel.VISION: "encode.vision",
    Submodel.AUDIO: "encode.audio",
    Submodel.TEXT: "encode.text",
    Submodel.PROJECTOR: "project",
    Submodel.LANGUAGE: anatomy.LANGUAGE,
}
"""The stage of the ledger that each sub-model's time is found under."""

_OF_STAGE = {stage: submodel for submodel, stage in STAGES.items()}
_PIXELS = frozenset({Trait.IMAGE, Trait.VIDEO})


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """One call of the module NAME, with copies of what it got."""

    name: str
    module: Any
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]


@dataclass(slots=True)
class Calls:
    """The calls of a sub-model in one forward of the whole, in their order."""

    each: list[One] = field(default_factory=list)

    def clone(self) -> "Calls":
        """Copy all arguments: models may write into theirs, and a cache grows."""
        return Calls(
            [One(name=one.name, module=one.module, arguments=fresh(one.arguments), options=fresh(one.options)) for one in self.each]
        )

    def run(self) -> Any:
        """Make every call and give what the last one gives."""
        outputs = None
        for one in self.each:
            outputs = one.module(*one.arguments, **one.options)
        return outputs

    @property
    def modules(self) -> dict[str, Any]:
        """The modules that are called, by name."""
        return {one.name: one.module for one in self.each}

    def tensors(self) -> dict[str, Any]:
        """Give the tensors among the arguments by the names that the modules have for them, numbered where calls are many."""
        found = {}
        for number, one in enumerate(self.each):
            names = inspect.signature(one.module.forward).parameters
            given = {**dict(zip(names, one.arguments, strict=False)), **one.options}
            prefix = f"{number}." if len(self.each) > 1 else ""
            found.update({f"{prefix}{name}": value for name, value in given.items() if hasattr(value, "element_size")})
        return found


def fresh(value: Any) -> Any:
    """Copy VALUE as far as a call may change it: tensors, what holds them, and caches."""
    if hasattr(value, "element_size"):
        return value.clone()
    if isinstance(value, dict):
        return {key: fresh(held) for key, held in value.items()} if type(value) is dict else copy.copy(value)
    if type(value) in {list, tuple}:
        return type(value)(fresh(held) for held in value)
    caches = any(kind.__name__ == "Cache" for kind in type(value).__mro__)
    return copy.deepcopy(value) if caches else value


def part_of(model: Any, traits: frozenset[Trait]) -> Callable[[str], Submodel | None]:
    """Give the function from a module's name in MODEL, which takes TRAITS, to the sub-model that it is of.

    A model that takes one kind of input and generates nothing has one: what it is without its head.
    """
    if anatomy.is_composed(model, traits):
        stage = anatomy.stage_of(model, traits)
        return lambda name: _OF_STAGE.get(stage(name) or "")
    base = str(model.base_model_prefix)
    kind = Submodel.VISION if traits & _PIXELS else Submodel.AUDIO if Trait.AUDIO in traits else Submodel.TEXT
    return lambda name: kind if name and name == base else None


def named(model: Any, traits: frozenset[Trait]) -> tuple[str, ...]:
    """List the sub-models that MODEL, which takes TRAITS, has modules of. Which ones run is known once it has run."""
    part = part_of(model, traits)
    found = {part(name) for name, _ in model.named_modules()}
    return tuple(one.value for one in Submodel if one in found)


def capture(model: Any, call: Callable[[], object], traits: frozenset[Trait], submodel: Submodel) -> Calls:
    """Make CALL, one forward of the whole MODEL, which takes TRAITS, and keep the calls of SUBMODEL in it.

    Raises Refused where no module of it ran, and says which ones did, or where it runs a tower that is no part of it.
    """
    seen = _Seen(wanted=submodel)
    with _listening(model, part_of(model, traits), seen):
        call()
    name = type(model).__name__
    if not seen.calls.each:
        there = ", ".join(one.value for one in Submodel if one in seen.ran) or "none beside the whole"
        raise Refused(f"{name} has no submodel {submodel.value} (has: {there})", ReasonCode.NOT_IN_CLASS)
    if foreign := seen.inside - {Submodel.PROJECTOR}:
        held = " and ".join(sorted(foreign))
        raise Refused(f"submodel {submodel.value} of {name} runs its {held} too: it cannot be had alone", ReasonCode.NOT_IN_CLASS)
    return seen.calls


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What a forward showed of the part that is WANTED: its `calls`, the parts that `ran` anywhere, and those `inside` it."""

    wanted: Submodel
    calls: Calls = field(default_factory=Calls)
    ran: set[Submodel] = field(default_factory=set)
    inside: set[Submodel] = field(default_factory=set)
    active: list[Submodel | None] = field(default_factory=list)

    def enter(self, name: str, own: Submodel | None, module: Any, given: tuple[tuple[Any, ...], Mapping[str, Any]]) -> None:
        """Hear that the module called NAME, which is of the part OWN, is called with what is GIVEN."""
        is_inside = self.wanted in self.active
        if own is not None:
            self.ran.add(own)
        if own is not None and own is not self.wanted and is_inside:
            self.inside.add(own)
        if own is self.wanted and not is_inside:
            arguments, options = fresh(given[0]), fresh(dict(given[1]))
            self.calls.each.append(One(name=name, module=module, arguments=arguments, options=options))
        self.active.append(own)

    def leave(self, *_: Any) -> None:
        """Hear that the newest call has ended."""
        self.active.pop()


@contextmanager
def _listening(model: Any, part: Callable[[str], Submodel | None], seen: _Seen) -> Iterator[None]:
    """Let SEEN hear of every call of a module of MODEL while the block runs."""

    def before(name: str) -> Callable[..., None]:
        own = part(name)
        return lambda module, arguments, options: seen.enter(name, own, module, (arguments, options))

    hooks = []
    for name, module in model.named_modules():
        hooks += [
            module.register_forward_pre_hook(before(name), with_kwargs=True),
            module.register_forward_hook(seen.leave, always_call=True),
        ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def keep(model: Any, names: Sequence[str]) -> None:
    """Let go of everything in MODEL but the modules NAMES, which keep their places, and call it by `model(calls=...)` from then on.

    Modules above them stay too, without weights, so that names go on to say what they are of.
    """
    above = {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)} | {""}
    for path, module in list(model.named_modules()):
        if path in above and path not in names:
            for child in list(module._modules):  # noqa: SLF001 -- deleting an attribute does the same by a longer way
                if (place := f"{path}.{child}".lstrip(".")) not in above and place not in names:
                    del module._modules[child]  # noqa: SLF001
            module._parameters.clear()  # noqa: SLF001
            module._buffers.clear()  # noqa: SLF001
    model.forward = lambda calls: calls.run()


def give_back(model: Any, files: Sequence[Path], device: str) -> None:
    """Return what nothing holds any more to the system, and to DEVICE's driver.

    Weights of MODEL that are mapped from FILES are copied: a mapping stays whole as long as one tensor lies in it.
    """
    mapped = mapping.places(files)
    for tensor in (*model.parameters(), *model.buffers()):
        plain = tensor.device.type == "cpu" and not hasattr(tensor, "__tensor_flatten__")
        if plain and any(tensor.data_ptr() in place for place in mapped):
            tensor.data = tensor.data.clone()
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
