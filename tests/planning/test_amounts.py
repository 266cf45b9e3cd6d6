import pytest

from bench.planning.amounts import read_bytes, read_seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GiB", 8 * 2**30),
        ("1.5 GB", 1_500_000_000),
        ("500MB", 500 * 10**6),
        ("1B", 1),
        ("2kB", 2000),
        ("1KiB", 1024),
        ("3 TiB", 3 * 2**40),
        ("0.5KiB", 512),
    ],
)
def test_amounts_of_memory_are_read(text: str, size: int) -> None:
    assert read_bytes(text) == size
    assert type(read_bytes(text)) is int


@pytest.mark.parametrize(
    "text", ["8", "GiB", "8gib", "8 G", "-1GiB", "1e3B", "8GiB\n", " 8GiB", "8  GiB", "9" * 16 + "B", "٣GiB", ""]
)
def test_other_texts_are_no_amounts_of_memory(text: str) -> None:
    assert read_bytes(text) is None


@pytest.mark.parametrize(("text", "seconds"), [("2.5s", 2.5), ("3 s", 3.0), ("0s", 0.0)])
def test_spans_are_read(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["3", "s", "3m", "-1s", "1e3s", "3s\n", "3  s", "nan s"])
def test_other_texts_are_no_spans(text: str) -> None:
    assert read_seconds(text) is None
