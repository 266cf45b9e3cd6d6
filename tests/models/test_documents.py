"""Files of strangers are read within bounds."""

from pathlib import Path

import pytest

from bench.domain.values import Json
from bench.models import documents
from bench.models.refused import RefusedError


def test_a_name_that_the_system_refuses_is_a_refusal() -> None:
    with pytest.raises(RefusedError, match="cannot be read: File name too long"):
        documents.read(Path("x" * 300))


@pytest.mark.parametrize("value", [True, -1, 2**53, 1.0, "1", None, [1]])
def test_what_is_no_size_is_none(value: Json) -> None:
    assert documents.whole(value) is None


def test_zero_is_a_size() -> None:
    assert documents.whole(0) == 0


def test_a_mark_at_the_start_of_a_file_is_skipped() -> None:
    assert documents.parse(b'\xef\xbb\xbf{"a": 1}', "x.json") == {"a": 1}
