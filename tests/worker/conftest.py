"""A worker that the trials of one file share."""

from collections.abc import Iterator

import pytest

from bench.execution.executors.local import Local
from tests.support.trials import opened


@pytest.fixture(scope="module")
def executor() -> Iterator[Local]:
    with opened() as one:
        yield one
