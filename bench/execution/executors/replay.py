"""The replay executor: canned events instead of a worker, and no clock. It drives tests, documentation and demonstrations.

`replay:FILE` reads a file of events, one a line as on the wire, each request's ending with Exited; requests get them in turn, and
from the start again when the file ends. Records of it say so: `replayed` stands in their environment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from bench.domain.errors import UsageError
from bench.domain.procedure import StartMethod
from bench.protocol.codec import CodecError
from bench.protocol.messages import VERSION, Capabilities, Environment, Event, Exited, Request, decode_event


def make(argument: str) -> "Replay":
    """Make the executor that replays the file ARGUMENT. Raises UsageError where it cannot."""
    if not argument:
        raise UsageError("the replay executor needs a file of events: --executor replay:FILE")
    try:
        events = [decode_event(line) for line in Path(argument).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, CodecError) as error:
        raise UsageError(f"{argument}: events cannot be read: {error}") from error
    answers: list[list[Event]] = [[]]
    for event in events:
        answers[-1].append(event)
        if isinstance(event, Exited):
            answers.append([])
    if answers.pop() or not answers:
        raise UsageError(f"{argument}: the last event of a request must be `exited`")
    return Replay(answers)


@dataclass(slots=True)
class Replay:
    """Answers requests with canned events, in turn."""

    loads: ClassVar[bool] = False
    answers: list[list[Event]]
    asked: list[Request] = field(default_factory=list)

    def open(self, nurseries: int, method: StartMethod) -> tuple[Capabilities, ...]:
        """Be ready at once."""
        return (Capabilities(version=VERSION, python="replay", libraries={}, start_method=method),) * nurseries

    def ask(self, request: Request, nursery: int, time_limit_s: float | None, memory_limit_bytes: int | None) -> Iterator[Event]:
        """Give the next canned answer."""
        del nursery, time_limit_s, memory_limit_bytes  # a replay needs no limits
        answer = self.answers[len(self.asked) % len(self.answers)]
        self.asked.append(request)
        yield Environment(facts={"replayed": True})
        yield from answer

    def stderr_tail(self) -> str:
        """Give nothing: no process wrote anything."""
        return ""

    def close(self) -> None:
        """Do nothing."""
