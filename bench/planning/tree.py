"""YAML text as a tree that remembers its lines.

Built from the parser's events, so that an alias shares its anchor's node instead of being unfolded, depth is bounded before
it can exhaust the stack, and every duplicate key is found rather than the first.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from bench.domain.values import Json

DEEPEST = 16
"""Levels of nesting that a suite may have; the deepest that means something has six."""

MOST = 100_000
"""Values that a suite may have once its aliases are unfolded."""

_CORE = "tag:yaml.org,2002:"

Path = tuple[str | int, ...]
Complain = Callable[[int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and its line. `size` counts the values below it, aliases unfolded; `children` hold (line of the key, child)."""

    value: Json
    line: int
    size: int = 1
    children: Mapping[str | int, "tuple[int, Node]"] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """Give the line of the value at PATH, or of the nearest value above it that there is."""
        node = self
        for step in path:
            if step in node.children:
                node = node.children[step][1]
        return node.line

    def line_of_key(self, path: Path) -> int:
        """Give the line of the key that PATH ends with, or of the nearest value above it that there is."""
        node = self
        for step in path[:-1]:
            if step in node.children:
                node = node.children[step][1]
        return node.children[path[-1]][0] if path and path[-1] in node.children else node.line


def without(node: Node, paths: Sequence[Path]) -> Node:
    """Give NODE without the values at PATHS, and without what then holds nothing any more; all else keeps its lines."""
    kept: list[tuple[str | int, int, Node]] = []
    for step, (line, child) in node.children.items():
        below = [path[1:] for path in paths if path[:1] == (step,)]
        if () in below:
            continue
        rest = without(child, below) if below else child
        if not below or rest.children:
            kept.append((step, line, rest))
    if isinstance(node.value, Mapping):
        children = {step: (line, child) for step, line, child in kept}
        return replace(node, value={str(step): child.value for step, _, child in kept}, children=children)
    return replace(
        node, value=[child.value for *_, child in kept], children={at: (line, child) for at, (_, line, child) in enumerate(kept)}
    )


class _Mark(Protocol):
    line: int


class _Event(Protocol):
    """What is used of ruamel's events, which carry no types."""

    start_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    implicit: tuple[bool, bool]


class _UnreadableError(Exception):
    """The text cannot be read past LINE."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def read(text: str, complain: Complain) -> Node | None:
    """Read TEXT, the one YAML document of a suite, handing each problem to COMPLAIN; None where it cannot be read at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _Reader(text, complain).document()
    except _UnreadableError as error:
        complain(error.line, str(error))
    except YAMLError as error:
        complain(_line_of(error, text), f"this is not YAML: {_said(error)}")
    except (ValueError, OverflowError, IndexError, AttributeError, TypeError, AssertionError, NotImplementedError) as error:
        # The parser lets these through on malformed directives, escapes and properties.
        complain(1, f"this is not YAML: {type(error).__name__} in the parser: {' '.join(str(error).split())}")
    return None


def _line_of(error: YAMLError, text: str) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    return text.count("\n", 0, int(getattr(error, "position", 0))) + 1


