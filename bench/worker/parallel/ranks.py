"""One trial, several processes that share its model: each rank carries the whole recipe out, in step with the others.

The trial's own process is rank 0. It forks the others before anything is loaded, in its own process group, so that whatever ends
the trial ends them all, and speaks for all: their samples are merged with its own when all are done. They meet as under torchrun:
RANK, LOCAL_RANK and WORLD_SIZE are set, gloo joins processes on a CPU and NCCL those on accelerators. How many calls a phase has is
agreed upon after each of them, since a rank that went on alone would wait for ever.
"""

import os
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.protocol.messages import Event, Failed, Measure, Observed, Sampled, decode_event, encode
from bench.worker import failures
from bench.worker.clock import Clock
from bench.worker.failures import Refused
from bench.worker.host import offspring
from bench.worker.parallel.merging import merged
from bench.worker.wire import Send

Carry = Callable[[Measure, Send, Clock], None]
_LAST_WORDS_S = 5.0


def count(requested: Mapping[str, Json]) -> int:
    """Give the number of ranks that a case asks for."""
    asked = requested.get("ranks", 1)
    return asked if isinstance(asked, int) else 1


def measure(request: Measure, send: Send, carry_out: Carry) -> None:
    """Let all ranks of REQUEST CARRY it OUT, and send what they found as one trial. Raises Refused, and what rank 0 raises."""
    size = count(request.case.requested)
    _refuse(request, size)
    folder = Path(tempfile.mkdtemp(prefix="bench-ranks-"))
    pids = {rank: _fork(request, rank, size, folder, carry_out) for rank in range(1, size)}
    voice = Voice(send=send)
    watchers = [threading.Thread(target=_watch, args=(rank, pids[rank], folder, voice), daemon=True) for rank in pids]
    for watcher in watchers:
        watcher.start()
    with voice, _joined(0, size, folder):
        carry_out(_of_rank(request, 0, folder), voice.say, Clock())
    for watcher in watchers:
        watcher.join()
    others = {rank: _read(folder, rank) for rank in pids}
    facts = {rank: _facts(events) for rank, events in others.items()}
    copied = next((counted for own in facts.values() if (counted := _copied(own))), None)
    every = {0: tuple(voice.samples), **{rank: _samples(events) for rank, events in others.items()}}
    for samples in merged(every, str(request.case.requested.get("parallel")), copied):
        send(Sampled(samples=samples))
    send(Observed(facts=_by_rank(voice.facts, facts)))


def _copied(facts: Mapping[str, Json]) -> dict[str | None, int]:
    """Give by part how many parameters a rank with these FACTS holds beside another."""
    number, parts = facts.get("rank_copied_parameters"), facts.get("rank_copied_parts")
    if not isinstance(number, int) or not isinstance(parts, list):
        return {}
    return {None: number, **dict.fromkeys(map(str, parts), number)}


@dataclass(slots=True)
class Voice:
    """What rank 0 says: samples are kept until those of the others are there, all else goes out at once."""

    send: Send
    samples: list[Samples] = field(default_factory=list)
    facts: dict[str, Json] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _silent: bool = False

    def say(self, event: Event) -> None:
        """Take an EVENT of rank 0."""
        if isinstance(event, Sampled):
            self.samples.append(event.samples)
            return
        if isinstance(event, Observed):
            self.facts |= event.facts
        with self._lock:
            self.send(event)

    def __enter__(self) -> Self:
        """Let rank 0 speak."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Have the last word where rank 0 failed. Where another one failed first that is the reason, and the watcher tells it."""
        if kind is None:
            return
        if not issubclass(kind, Refused):
            time.sleep(_LAST_WORDS_S)
        self.silence()

    def silence(self) -> None:
        """Let the watcher say nothing more: rank 0 has the last word."""
        with self._lock:
            self._silent = True

    def end_with(self, failed: Failed) -> None:
        """Say that another rank FAILED and end the trial: this process may be waiting for that rank for ever."""
        with self._lock:
            if not self._silent:
                self.send(failed)
                os._exit(1)


