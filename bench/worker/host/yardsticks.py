"""Fixed pieces of work that are timed beside a trial: how fast the machine is just now, whatever is measured on it.

Clock, heat and who shares the silicon change that from minute to minute, and no counter of the kernel tells (docs/verdicts.md).
Neither piece uses torch or transformers, which may be what is compared.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from bench.domain.values import Json

if TYPE_CHECKING:
    import numpy as np

TIMES = 3
"""How often each piece is timed: some milliseconds a time."""
_SIDE, _PRODUCTS, _STEPS = 64, 300, 8_000


def read() -> dict[str, float]:
    """Give for each piece the seconds of processor time that it takes now, in the median of three."""
    _squares()  # made before anything is timed
    return {name: statistics.median(_seconds(work) for _ in range(TIMES)) for name, work in PIECES.items()}


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, Json]:
    """Give the seconds of each piece before and after what was timed."""
    return {name: [before[name], after[name]] for name in PIECES}


def _seconds(work: Callable[[], None]) -> float:
    start = time.thread_time()  # waiting for a core is told by run_delay_share
    work()
    return time.thread_time() - start


def _multiply() -> None:
    """Multiply matrices that lie in the nearest cache, small enough for one thread of any BLAS: the vector units."""
    square = _squares()
    for _ in range(_PRODUCTS):
        _ = square @ square


def _interpret() -> None:
    """Make strings and fill a dictionary: the interpreter, branches and memory."""
    seen = {}
    for number in range(_STEPS):
        seen[str(number & 1023)] = number


@cache
def _squares() -> "np.ndarray":
    import numpy as np

    return np.full((_SIDE, _SIDE), 0.5, dtype=np.float32)


PIECES: Mapping[str, Callable[[], None]] = {"products_s": _multiply, "interpreter_s": _interpret}
