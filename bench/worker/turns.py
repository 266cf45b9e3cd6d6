"""Taking turns with the trial of the other side, call by call, so that both share every bad millisecond (docs/verdicts.md).

Who has the token works, the other waits on its pipe: nothing of one side ever runs beside the other. The token says in which phase
it was passed on and whether its sender has enough of it, so that both end a phase after the same call. When one side is gone the
driver writes an end mark to the other, which then goes on alone.
"""

import os
from dataclasses import dataclass, field
from typing import Protocol

from bench.domain.outcome import ReasonCode
from bench.protocol.messages import END_OF_TURNS, Turns
from bench.worker.failures import Refused


class Turn(Protocol):
    """How a trial's calls are paced."""

    def begin(self) -> None:
        """Wait until this trial may work."""

    def agree(self, phase: str, *, enough: bool) -> bool:
        """Let the other side make its call of PHASE and tell whether the phase is over, which takes that both have ENOUGH.

        Raises Refused where the other side is in another phase: calls of two kinds make no pair.
        """


class Alone:
    """A trial that waits for nobody."""

    def begin(self) -> None:
        """Begin at once."""

    def agree(self, phase: str, *, enough: bool) -> bool:
        """End where this trial has enough."""
        del phase
        return enough


@dataclass(slots=True)
class Paired:
    """A trial that takes turns with another. The first side begins; the second always answers the same call of the first."""

    first: bool
    reading: int
    writing: int
    alone: bool = False
    heard: tuple[str, bool] = ("", False)
    _rest: bytes = field(default=b"", repr=False)

    def begin(self) -> None:
        """Wait for the first token on the second side."""
        if not self.first:
            self._wait()

    def agree(self, phase: str, *, enough: bool) -> bool:
        """Pass the token on and wait for it. Both sides compare their answers to the same call, so that both go on alike."""
        if self.alone:
            return enough
        if self.first:
            self._pass_on(phase, enough=enough)
            self._wait()
            return self._both(phase, self.heard, enough=enough)
        over = self._both(phase, self.heard, enough=enough)
        self._pass_on(phase, enough=enough)
        self._wait()  # what comes with it is the first side's next call, of this phase or the next one
        return over

    def _both(self, phase: str, heard: tuple[str, bool], *, enough: bool) -> bool:
        if self.alone:
            return enough
        if heard[0] != phase:
            msg = f"the sides of this pair do not take the same steps: {phase} here, {heard[0] or 'nothing'} on the other side"
            raise Refused(msg, ReasonCode.NOT_IN_CLASS)
        return enough and heard[1]

    def _pass_on(self, phase: str, *, enough: bool) -> None:
        os.write(self.writing, f"{phase} {int(enough)}\n".encode())

    def _wait(self) -> None:
        """Block until a line has come: a token, or the mark that there will be none."""
        while b"\n" not in self._rest:
            self._rest += os.read(self.reading, 1 << 12)
        line, self._rest = self._rest.split(b"\n", 1)
        if line == END_OF_TURNS.encode():
            self.alone = True
            return
        phase, _, enough = line.decode().rpartition(" ")
        self.heard = (phase, enough == "1")


def of(turns: Turns | None) -> Turn:
    """Give the turn that a request asks for: that of a trial on its own where TURNS is None."""
    if turns is None:
        return Alone()
    # Opened for both ways, a pipe never waits for its other end to be opened and never ends: the driver's mark ends it.
    reading, writing = (os.open(path, os.O_RDWR) for path in (turns.take, turns.give))
    return Paired(first=turns.first, reading=reading, writing=writing)
