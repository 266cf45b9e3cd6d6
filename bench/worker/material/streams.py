"""The batches of a loader one after the other, without an end."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.material.loaders import MOST_HELD, Feed


@dataclass(slots=True, kw_only=True)
class Stream:
    """The batches of a feed: a loader that is through begins again. `waited_s` is what was waited for them so far."""

    feed: Feed
    passes: int = 0
    waited_s: float = 0.0
    _running: Iterator[Any] | None = None

    def take(self) -> Any:
        """Wait for the next batch. Raises Refused where the loader gives none at all."""
        start = time.perf_counter()
        for _ in range(2):
            if self._running is None:
                self._running = iter(self.feed.loader)
            try:
                batch = next(self._running)
            except StopIteration:
                self._running, self.passes = None, self.passes + 1
            except RuntimeError as error:
                refused = _retold(error)
                if refused is None:
                    raise
                raise refused from error
            else:
                self.waited_s += time.perf_counter() - start
                return batch
        raise Refused("the loader gives no batch", ReasonCode.INPUT_MISMATCH)

    def held(self) -> int:
        """Give the number of batches that are held: those of one pass, or as many as ever are where the loader does not know."""
        try:
            own = max(len(self.feed.loader), 1)
        except TypeError:
            own = MOST_HELD
        return len(self.feed.raws) or min(MOST_HELD, own)

    def close(self) -> None:
        """Let the loader's processes end."""
        self._running = None


def _retold(error: RuntimeError) -> Refused | None:
    """Give the Refused that a loader process ended with, which torch hands on as the text of ERROR; None where it was another."""
    found = re.search(r"failures\.Refused: (.+)", str(error))
    return None if found is None else Refused(found[1].strip(), ReasonCode.INPUT_MISMATCH)
