"""A file of items, as users keep them: JSON, one object a line, with the paths of media relative to the file.

{"image": "photos/1.jpg", "question": "what is it?", "label": "a cat"}

The file is a stranger's until it is read: paths stay below its folder unless the suite allows absolute ones, links followed first,
and media are held against limits. All that is wrong is told at once, each with its line.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from bench.domain.values import Json, canonical
from bench.models import media_files
from bench.models.digests import Digests

TEXTS = ("text", "question", "prompt")
"""Fields that hold an item's text; `context` holds the second one of a pair."""

LABELS = ("label", "labels", "answer")
"""Fields that hold what training is told."""

MOST = 1_000_000
LARGEST = 2**30
LONGEST_LINE = 2**22
MOST_OF_ONE = 512
"""Items, bytes, bytes a line; images or frames an item."""

Complain = Callable[[int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: its line, its texts, the files of its media, and its label."""

    line: int
    text: str | None = None
    context: str | None = None
    images: tuple[Path, ...] = ()
    audio: Path | None = None
    video: tuple[Path, ...] = ()
    label: Json = None

    def lacks(self, field: str) -> bool:
        """Tell whether FIELD, the name of a modality, is not among what the item has."""
        return not {"text": self.text, "image": self.images, "audio": self.audio, "video": self.video}[field]

    def files(self) -> tuple[Path, ...]:
        """Give the files of its media."""
        return (*self.images, *((self.audio,) if self.audio else ()), *self.video)


def read(
    file: Path, complain: Complain, *, most: int | None = None, absolute: bool = False, media: bool = True
) -> tuple[Item, ...]:
    """Read the items of FILE, of which the first MOST, handing each problem with its line to COMPLAIN.

    ABSOLUTE paths are taken where that is allowed; MEDIA are looked into unless only the lines are asked about. Raises OSError
    where the file cannot be read.
    """
    reader = _Reader(file.resolve().parent, complain, absolute=absolute, media=media)
    found = []
    for line, text in _lines(file, complain):
        item = reader.item(line, text)
        if item is not None:
            found.append(item)
        if len(found) >= (most or MOST):
            break
    return tuple(found)


def digest(items: tuple[Item, ...], digests: Digests) -> str:
    """Hash what ITEMS hold: texts, labels, and the bytes of the media, whatever their names. Raises OSError."""
    whole = hashlib.sha256()
    for item in items:
        own: dict[str, Json] = {"text": item.text, "context": item.context, "label": item.label}
        own["media"] = [
            [digests.of(path) for path in files] for files in (item.images, (item.audio,) if item.audio else (), item.video)
        ]
        whole.update(canonical(own).encode() + b"\n")
    return whole.hexdigest()


def _lines(file: Path, complain: Complain) -> Iterator[tuple[int, str]]:
    """Give the lines of FILE that hold something, with their numbers from 1."""
    if not file.is_file():
        raise OSError(None, "it is not a file" if file.exists() else "it does not exist")
    if file.stat().st_size > LARGEST:
        raise OSError(None, f"it has more than {LARGEST >> 20} MiB")
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                complain(number, f"this line has more than {LONGEST_LINE >> 20} MiB: keep media in files of their own")
                return
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                complain(number, "this is not UTF-8 text: save the file as UTF-8")
                continue
            if text:
                yield number, text


class _Reader:
    """Reads the items of one file: a file of media that several name is looked into once."""

    def __init__(self, folder: Path, complain: Complain, *, absolute: bool, media: bool) -> None:
        self._folder, self._complain, self._absolute, self._media = folder, complain, absolute, media
        self._seen: dict[tuple[str, Path], str | None] = {}
        self._line, self._fine = 0, True

    def item(self, line: int, text: str) -> Item | None:
        """Read the item on LINE; None where something is wrong with it, which was told."""
        self._line, self._fine = line, True
        value = self._object(text)
        if value is None:
            return None
        sounds = self._paths(value, ("audio",), "sound", single=True)
        found = Item(
            line=line,
            text=self._text(value, TEXTS),
            context=self._text(value, ("context",)),
            images=self._paths(value, ("image", "images"), "image"),
            audio=sounds[0] if sounds else None,
            video=self._paths(value, ("video",), "frame"),
            label=next((value[name] for name in LABELS if name in value), None),
        )
        if self._fine and not (found.text or found.files()):
            self._say(f"this item has nothing that a model takes: give it one of {', '.join(TEXTS)}, image, images, audio, video")
        return found if self._fine else None

    def _say(self, what: str) -> None:
        self._fine = False
        self._complain(self._line, what)

    def _object(self, text: str) -> Mapping[str, Json] | None:
        try:
            value = json.loads(text, parse_constant=_refuse)
        except RecursionError:
            self._say("this is nested too deep")
        except ValueError as error:
            self._say(f"this is not JSON: {error}")
        else:
            if isinstance(value, dict):
                return cast("Mapping[str, Json]", value)
            self._say('an item is a JSON object such as {"text": "a line"}')
        return None

    def _text(self, value: Mapping[str, Json], names: tuple[str, ...]) -> str | None:
        given = [name for name in names if value.get(name) is not None]
        if len(given) > 1:
            self._say(f"{' and '.join(given)} are the same thing: give one of them")
        if not given:
            return None
        found = value[given[0]]
        if not isinstance(found, str) or not found.strip():
            self._say(f"{given[0]} takes a text, not {_shown(found)}")
            return None
        if any("\ud800" <= character <= "\udfff" for character in found):
            self._say(f"{given[0]} holds half of a surrogate pair, which is not a character")
            return None
        return found

    def _paths(self, value: Mapping[str, Json], names: tuple[str, ...], kind: str, *, single: bool = False) -> tuple[Path, ...]:
        given = [name for name in names if value.get(name) is not None]
        if len(given) > 1:
            self._say(f"{' and '.join(given)} are the same thing: give one of them")
        if not given:
            return ()
        name, held = given[0], value[given[0]]
        written = [held] if isinstance(held, str) else held
        if not isinstance(written, list) or not written or not all(isinstance(one, str) and one for one in written):
            self._say(f"{name} takes {'a path' if single else 'a path or a list of paths'}, not {_shown(held)}")
            return ()
        if len(written) > (1 if single else MOST_OF_ONE):
            self._say(f"{name} has {len(written)} paths: an item has at most {1 if single else MOST_OF_ONE}")
            return ()
        found = [self._path(name, str(one), kind) for one in written]
        return tuple(path for path in found if path is not None)

    def _path(self, name: str, written: str, kind: str) -> Path | None:
        """Find the file WRITTEN, and look into it unless only the lines are asked about; None where it cannot be taken."""
        said = None
        try:
            path = (self._folder / written).resolve()
            if not self._absolute and not path.is_relative_to(self._folder):
                said = "lies outside of the data file's folder (`absolute_paths: allowed` in the suite takes it)"
            elif self._media:
                if (kind, path) not in self._seen:
                    self._seen[kind, path] = media_files.said(path, kind)
                said = self._seen[kind, path]
        except (OSError, ValueError, RuntimeError) as error:
            said = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        if said is None:
            return path
        self._say(f"{name} {_shown(written)} {said}")
        return None


def _refuse(word: str) -> NoReturn:
    msg = f"{word} is no value of JSON"
    raise ValueError(msg)


def _shown(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "…"  # noqa: PLR2004 -- half a line
