"""The page of presets says what the files say."""

from bench.models import presets
from tests.support.presets_page import BEGIN, END, PAGE, table


def test_the_table_of_presets_is_the_one_that_their_files_make() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0] == table(), "run `python -m tests.support.presets_page`"


def test_every_preset_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in presets.names() if f"| {name} |" not in text] == []