def _refuse(request: Measure, size: int) -> None:
    """Refuse what ranks do not do, and more of them than there are cores: they would wait for each other's time slices."""
    requested = request.case.requested
    if requested["scenario"] != Scenario.INFERENCE:
        raise Refused(f"ranks are measured with scenario inference only, not {requested['scenario']}", ReasonCode.NOT_IN_VERSION)
    if request.turns is not None:
        raise Refused("two environments do not take turns with cases of several ranks: run them apart", ReasonCode.NOT_IN_VERSION)
    if requested["device_map"] != "none":
        raise Refused("device_map and several ranks exclude each other: both place the model's parts", ReasonCode.NOT_IN_CLASS)
    threads = requested["threads"]
    each = threads if isinstance(threads, int) else 1
    cores = len(os.sched_getaffinity(0))
    if size * each > cores:
        what = f"{size} ranks of {each} {'thread' if each == 1 else 'threads'}"
        said = f"{what} need {size * each} cores, and {cores} can be used here"
        raise Refused(said, ReasonCode.NO_DEVICE)


def _of_rank(request: Measure, rank: int, folder: Path) -> Measure:
    """Give the request of one rank: it is pinned here, and leaves its reference's outputs where no other rank does."""
    parity = request.parity
    if rank and parity is not None and parity.own and not Path(parity.path).exists():
        parity = replace(parity, path=str(folder / f"parity-{rank}"))
    return replace(request, cores=(), parity=parity)


def _fork(request: Measure, rank: int, size: int, folder: Path, carry_out: Carry) -> int:
    """Start rank RANK and give its process id. It says everything into a file of its own and ends with this process."""
    own = _of_rank(request, rank, folder)  # before rank 0 could write what this asks for
    pid = os.fork()
    if pid:
        return pid
    offspring.die_with_parent(yes=True)
    code = 1
    try:
        with (folder / f"rank-{rank}").open("w", encoding="utf-8", buffering=1) as file:
            code = _carry_out(own, rank, size, folder, carry_out, lambda event: _write(file, event))
    finally:
        os._exit(code)


def _write(file: Any, event: Event) -> None:
    file.write(encode(event) + "\n")


def _carry_out(own: Measure, rank: int, size: int, folder: Path, carry_out: Carry, send: Send) -> int:
    try:
        with _joined(rank, size, folder):
            carry_out(own, send, Clock())
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- the outermost frame of this process
        failed = failures.classify(error)
        if failed.outcome is Outcome.ERROR:
            traceback.print_exc()
        send(failed)
        return 1
    return 0


@contextmanager
def _joined(rank: int, size: int, folder: Path) -> Iterator[None]:
    """Join the ranks on this process's share of the cores, and leave them when all are done."""
    import torch
    from torch import distributed

    cores = sorted(os.sched_getaffinity(0))
    share = len(cores) // size
    os.sched_setaffinity(0, cores[rank * share : (rank + 1) * share])
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    on_cpu = not torch.accelerator.is_available()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all are on this machine, whose own name may not be known to it
    distributed.init_process_group("gloo" if on_cpu else None, init_method=f"file://{folder}/store", rank=rank, world_size=size)
    yield
    distributed.barrier()
    distributed.destroy_process_group()


def _watch(rank: int, pid: int, folder: Path, voice: Voice) -> None:
    """Sleep until RANK, the process PID, ends; where it failed, end the trial with its reason."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        voice.end_with(_failure(folder, rank, status))


def _failure(folder: Path, rank: int, status: int) -> Failed:
    said = next((event for event in reversed(_read(folder, rank)) if isinstance(event, Failed)), None)
    if said is None:
        how = f"signal {-status}" if status < 0 else f"exit code {status}"
        return Failed(outcome=Outcome.KILLED, reason=f"rank {rank} ended with {how}", reason_code=ReasonCode.SIGNAL)
    return said if said.outcome is Outcome.UNSUPPORTED else replace(said, reason=f"rank {rank}: {said.reason}")


def _read(folder: Path, rank: int) -> list[Event]:
    return [decode_event(line) for line in (folder / f"rank-{rank}").read_text(encoding="utf-8").splitlines() if line]


def _samples(events: list[Event]) -> tuple[Samples, ...]:
    return tuple(event.samples for event in events if isinstance(event, Sampled))


def _facts(events: list[Event]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for event in events:
        found |= event.facts if isinstance(event, Observed) else {}
    return found


_TOLD = ("device", "threads", "rank_parameters", "rank_bytes", "rank_batch_size")


def _by_rank(own: Mapping[str, Json], others: Mapping[int, Mapping[str, Json]]) -> dict[str, Json]:
    """Put side by side what each rank observed of its share."""
    every = {0: own, **others}
    return {f"{name}_by_rank": [every[rank].get(name) for rank in sorted(every)] for name in _TOLD if name in own}
