"""Canned events: the answers of real workers, kept as files, and short ones of workers that failed."""

from pathlib import Path

from bench.domain.outcome import Outcome, ReasonCode
from bench.protocol.messages import Event, Exited, Failed, Forked, PhaseBegan, Started, encode

EVENTS = Path(__file__).parent / "events"
"""NAME.jsonl: what a worker said of one trial of preset NAME, five iterations a step, in float32 on two cores."""

TWO_CASES = """version: 1
name: canned
models: [tiny-gpt2]
axes: {batch_size: [1, 2], prompt_tokens: [16], new_tokens: [4]}
procedure: {trials: 2, order: as-written}
"""


def an_answer(name: str = "tiny-gpt2") -> str:
    """Give the events of one whole trial."""
    return (EVENTS / f"{name}.jsonl").read_text(encoding="utf-8")


def a_failure(outcome: Outcome = Outcome.ERROR, reason: str = "the roof fell in", code: ReasonCode = ReasonCode.EXCEPTION) -> str:
    """Give the events of a trial that failed while it loaded."""
    events: tuple[Event, ...] = (
        Forked(pid=1),
        Started(baseline_bytes=0),
        PhaseBegan(name="load", at_s=0.1),
        Failed(outcome=outcome, reason=reason, reason_code=code),
        Exited(status=1),
    )
    return "".join(f"{encode(event)}\n" for event in events)


def a_replay(folder: Path, *answers: str) -> str:
    """Write ANSWERS, one whole trial where there are none, into a file of FOLDER and give the executor that replays it."""
    path = folder / "events.jsonl"
    path.write_text("".join(answers) or an_answer(), encoding="utf-8")
    return f"replay:{path}"
