"""Nouns to JSON and back, strictly: what a dataclass does not name is refused, and so is a value of another type.

One codec serves the wire and the store, so that a record can hold nothing that could not have been sent.
"""

import dataclasses
import json
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bench.domain.values import Json

Noun = TypeVar("Noun")


class CodecError(ValueError):
    """A value does not have the form that its type demands; the text says where."""


def to_json(value: object) -> Json:
    """Turn a noun into JSON values: dataclasses into objects, enums into their values, tuples into arrays.

    Raises CodecError where a value has no JSON form.
    """
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, Enum):
        return to_json(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence | frozenset) and not isinstance(value, str | bytes):
        items = sorted(value) if isinstance(value, frozenset) else value
        return [to_json(item) for item in items]
    msg = f"{type(value).__name__} has no JSON form"
    raise CodecError(msg)


def dumps(value: object) -> str:
    """Encode a noun as one line of ASCII JSON, without the line end. Raises CodecError for NaN and infinities.

    ASCII, because texts of foreign libraries may hold what is no valid UTF-8, such as half of a file name's surrogate pair.
    """
    try:
        return json.dumps(to_json(value), separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise CodecError(str(error)) from error


def loads(kind: type[Noun], line: str | bytes) -> Noun:
    """Decode one line of JSON into KIND. Raises CodecError where it is not JSON or does not have KIND's form."""
    return from_json(kind, parse(line))


def parse(line: str | bytes) -> Json:
    """Read one line of JSON. Raises CodecError where it is none: NaN, infinities and bottomless nesting are not."""
    try:
        value: Json = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error}"
        raise CodecError(msg) from error
    return value


def _no_number(word: str) -> None:
    msg = f"{word} is not a number"
    raise ValueError(msg)


def from_json(kind: type[Noun], value: Json) -> Noun:
    """Turn JSON values into KIND. Raises CodecError, naming the place, where they do not have its form."""
    decode = _decoder(kind)  # type: ignore[arg-type]  # every class is hashable, mypy does not see it through TypeVar
    noun: Noun = decode(value, kind.__name__)
    return noun


# A type annotation may be anything, hence Any: this is the one place that looks at annotations at run time.
_Decode = Callable[[Any, str], Any]


@cache
def _decoder(kind: Any) -> _Decode:  # noqa: PLR0911 -- one return a kind of annotation
    """Find the function that decodes values annotated as KIND."""
    if kind is Json:
        return lambda value, _where: value
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return _optional(kind, inner)
    if origin in {tuple, frozenset}:
        return _array(inner[0], origin)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner[1])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    return _scalar(kind)


def _optional(kind: Any, inner: tuple[Any, ...]) -> _Decode:
    others = [one for one in inner if one is not type(None)]
    if len(others) != 1:
        msg = f"the codec knows unions with None only, not {kind}"
        raise TypeError(msg)
    decode = _decoder(others[0])
    return lambda value, where: None if value is None else decode(value, where)


def _array(inner: Any, build: Callable[[Any], Any]) -> _Decode:
    decode = _decoder(inner)

    def array(value: Any, where: str) -> Any:
        _expect(isinstance(value, list), where, "an array", value)
        return build(decode(item, where) for item in value)

    return array


def _mapping(inner: Any) -> _Decode:
    decode = _decoder(inner)

    def mapping(value: Any, where: str) -> Any:
        _expect(isinstance(value, dict), where, "an object", value)
        return {key: decode(item, f"{where}.{key}") for key, item in value.items()}

    return mapping


def _enum(kind: type[Enum]) -> _Decode:
    members = {member.value: member for member in kind}

    def enum(value: Any, where: str) -> Any:
        _expect(isinstance(value, str | int) and value in members, where, "one of " + ", ".join(map(str, members)), value)
        return members[value]

    return enum


def _dataclass(kind: Any) -> _Decode:
    hints = get_type_hints(kind)
    fields = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}
    needed = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def noun(value: Any, where: str) -> Any:
        _expect(isinstance(value, dict), where, "an object", value)
        unknown, missing = value.keys() - fields.keys(), needed - value.keys()
        if unknown or missing:
            msg = f"{where}: " + "; ".join(
                [f"unknown field {name!r}" for name in sorted(unknown)] + [f"field {name!r} is missing" for name in sorted(missing)]
            )
            raise CodecError(msg)
        return kind(**{name: fields[name](item, f"{where}.{name}") for name, item in value.items()})

    return noun


def _scalar(kind: Any) -> _Decode:
    if kind is float:

        def number(value: Any, where: str) -> Any:
            _expect(type(value) in {int, float} and abs(value) <= sys.float_info.max, where, "a finite number", value)
            return float(value)

        return number

    def scalar(value: Any, where: str) -> Any:
        _expect(type(value) is kind, where, kind.__name__, value)
        return value

    return scalar


def _expect(holds: bool, where: str, what: str, value: object) -> None:  # noqa: FBT001 -- a condition, as in assert
    """Raise CodecError unless the condition HOLDS."""
    if not holds:
        shown = json.dumps(value, default=str)
        msg = f"{where}: expected {what}, found {shown if len(shown) <= 60 else shown[:60] + '…'}"  # noqa: PLR2004
        raise CodecError(msg)
