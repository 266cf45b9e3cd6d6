"""Files of items of strangers: what is fine is read, and all that is not is told by its line."""

import os
import struct
import zlib
from pathlib import Path

import pytest

from bench.domain.values import Json
from bench.models import items, media_files
from bench.models.digests import Digests
from tests.support.items import a_sound, an_image, lines


def said(file: Path, **options: bool) -> list[tuple[int, str]]:
    told: list[tuple[int, str]] = []
    items.read(file, lambda line, what: told.append((line, what)), **options)
    return told


def digest(file: Path, folder: Path) -> str:
    return items.digest(items.read(file, lambda *_: None), Digests(folder=folder))


def a_bomb(path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0" * 99)) + chunk(b"IEND", b""))


def test_items_are_read_with_their_lines_and_files(tmp_path: Path) -> None:
    an_image(tmp_path / "a.png")
    a_sound(tmp_path / "s.wav")
    file = lines(
        tmp_path, {"question": "what?", "image": "a.png", "answer": "a cat", "id": 7}, b"", {"audio": "s.wav", "text": "it"}
    )
    first, second = items.read(file, lambda *_: None)
    assert (first.line, first.text, first.images, first.label) == (1, "what?", ((tmp_path / "a.png").resolve(),), "a cat")
    assert (second.line, second.audio) == (3, (tmp_path / "s.wav").resolve())
    assert not first.lacks("image")
    assert second.lacks("image")
    assert items.read(file, lambda *_: None, most=1) == (first,)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "this is not JSON"),
        (b"[1]", "an item is a JSON object"),
        (b"\xff", "this is not UTF-8 text"),
        (b'{"label": NaN, "text": "a"}', "NaN is no value of JSON"),
        (b"[" * 100_000, "nested too deep"),
        ({"id": 3}, "nothing that a model takes"),
        ({"text": 7}, "text takes a text, not 7"),
        ({"text": "a", "prompt": "b"}, "text and prompt are the same thing"),
        (b'{"text": "\\ud800"}', "half of a surrogate pair"),
        ({"image": 3}, "image takes a path or a list of paths, not 3"),
        ({"image": "a.png", "images": ["a.png"]}, "image and images are the same thing"),
        ({"audio": ["s.wav", "s.wav"]}, "audio has 2 paths: an item has at most 1"),
        ({"image": "none.png"}, 'image "none.png" does not exist'),
        ({"image": "../outside.png"}, "lies outside of the data file's folder"),
        ({"image": "/etc/hostname"}, "lies outside of the data file's folder"),
        ({"image": "link.png"}, "lies outside of the data file's folder"),
        ({"image": "cut.png"}, "is a broken picture"),
        ({"image": "cut.jpg"}, "its end is missing"),
        ({"image": "text.png"}, "is no picture that can be read"),
        ({"image": "empty.png"}, "is empty"),
        ({"image": "bomb.png"}, "may be a decompression bomb"),
        ({"image": "pipe"}, "is not a file"),
        ({"image": "x" * 5000}, "cannot be read"),
        ({"image": "a\0b"}, "cannot be read"),
        ({"audio": "cut.wav"}, "ends before its header says"),
        ({"audio": "text.png"}, "is no sound that can be read"),
        ({"audio": "silent.wav"}, "holds no sound"),
        ({"video": ["film.mp4"]}, "a clip as a list of pictures"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(tmp_path: Path, line: Json | bytes, what: str) -> None:
    an_image(tmp_path / "a.png")
    an_image(tmp_path / "b.jpg", (200, 200))
    a_sound(tmp_path / "s.wav")
    a_sound(tmp_path / "silent.wav", 0)
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:-60])
    (tmp_path / "cut.wav").write_bytes((tmp_path / "s.wav").read_bytes()[:900])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "film.mp4").write_text("film")
    (tmp_path / "empty.png").touch()
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    a_bomb(tmp_path / "bomb.png")
    [(number, told)] = said(lines(tmp_path, {"text": "fine"}, line))
    assert number == 2
    assert what in told


def test_absolute_paths_are_taken_where_they_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    outside = an_image(tmp_path / "a.png")
    file = lines(tmp_path / "inner", {"image": str(outside)}, {"image": "../a.png"})
    assert said(file, absolute=True) == []
    assert [line for line, _ in said(file)] == [1, 2]


def test_a_huge_file_is_told_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_files, "LARGEST", 50)
    an_image(tmp_path / "a.png", (200, 200))
    [(_, told)] = said(lines(tmp_path, {"image": "a.png"}))
    assert "media may have" in told


def test_a_line_without_an_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "LONGEST_LINE", 99)
    assert [line for line, _ in said(lines(tmp_path, {"text": "a"}, {"text": "a" * 200}, {"text": "b"}))] == [2]


def test_a_file_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(OSError, match=r"not a file|not exist"):
            items.read(path, lambda *_: None)


def test_the_digest_is_of_what_items_hold_and_of_no_name(tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    an_image(tmp_path / "a.png")
    an_image(tmp_path / "moved" / "b.png")
    file = lines(tmp_path, {"text": "x", "image": "a.png"})
    elsewhere = lines(tmp_path / "moved", {"image": "b.png", "prompt": "x"}, name="other.jsonl")
    before = digest(file, tmp_path)
    assert before == digest(elsewhere, tmp_path)
    an_image(tmp_path / "a.png", colour=91)
    assert digest(file, tmp_path) != before
    other = lines(tmp_path, {"text": "y", "image": "a.png"}, name="y.jsonl")
    assert digest(other, tmp_path) != digest(file, tmp_path)
