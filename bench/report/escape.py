"""Text that came from outside (names of models, reasons, messages of libraries), made harmless for where it is shown."""

import re

_MARKDOWN = re.compile(r"[\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMULA = re.compile(r"[=+\-@\t\r\n]")


def one_line(text: str) -> str:
    """Spell TEXT in one line of printable characters: others, such as a terminal's escape, are spelled as Python spells them."""
    return _printable(" ".join(text.split()))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def markdown(text: str) -> str:
    """Spell TEXT so that Markdown shows it as it is: no table cell ends in it, no tag and no emphasis begins."""
    safe = "".join(_HTML.get(character, character) for character in one_line(text))
    return _MARKDOWN.sub(lambda found: f"\\{found.group()}", safe)


def cell(text: str) -> str:
    """Spell TEXT in printable characters, and so that no spreadsheet takes it for a formula: it then gets an apostrophe first."""
    return f"'{_printable(text)}" if _FORMULA.match(text) else _printable(text)
