"""Labels that come with a user's own items, in the form that a head's own forward takes.

Which form that is the head decides: a class; an answer that a decoder reads; an answer that goes on from the item's text, of which
only the answer counts; a span of the context. Texts without a label teach themselves, pairs are told apart by what stands together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json, canonical
from bench.worker.failures import Refused
from bench.worker.learning import answers, labels
from bench.worker.learning.answers import Told
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside
from bench.worker.material.making import Raw

NAMES = ("labels", "return_loss", *labels.SPANS)
"""Inputs that tell a forward what to learn."""
MATCHES = 1
"""The class of a pair that belongs together, as those of a file do unless their labels say otherwise."""


class Way(StrEnum):
    """How a head is told what to learn."""

    PAIRS = "pairs"
    SPANS = "spans"
    ANSWERS = "answers"
    CONTINUED = "continued"
    MASKED = "masked"
    CLASSES = "classes"


def way_of(loaded: Loaded) -> Way:
    """Give how LOADED's head is told what to learn. Raises Refused where it has no loss, or its labels are not read from items."""
    model = loaded.model
    names, kind = beside.taken(model), type(model).__name__
    if set(labels.SPANS) <= names:
        return Way.SPANS
    if "labels" not in names:
        if "return_loss" in names:
            return Way.PAIRS
        raise Refused(f"{kind} has no loss: its forward takes no labels", ReasonCode.NOT_IN_CLASS)
    if re.search(f"{labels.OTHER}|{labels.EACH_TOKEN}|{labels.EACH_PIXEL}|{labels.EACH_CLASS}", kind):
        raise Refused(f"no labels of items are read in this version for {kind}", ReasonCode.NOT_IN_VERSION)
    if not labels.writes(model):
        return Way.CLASSES
    if labels.reads_its_own(model, names):
        return Way.ANSWERS
    return Way.CONTINUED if model.can_generate() else Way.MASKED


@dataclass(slots=True, kw_only=True)
class Teacher:
    """Puts the labels of items beside what a Processor makes of them. `longest` is the length that texts are cut to.

    Raises Refused, with where the item stands, for a label that LOADED's head cannot be told.
    """

    loaded: Loaded
    traits: frozenset[Trait]
    longest: int | None = None
    way: Way = field(init=False)

    def __post_init__(self) -> None:
        """Find out how the head is told."""
        self.way = way_of(self.loaded)

    def write(self, raw: Raw, given: Sequence[Json], where: Sequence[str]) -> tuple[Raw, tuple[Told, ...]]:
        """Give RAW input as a Processor is to get it, with an answer behind each text that it goes on from, and what is told.

        GIVEN has the label of each item, WHERE its place in the user's own words.
        """
        texts = raw.get("text") or [""] * len(given)
        told = tuple(
            Told(where=place, label=label, text=text, context=context)
            for place, label, text, context in zip(where, given, texts, raw.get("text_pair") or [""] * len(given), strict=True)
        )
        if self.way is not Way.CONTINUED or ("text" not in raw and all(label is None for label in given)):
            return raw, told
        return {**raw, "text": [one.continued for one in told]}, told

    def label(self, host: Mapping[str, Any], told: Sequence[Told] | None) -> dict[str, Any]:
        """Give HOST's tensors with labels beside them: those that are TOLD, or those that they have; None tells none."""
        tensors = {name: value for name, value in host.items() if name not in beside.FORWARD_ONLY or told is None}
        if told is None and any(name in tensors for name in NAMES):
            return tensors
        if told is None and self.way not in {Way.PAIRS, Way.CONTINUED, Way.MASKED}:
            held = ", ".join(map(str, tensors))
            msg = f"a batch of {held} has no labels, which {type(self.loaded.model).__name__} is trained with"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        return {**tensors, **self._made(tensors, told or ())}

    def _made(self, tensors: Mapping[str, Any], told: Sequence[Told]) -> dict[str, Any]:
        match self.way:
            case Way.PAIRS:
                return {"return_loss": True}
            case Way.SPANS:
                return answers.spans(self.loaded, told, self.longest)
            case Way.ANSWERS:
                return answers.read_by_a_decoder(self.loaded, told)
            case Way.CONTINUED:
                return {"labels": answers.continued(self.loaded, tensors, told)}
            case Way.MASKED:
                return answers.masked(self.loaded, tensors, told)
            case Way.CLASSES:
                return {"labels": self._classes(told)}

    def _classes(self, told: Sequence[Told]) -> Any:
        import torch

        config, count = self.loaded.model.config, labels.classes_of(self.loaded.model)
        if count == 1:
            return torch.tensor([_number(one) for one in told])
        names = getattr(config, "label2id", None) or {}
        return torch.tensor([_class(one, names, count, matches=Trait.MATCHES in self.traits) for one in told])


def _number(one: Told) -> float:
    if isinstance(one.label, int | float) and not isinstance(one.label, bool):
        return float(one.label)
    msg = f"{one.where}: label {canonical(one.label)} is not a number, which this head is trained with"
    raise Refused(msg, ReasonCode.INPUT_MISMATCH)


def _class(one: Told, names: Mapping[str, int], count: int, *, matches: bool) -> int:
    """Give the class that ONE's label numbers or names."""
    label = MATCHES if matches and one.label is None else one.label
    found = names.get(label) if isinstance(label, str) else label
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < count:
        return found
    known = f"0 to {count - 1}" + (f", {', '.join(list(names)[:3])} …" if names else "")
    raise Refused(f"{one.where}: label {canonical(label)} is none of the {count} classes ({known})", ReasonCode.INPUT_MISMATCH)
