"""The worker's end of the wire.

Descriptor 1 is duplicated for events and then pointed at standard error before any library is imported, so that no library's
print can break the protocol.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bench.protocol.messages import Event, encode

Send: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Wire:
    """Two descriptors: requests come in, events go out."""

    requests: int
    events: int

    def send(self, event: Event, *, on_new_line: bool = False) -> None:
        """Send EVENT as one line. `on_new_line` sets it apart from a line that a killed process may have left torn."""
        data = (("\n" if on_new_line else "") + encode(event) + "\n").encode()
        while data:
            data = data[os.write(self.events, data) :]


def claim() -> Wire:
    """Take the standard streams for the protocol: afterwards descriptor 0 is empty and 1 is standard error."""
    sys.stdout.flush()
    wire = Wire(requests=os.dup(0), events=os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire
