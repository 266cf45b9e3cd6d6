"""What a test needs that the lowest supported version of a library does not have: there it is skipped, and says so."""

from importlib.metadata import version

import pytest

TESTED = "5.23"


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


OLDER_TRANSFORMERS = _parts(version("transformers")) < _parts(TESTED)


def needs_transformers(what: str) -> pytest.MarkDecorator:
    """Skip where transformers is older than the tested one, which alone is known to have WHAT."""
    return pytest.mark.skipif(OLDER_TRANSFORMERS, reason=f"transformers {version('transformers')}: {what}")
