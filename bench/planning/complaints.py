"""What is wrong with the form of a suite, each error of pydantic's put into the house's words and its place found in the file."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from bench.planning import document, forms, tree
from bench.planning.wording import quoted, unknown

_OF_MODEL = 2


def of(error: ValidationError, root: tree.Node) -> Iterator[tuple[tree.Path, int, str]]:
    """Give for each of what ERROR holds its place, its line in the file that ROOT was read from, and the sentence."""
    for one in error.errors(include_url=False):
        place, tag = _place(one["loc"])
        at_key = one["type"] == "extra_forbidden"
        line = root.line_of_key(place) if at_key else root.line_of(place)
        yield place, line, _said(cast("Mapping[str, Any]", one), place, tag)


def _place(loc: tuple[str | int, ...]) -> tuple[tree.Path, str | None]:
    """Part the place of an error from the tag that says which kind of model it is in."""
    if loc[0] == "models" and len(loc) > _OF_MODEL:
        return (*loc[:_OF_MODEL], *loc[_OF_MODEL + 1 :]), str(loc[_OF_MODEL])
    return loc, None


def _said(error: Mapping[str, Any], place: tree.Path, tag: str | None) -> str:
    """Put one error of the form into the house's words."""
    kind, name, found = str(error["type"]), _name(place), error["input"]
    if kind == "bench":
        return str(error["ctx"]["said"])
    if kind in _SAYINGS:
        return _SAYINGS[kind](name, found, error.get("ctx", {}))
    if kind == "extra_forbidden":
        return unknown("key", place[-1], _keys(place[:-1], tag))
    if kind == "missing":
        return f"{place[-1]} is missing: {_name(place[:-1]) if place[:-1] else 'every suite'} needs it"
    return f"{name} {quoted(found)} cannot be used: {re.sub(r'^[A-Z][a-z]+ should', 'it should', str(error['msg']))}"


_NO_MODEL = "a model is a preset's name, or a mapping with one of preset, path, hub"
_SAYINGS: Mapping[str, Callable[[str, Any, Mapping[str, Any]], str]] = {
    "union_tag_not_found": lambda _name, _found, _context: _NO_MODEL,
    "union_tag_invalid": lambda _name, _found, _context: _NO_MODEL,
    "literal_error": lambda name, found, context: unknown(name, found, re.findall(r"'([^']*)'", str(context["expected"]))),
    "too_short": lambda name, _found, _context: (
        f"{name} is empty: give at least one entry{'' if name == 'models' else ', or leave it out'}"
    ),
    "list_type": lambda name, found, _context: (
        f"{name} takes a list{'' if isinstance(found, dict) else f': write [{quoted(found)}]'}"
    ),
    "model_type": lambda name, found, _context: f"{name} takes a mapping, not {quoted(found)}",
    "string_pattern_mismatch": lambda name, found, context: (
        f"{name} {quoted(found)} cannot be used: it has to match {context['pattern']}"
    ),
}


def _name(place: tree.Path) -> str:
    """Name the thing at PLACE: its key, or for an entry of a list the list's; a key itself by the mapping that it is of."""
    if place[-1:] == ("[key]",):
        return f"key of {_name(place[:-2])}"
    return next((str(step) for step in reversed(place) if isinstance(step, str)), "the suite")


_FORMS: Mapping[str, type[BaseModel]] = {
    "axes": document.Axes,
    "include": document.Selection,
    "exclude": document.Selection,
    "reference": document.Reference,
    "procedure": forms.Sampling,
    "load": forms.Load,
    "limits": forms.Bounds,
    "capacity": forms.OfCapacity,
    "requests": forms.OfRequests,
    "cache": forms.OfCache,
    "slo": forms.OfTargets,
    "endurance": forms.OfEndurance,
    "gate": forms.OfGate,
    "data": forms.OfData,
    "<preset>": document.OfPreset,
    "<path>": document.OfPath,
    "<hub>": document.OfHub,
}


def _keys(place: tree.Path, tag: str | None) -> list[str]:
    """List the keys that a mapping at PLACE, in a model the kind that TAG says, may have."""
    within = forms.OfMetric if place[:2] == ("gate", "metrics") else document.Document
    form = within if within is forms.OfMetric else _FORMS.get(tag or (str(place[0]) if place else ""), within)
    return list(form.model_fields)
