"""Quantizing on loading: what is asked of a method, what it lacks, and whether the loaded model is what was promised.

The class is built on the meta device first, which takes no memory: so a pattern that matches nothing, a shape that no kernel takes,
and a model of which nothing would be quantized are refused with their reason before a weight is read.
"""

import copy
import importlib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.domain.listing import some
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker import quantization
from bench.worker.building import weights
from bench.worker.failures import Refused
from bench.worker.parallel import sharing
from bench.worker.precision import layers, quantized, skipping, stored, wanting
from bench.worker.precision.layers import Layer
from bench.worker.quantization import Choice, Method

_ELSEWHERE = re.compile(r'dispatched on the CPU or the disk|on device "meta"|on meta tensors')
_FUNCTION = re.compile(r"'(function|method)' object has no attribute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """How a model is loaded: OPTIONS of `from_pretrained`, and the layers that are then quantized.

    `own` is the method that a checkpoint names which is quantized already; empty where nothing is as it was found. `compute_dtype`
    is what layers are to compute in, None where the method does not choose it.
    """

    asked: wanting.Asked
    method: Method
    own: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    taken: tuple[str, ...] = ()
    skipped: frozenset[str] = frozenset()
    compute_dtype: str | None = None

    @property
    def pieces(self) -> tuple[tuple[str, str, str], ...]:
        """Functions of transformers whose time is that of quantizing."""
        return tuple((place, name, "quantize") for place, name in self.method.pieces)

    @property
    def converts(self) -> bool:
        """Whether layers are quantized after loading, and not by it."""
        return bool(self.taken) and not self.options

    def convert(self, model: Any) -> Any:
        """Quantize the layers of a loaded MODEL that loading left."""
        return self.method.convert(model, self.taken)


def begin(requested: Mapping[str, Json], config: Any, device: str) -> None:
    """Import what quantizing as REQUESTED needs, for a model with CONFIG on DEVICE. Raises Refused where something is lacking."""
    asked, own = wanting.read(requested.get("quantization", "none")), stored.of(config)
    whole = {**requested, "device": device, "dtype": _dtype(requested, config), "environment": "this"}
    if (found := wanting.refusal(whole, stored.name_of(own))) is not None:
        raise Refused(found.reason, found.reason_code)
    method = quantization.find(asked.method)
    for place in (*method.needs(own).packages, *(piece[0].partition(":")[0] for piece in method.pieces)):
        importlib.import_module(place)
    if own is not None:
        stored.refuse(own, device)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of a cast in every product


def _dtype(requested: Mapping[str, Json], config: Any) -> str:
    """Give the dtype of the weights: for `auto` that of CONFIG."""
    asked = str(requested.get("dtype", "auto"))
    return str(config.dtype or "float32").removeprefix("torch.") if asked == "auto" else asked


def plan(requested: Mapping[str, Json], model_class: type[Any], config: Any, device: str) -> Planned:
    """Plan how a MODEL_CLASS with CONFIG is loaded as REQUESTED. Raises Refused where it cannot be had so."""
    asked, kind, dtype = wanting.read(requested.get("quantization", "none")), device.partition(":")[0], _dtype(requested, config)
    method = quantization.find(asked.method)
    if asked.method == "none":
        return Planned(asked=asked, method=method)
    if asked.method == "checkpoint":
        return Planned(asked=asked, method=method, options={"device_map": {"": device}}, own=stored.name_of(stored.of(config)))
    skeleton = weights.skeleton(model_class, copy.deepcopy(config), dtype)
    _raise_said(method.refuses(skeleton))
    skipped = skipping.select(skeleton, asked.skip)
    default = skipping.by_default(skeleton)
    taken = [layer for layer in layers.of(skeleton) if method.takes(layer) and layer.name not in skipped]
    taken = [layer for layer in taken if skipping.converts(layer.name, default)]
    _raise_said(_nothing(skeleton, asked, taken, skipped))
    _raise_said(_shape(asked, method, taken, kind))
    keep = (*default, *skipping.exactly(skipped, skeleton)) if skipped else None
    compute = dtype if asked.compute_dtype == "auto" else asked.compute_dtype
    choice = Choice(device=kind, dtype=dtype, compute_dtype=compute, keep=keep)
    options = dict(method.options(choice))
    placed = {"device_map": {"": device}} if options else {}
    names = tuple(layer.name for layer in taken)
    return Planned(
        asked=asked, method=method, options={**options, **placed}, taken=names, skipped=frozenset(skipped),
        compute_dtype=compute if method.needs(None).computes else None,
    )  # fmt: skip


def _raise_said(reason: str | None) -> None:
    if reason is not None:
        raise Refused(reason, ReasonCode.NOT_IN_CLASS)


def _nothing(skeleton: Any, asked: wanting.Asked, taken: list[Layer], skipped: set[str]) -> str | None:
    """Say why no layer would be quantized, None where one would."""
    if taken:
        return None
    found = layers.of(skeleton)
    left = {layer.kind for layer in found if layer.name not in skipped} - {"Linear"}
    why = [f"{type(skeleton).__name__} has {kind}, which {asked.method} leaves as it is" for kind in sorted(left)]
    why += [f"skip leaves out {len(skipped)} layers"] if skipped else []
    kept = [layer.name for layer in found if layer.kind == "Linear" and layer.name not in skipped]
    why += [f"{some(kept)} is kept by transformers"] if kept else []
    return f"no layer would be quantized: {'; '.join(why) or 'the model has no linear layer'}"


def _shape(asked: wanting.Asked, method: Method, taken: list[Layer], device: str) -> str | None:
    """Say which of the layers TAKEN no kernel takes, None where all can be had."""
    wrong = {layer: said for layer in taken if (said := method.objection(layer, device)) is not None}
    if not wrong:
        return None
    layer = next(iter(wrong))
    which = some((one.name for one in wrong), 1)
    names = ", ".join([*asked.skip, *quantized.grouped(one.name for one in wrong)])
    return (
        f"quantization {asked.method}: {which} of {layer.inputs} inputs and {layer.outputs} outputs, and "
        f"{wrong[layer]}: {{method: {asked.method}, skip: [{names}]}} leaves it out"
    )


def check(planned: Planned, model: Any) -> None:
    """Raise Refused where a layer of MODEL that was PLANNED to be quantized is not, or one that was to be left is."""
    if planned.asked.method == "none":
        return
    found = dict(sharing.of_all_stages(model, [(layer.name, method) for layer, method in quantized.methods(model).items()]))
    wanted = planned.asked.method
    if all(method == "none" for method in found.values()):
        unpacked = f": config.json says {planned.own}, and what it packed was unpacked on loading" if planned.own else ""
        reason = f"quantization {wanted} was asked for, and no layer was quantized{unpacked}"
        raise Refused(reason, ReasonCode.NOT_AS_REQUESTED)
    wrong = [name for name in planned.taken if found.get(name) != wanted]
    if wrong:
        got = ", ".join(sorted({found.get(name, "nothing") for name in wrong}))
        said = f"{len(wrong)} of {len(planned.taken)} layers were not quantized so"
        reason = f"quantization {wanted} was asked for, and {said}: {some(wrong, 3)} came as {got}"
        raise Refused(reason, ReasonCode.NOT_AS_REQUESTED)
    wrong = sorted(name for name in planned.skipped if found.get(name, "none") != "none")
    if wrong:
        raise Refused(f"quantization skip was asked for, and {some(wrong, 3)} came quantized", ReasonCode.NOT_AS_REQUESTED)
    computing = quantized.facts(model).get("quantization_compute_dtype")
    if planned.compute_dtype is not None and computing is not None and computing != planned.compute_dtype:
        reason = f"quantization {wanted} was to compute in {planned.compute_dtype}, and computes in {computing}"
        raise Refused(reason, ReasonCode.NOT_AS_REQUESTED)


def answer(error: Exception, model: Any, requested: Mapping[str, Json]) -> Refused | None:
    """Make an answer of an ERROR of MODEL, whose code reads weights that the quantization REQUESTED keeps as functions."""
    asked = requested.get("quantization", "none")
    if asked == "none" or not isinstance(error, AttributeError) or _FUNCTION.match(str(error)) is None:
        return None
    name = wanting.read(asked).method
    reason = f"quantization {name}: {type(model).__name__} reads weights of its layers itself, and quantized ones are functions"
    return Refused(f"{reason} ({error})", ReasonCode.NOT_IN_CLASS)


@contextmanager
def explained(planned: Planned) -> Iterator[None]:
    """Put the cause, which transformers only logs, into the error of a conversion that failed.

    Raises Refused where it failed for weights that are not in the memory of a device.
    """
    if not planned.options and not planned.converts:
        yield
        return
    heard: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if _ELSEWHERE.search(str(error)):
            reason = f"quantization {planned.asked.method} quantizes no weights that lie on the disk ({error})"
            raise Refused(reason, ReasonCode.NOT_IN_CLASS) from error
        if not isinstance(error, RuntimeError):
            raise
        causes = " ".join(re.findall(r"\w*Error: [^\n]+", "\n".join(heard))[:2])
        raise RuntimeError(f"{error} {causes}" if causes else str(error)) from error
    finally:
        logger.removeHandler(handler)
