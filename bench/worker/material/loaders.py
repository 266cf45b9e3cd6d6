"""Loaders of batches: torch's DataLoader over a file of items, or one of the user's own; and what they are seen to do.

Over a file, reading and decoding an item is the data set's work and the Processor the collator's, as in transformers' own examples:
with loader processes both are theirs. Such a loader never ends: it begins again without starting its processes again.
"""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.domain.data import Data, Source
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models.items import Item
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside, feeding, inputs, media, packing, parts
from bench.worker.material.making import Raw, whole
from bench.worker.opening import Trial

MOST_HELD = 8
"""Batches that are held, to be counted and to be called without a loader."""

_RAW = ("text", "text_pair", *media.NAMES)
_LABELS = ("labels", "label")
_TOLD = "told"
"""The key of raw input with what is told of its items, until a Processor gets it."""


class Teacher(Protocol):
    """Puts labels beside the tensors of batches that feed a training."""

    def write(self, raw: Raw, given: Sequence[Json], where: Sequence[str]) -> tuple[Raw, Sequence[Any]]:
        """Give RAW input as the Processor is to get it, and what is told of its items by the labels GIVEN, which stand at WHERE."""

    def label(self, host: Mapping[str, Any], told: Sequence[Any] | None) -> Mapping[str, Any]:
        """Give HOST's tensors with labels: those that are TOLD, or with None those that they have."""


@dataclass(slots=True, kw_only=True)
class Feed:
    """A loader, and the way from one of its batches to tensors on the host.

    `raws` are the first batches as raw input, where the items are a file's: a loader of the user's gives no more than it gives.
    """

    loader: Any
    batching: str
    to_host: Callable[[Any], Mapping[str, Any]]
    raws: tuple[Raw, ...] = ()

    def facts(self) -> dict[str, Json]:
        """Read off the loader how it loads. Where no process loads ahead there is nothing that is fetched ahead."""
        found: dict[str, Json] = {"workers": int(self.loader.num_workers), "batching": self.batching}
        ahead = self.loader.prefetch_factor
        return found if ahead is None else {**found, "prefetch": int(ahead)}


def of(trial: Trial, teacher: Teacher | None = None) -> Feed:
    """Make the loader that TRIAL's case asks for, with labels by TEACHER. Raises Refused where it cannot be had."""
    data = trial.request.data
    if data is None:
        raise Refused("scenario data has no data to feed it", ReasonCode.INPUT_MISMATCH)
    return _of_loader(trial, data, teacher) if data.source is Source.LOADER else _of_file(trial, data, teacher)


# ── a file of items ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True, kw_only=True)
class Items:
    """The items of a file as a data set: each as raw input with its media decoded, and what is told of it."""

    trial: Trial
    items: Sequence[Item]
    teacher: Teacher | None = None

    def __len__(self) -> int:
        """Give the number of items."""
        return len(self.items)

    def __getitem__(self, index: int) -> Raw:
        """Read and decode the item at INDEX."""
        loaded = self.trial.loaded
        raw = feeding.raw(loaded, self.trial.request, [self.items[index]])
        decoded = (media.decoder(raw, parts.own_rate(loaded)) or (lambda: dict(raw)))()
        return decoded if self.teacher is None else _taught(self.teacher, self.trial, decoded, [self.items[index]])


@dataclass(slots=True, kw_only=True)
class Order:
    """Batches of places in a data set, again and again."""

    batches: Sequence[Sequence[int]]

    def __iter__(self) -> Iterator[list[int]]:
        """Go through the batches without an end."""
        while True:
            for batch in self.batches:
                yield list(batch)

    @property
    def is_sorted(self) -> bool:
        """Whether places are in another order than the file's."""
        places = [place for batch in self.batches for place in batch]
        return places != sorted(places)


@dataclass(slots=True, kw_only=True)
class Collator:
    """Joins items to a batch and hands it to the model's own Processor."""

    trial: Trial
    packs: bool
    teacher: Teacher | None = None

    def __call__(self, each: Sequence[Raw]) -> Mapping[str, Any]:
        """Give the tensors of EACH item together."""
        trial = self.trial
        raw = {name: [one for item in each for one in item[name]] for name in each[0]}
        told = raw.pop(_TOLD, [])
        requested = {**trial.requested, "batch_size": len(each)}
        made = inputs.first(inputs.process(trial.loaded, raw, requested, feeding.longest(trial.request)), trial.loaded)
        tensors = made if self.teacher is None else self.teacher.label(made, told)
        return packing.pack(tensors) if self.packs else tensors


def _taught(teacher: Teacher, trial: Trial, raw: Raw, items: Sequence[Item]) -> dict[str, Any]:
    """Give RAW input of ITEMS with what is told of them."""
    name = "" if trial.request.data is None else trial.request.data.name
    written, told = teacher.write(raw, [item.label for item in items], [f"{name}:{item.line}" for item in items])
    return {**written, _TOLD: list(told)}