def _said(error: YAMLError) -> str:
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(said).split())


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, text: str, complain: Complain) -> None:
        yaml = YAML(typ="safe", pure=True)
        self._events: Iterator[_Event] = iter(yaml.parse(text))
        self._tag_of: Callable[[type, str, tuple[bool, bool]], object] = yaml.resolver.resolve
        self._complain = complain
        self._anchors: dict[str, Node | None] = {}
        self._size = 0

    def document(self) -> Node | None:
        found: Node | None = None
        for event in self._events:
            kind = _kind(event)
            if kind == "DocumentStart":
                self._begin(event, second=found is not None)
            if kind in {"Scalar", "SequenceStart", "MappingStart", "Alias"}:
                found = self._node(event, depth=0)
        return found

    def _begin(self, event: _Event, *, second: bool) -> None:
        line, version = event.start_mark.line + 1, getattr(event, "version", None)
        if second:
            raise _UnreadableError(line, "a second document begins here. A suite file holds one")
        if version is not None and tuple(version) != (1, 2):
            raise _UnreadableError(line, "suites are YAML 1.2, where yes and no are words. Leave the %YAML line out")

    def _node(self, event: _Event, depth: int) -> Node:
        line, kind = event.start_mark.line + 1, _kind(event)
        if depth > DEEPEST:
            raise _UnreadableError(line, f"nested deeper than {DEEPEST} levels")
        if kind == "Alias":
            node = self._aliased(event, line)
        else:
            if event.anchor is not None:
                self._anchors[event.anchor] = None
            self._check_tag(event, line)
            build = {"Scalar": self._scalar, "SequenceStart": self._sequence, "MappingStart": self._mapping}[kind]
            node = build(event, line, depth)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
        self._size += node.size if kind == "Alias" else 1
        if self._size > MOST:
            raise _UnreadableError(line, f"more than {MOST:,} values, aliases unfolded")
        return node

    def _check_tag(self, event: _Event, line: int) -> None:
        if event.tag is not None and event.tag.removeprefix(_CORE) not in {"str", "seq", "map", *_SCALARS}:
            tag = event.tag.replace(_CORE, "!!")
            self._complain(line, f"tag {tag} is not known. A suite has strings, numbers, true and false, lists and mappings")

    def _aliased(self, event: _Event, line: int) -> Node:
        anchor = str(event.anchor)
        if anchor not in self._anchors:
            raise _UnreadableError(line, f'alias "{anchor}" has no anchor before it')
        node = self._anchors[anchor]
        if node is None:
            raise _UnreadableError(line, f'alias "{anchor}" stands inside what it names')
        return node

    def _sequence(self, _event: _Event, line: int, depth: int) -> Node:
        items: list[Node] = []
        while _kind(event := next(self._events)) != "SequenceEnd":
            items.append(self._node(event, depth + 1))
        return Node(
            value=tuple(item.value for item in items),
            line=line,
            size=1 + sum(item.size for item in items),
            children={index: (item.line, item) for index, item in enumerate(items)},
        )

    def _mapping(self, _event: _Event, line: int, depth: int) -> Node:
        children: dict[str | int, tuple[int, Node]] = {}
        while _kind(event := next(self._events)) != "MappingEnd":
            key_line = event.start_mark.line + 1
            key = self._key(event, depth)
            child = self._node(next(self._events), depth + 1)
            if key in children:
                self._complain(key_line, f'key "{key}" is given twice, first in line {children[key][0]}')
            else:
                children[key] = (key_line, child)
        return Node(
            value={str(key): child.value for key, (_, child) in children.items()},
            line=line,
            size=1 + sum(child.size for _, child in children.values()),
            children=children,
        )

    def _key(self, event: _Event, depth: int) -> str:
        """Read a key as it is written, so that 0 and "0" are one key, as they are in JSON."""
        line = event.start_mark.line + 1
        if _kind(event) == "Scalar":
            text = self._clean(event.value, line)
            if event.anchor is not None:
                self._anchors[event.anchor] = Node(value=text, line=line)
            return text
        node = self._node(event, depth + 1)
        if _kind(event) == "Alias" and isinstance(node.value, str):
            return node.value
        raise _UnreadableError(line, "a list or a mapping cannot be a key")

    def _scalar(self, event: _Event, line: int, _depth: int) -> Node:
        text = self._clean(event.value, line)
        tag = event.tag or self._tag_of(ScalarNode, event.value, event.implicit)
        kind = str(tag).removeprefix(_CORE)
        try:
            return Node(value=_SCALARS.get(kind, str)(text), line=line)
        except (ValueError, OverflowError):
            self._complain(line, f"{text[:40]} is not a number that can be used here")
            return Node(value=text, line=line)

    def _clean(self, text: str, line: int) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _UnreadableError(line, "half of a surrogate pair is not a character")
        return text


def _kind(event: _Event) -> str:
    return type(event).__name__.removesuffix("Event")


def _bool(text: str) -> bool:
    return text.lower() == "true"


def _int(text: str) -> int:
    digits = text.replace("_", "")
    value = int(digits, 0) if digits.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"} else int(digits)
    if value.bit_length() >= 64:  # noqa: PLR2004 -- what records and other programs can hold
        raise OverflowError(text)
    return value


def _float(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _null(_text: str) -> None:
    return None


_SCALARS: Mapping[str, Callable[[str], Json]] = {"bool": _bool, "int": _int, "float": _float, "null": _null}


def plain(value: Json) -> object:
    """Turn tuples back into lists, which is what validators of documents expect."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