def _of_file(trial: Trial, data: Data, teacher: Teacher | None) -> Feed:
    from torch.utils.data import DataLoader

    requested = trial.requested
    found = feeding.read(data)
    asked, size = str(requested["batching"]), whole(requested["batch_size"])
    places = sorted(range(len(found)), key=lambda place: _length(found[place])) if asked == "by-length" else range(len(found))
    order = Order(batches=[places[start : start + size] for start in range(0, len(found) - size + 1, size)])
    if asked == "packed":
        packing.refuse(trial.loaded, trial.traits)
    workers = whole(requested["workers"])
    raws = tuple(_raw(trial, teacher, [found[place] for place in batch]) for batch in order.batches[:MOST_HELD])
    collate = Collator(trial=trial, packs=asked == "packed", teacher=teacher)
    loader: DataLoader[Raw] = DataLoader(
        Items(trial=trial, items=found, teacher=teacher),  # type: ignore[arg-type]
        batch_sampler=order,
        num_workers=workers,
        prefetch_factor=whole(requested["prefetch"]) if workers else None,
        pin_memory=bool(requested["pin_memory"]),
        collate_fn=collate,
    )
    seen = "packed" if collate.packs else "by-length" if order.is_sorted else "as-is"
    return Feed(loader=loader, batching=asked if _alike(found) and asked == "by-length" else seen, to_host=dict, raws=raws)


def _raw(trial: Trial, teacher: Teacher | None, items: Sequence[Item]) -> Raw:
    """Give ITEMS as the raw input of a batch, as the Processor gets it."""
    raw = feeding.raw(trial.loaded, trial.request, items)
    if teacher is None:
        return raw
    return {name: value for name, value in _taught(teacher, trial, raw, items).items() if name != _TOLD}


def _length(item: Item) -> int:
    """Give what the tensors of ITEM grow with: bytes of text, else of sound, else the number of frames or images."""
    if item.text is not None:
        return len(item.text.encode())
    return item.audio.stat().st_size if item.audio is not None else len(item.video) or len(item.images)


def _alike(found: Sequence[Item]) -> bool:
    """Tell whether the items are in the order of their lengths already, so that sorting changes nothing."""
    each = list(map(_length, found))
    return each == sorted(each)


# ── a loader of the user's ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_loader(trial: Trial, data: Data, teacher: Teacher | None) -> Feed:
    """Call the user's function with what it names of the case, and take the DataLoader that it gives.

    The code is the user's own: it is imported since the suite names it.
    """
    from torch.utils.data import DataLoader

    asked = str(trial.requested["batching"])
    if asked != "as-is":
        raise Refused(f"batching {asked}: a loader of your own makes its batches by itself", ReasonCode.NOT_IN_CLASS)
    function = _function(data)
    loader = function(**_arguments(trial, function))
    if not isinstance(loader, DataLoader):
        raise Refused(f"loader {data.name} gave {type(loader).__name__}, not a torch DataLoader", ReasonCode.INPUT_MISMATCH)
    return Feed(loader=loader, batching="as-is", to_host=lambda batch: _to_host(trial.loaded, data, batch, teacher))


def _function(data: Data) -> Callable[..., Any]:
    module, _, name = data.where.partition(":")
    sys.path.insert(0, data.folder)
    try:
        code = importlib.import_module(module)
        found: Callable[..., Any] = getattr(code, name)
        same = hashlib.sha256(Path(str(code.__file__)).read_bytes()).hexdigest() == data.digest
    except (ImportError, AttributeError, OSError) as error:
        raise Refused(f"loader {data.name}: {error}", ReasonCode.INPUT_MISMATCH) from error
    finally:
        sys.path.remove(data.folder)
    if not same:
        msg = f"loader {data.name}: {code.__file__} is not the file that the plan was drawn up for, or has changed since"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
    return found


def _arguments(trial: Trial, function: Callable[..., Any]) -> dict[str, Any]:
    """Give what FUNCTION names of the case."""
    requested = trial.requested
    offered = {
        "processor": trial.loaded.processor,
        "seed": trial.request.procedure.seed,
        **{name: requested[name] for name in ("batch_size", "workers", "prefetch", "pin_memory")},
    }
    parameters = inspect.signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return offered
    return {name: value for name, value in offered.items() if name in parameters}


def _to_host(loaded: Loaded, data: Data, batch: Any, teacher: Teacher | None) -> Mapping[str, Any]:
    """Give the tensors in BATCH, or what the Processor makes of it where it is raw input; with labels by TEACHER."""
    if isinstance(batch, Mapping):
        if any(hasattr(batch[name], "element_size") for name in beside.taken(loaded.model) & batch.keys()):
            return batch if teacher is None else teacher.label(batch, None)
        raw: Raw = {name: batch[name] for name in _RAW if name in batch}
        if raw:
            told = None
            if teacher is not None:
                given = _labels_in(batch, raw)
                raw, told = teacher.write(raw, given, [f"loader {data.name}"] * len(given))
            more = {"padding": True} if "text" in raw else {}
            with parts.refusing(loaded):
                tensors = inputs.through(loaded, raw, {**parts.options(loaded, raw), **more})()
            return tensors if teacher is None else teacher.label(tensors, told)
    held = list(batch) if isinstance(batch, Mapping) else type(batch).__name__
    wanted = f"tensors that {type(loaded.model).__name__} takes, or of {', '.join(sorted(_RAW))}"
    raise Refused(f"loader {data.name} gave a batch of {held}: a batch is a mapping of {wanted}", ReasonCode.INPUT_MISMATCH)


def _labels_in(batch: Mapping[str, Any], raw: Raw) -> list[Json]:
    """Give the label of each item in the raw BATCH; None for each where it has none."""
    found = next((batch[name] for name in _LABELS if name in batch), None)
    if found is None:
        return [None] * max(len(value) for value in raw.values())
    return list(found.tolist() if hasattr(found, "tolist") else found)
