"""The local executor: nurseries on this machine, each a process of its own session, spoken to over pipes."""

import contextlib
import fcntl
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar

from bench.domain.errors import WorkerError
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import StartMethod
from bench.execution import foreign
from bench.execution.watch import POLL_S, Watch
from bench.protocol.codec import CodecError
from bench.protocol.messages import Capabilities, Event, Exited, Failed, Forked, Noted, Request, Started, decode_event, encode
from bench.protocol.variables import SCRATCH

START_LIMIT_S = 600.0
END_LIMIT_S = 10.0
_TAIL = 4096


def make(_argument: str) -> "Local":
    """Make the executor; it takes no argument."""
    return Local()


@dataclass(slots=True)
class Nursery:
    """One worker process, and what of its events has been read but not used."""

    process: "subprocess.Popen[bytes]"
    stderr: IO[bytes]
    scratch: Path
    rest: bytes = b""
    lines: list[bytes] = field(default_factory=list)

    def line(self, timeout_s: float) -> bytes | None:
        """Give the next line, None where none comes in time. Raises EOFError when the worker is gone."""
        end = time.monotonic() + timeout_s
        while not self.lines:
            if self.process.stdout is None or self.process.stdout.closed:
                raise EOFError
            ready, _, _ = select.select([self.process.stdout], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return None
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise EOFError
            *whole, self.rest = (self.rest + chunk).split(b"\n")
            self.lines = [line for line in whole if line.strip()]
        return self.lines.pop(0)

    def tail(self) -> str:
        """Give the end of the standard error since it was last forgotten."""
        size = os.fstat(self.stderr.fileno()).st_size
        return os.pread(self.stderr.fileno(), _TAIL, max(size - _TAIL, 0)).decode(errors="replace")

    def forget_stderr(self) -> None:
        """Empty the standard error, so that a long run cannot fill the disk with it."""
        os.ftruncate(self.stderr.fileno(), 0)


def _stderr() -> IO[bytes]:
    """Open what a nursery and its trials write their standard error to.

    All writes go to its end, which tempfile's modes do not see to: after it was emptied, what is written next would else stand
    behind as many zeros as had been written before.
    """
    opened = tempfile.TemporaryFile(prefix="bench-stderr-")  # noqa: SIM115 -- it lives as long as its nursery
    fcntl.fcntl(opened, fcntl.F_SETFL, fcntl.fcntl(opened, fcntl.F_GETFL) | os.O_APPEND)
    return opened


@dataclass(slots=True)
class Local:
    """Nurseries on this machine. A nursery that died is started anew for the next request.

    `python` is the interpreter that they run in, as it was written: symbolic links are not resolved, since a virtual environment is
    known by its link. `env` is added to the caller's environment variables.
    """

    loads: ClassVar[bool] = True
    python: str = sys.executable
    method: StartMethod = StartMethod.NURSERY
    env: Mapping[str, str] = field(default_factory=dict)
    nurseries: list[Nursery] = field(default_factory=list)
    last: Nursery | None = None

    def open(self, nurseries: int, method: StartMethod) -> tuple[Capabilities, ...]:
        """Start NURSERIES more, all at once, since nothing is measured yet, and wait for each."""
        started = [self.start(method) for _ in range(nurseries)]
        return tuple(self.ready(nursery) for nursery in started)

    def start(self, method: StartMethod) -> Nursery:
        """Start one more and wait for nothing. Raises WorkerError where its interpreter cannot be run."""
        self.method = method
        self.nurseries.append(self._start())
        return self.nurseries[-1]

    def _start(self) -> Nursery:
        stderr = _stderr()
        scratch = Path(self.env.get("TMPDIR", tempfile.gettempdir()), f"bench-{os.getpid()}-{secrets.token_hex(8)}")
        try:
            process = subprocess.Popen(
                [self.python, "-m", "bench.worker", "--start-method", self.method],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                env={**os.environ, **foreign.search_path(self.python, self.env), SCRATCH: str(scratch)},
            )
        except OSError as error:
            stderr.close()
            raise WorkerError(f"{self.python} cannot be started: {error.strerror}") from error
        return Nursery(process, stderr, scratch)

    def ready(self, nursery: Nursery) -> Capabilities:
        """Wait until NURSERY has told what it can do. Raises WorkerError where it does not come to that."""
        try:
            line = nursery.line(START_LIMIT_S)
            event = None if line is None else decode_event(line.decode())
        except (EOFError, CodecError, UnicodeDecodeError) as error:
            if not isinstance(error, EOFError):
                nursery.process.kill()  # what speaks another language may go on speaking it
            status = nursery.process.wait()
            said = nursery.tail().strip().splitlines()
            last = said[-1] if said else f"it ended with {_status(status)} and said nothing"
            raise WorkerError(f"{self.python} -m bench.worker did not start: {last}") from error
        if not isinstance(event, Capabilities):
            raise WorkerError(f"{self.python} -m bench.worker was not ready within {START_LIMIT_S:.0f} s")
        return event

    def ask(self, request: Request, nursery: int, time_limit_s: float | None, memory_limit_bytes: int | None) -> Iterator[Event]:
        """Send REQUEST and give its events as they come. Leaving the loop early ends the request's processes."""
        chosen = self.last = self._living(nursery)
        chosen.forget_stderr()
        watch = Watch(time_limit_s=time_limit_s, memory_limit_bytes=memory_limit_bytes)
        assert chosen.process.stdin is not None  # noqa: S101 -- opened as a pipe
        try:
            chosen.process.stdin.write(encode(request).encode() + b"\n")
            chosen.process.stdin.flush()
            yield from self._events(chosen, watch)
        except (BrokenPipeError, EOFError):
            yield from self._lost(chosen)
        except GeneratorExit:
            self._abandon(chosen, watch)
            raise

    def _events(self, nursery: Nursery, watch: Watch) -> Iterator[Event]:
        given_up = False
        started_by = time.monotonic() + START_LIMIT_S
        while True:
            # What it left behind may hold its end of the pipe open, so that its death is no end of file.
            died = nursery.process.poll() is not None
            line = nursery.line(POLL_S)
            if line is None and died:
                raise EOFError
            event = None if line is None else _decode(line)
            failed = None if given_up else watch.look() or _not_started(watch, started_by)
            if event is not None:
                started_by = float("inf") if isinstance(event, Started) else started_by
                beside = watch.hear(event)
                # After a limit was passed, late events of the dying trial are no longer part of its answer.
                if not given_up or isinstance(event, Exited):
                    yield event
                    yield from beside
                if isinstance(event, Exited):
                    return
                if given_up and isinstance(event, Forked):
                    _end(watch)
            if failed is not None:
                given_up = True
                yield failed
                _end(watch)

    def _living(self, index: int) -> Nursery:
        index %= len(self.nurseries)
        if self.nurseries[index].process.poll() is not None:
            self._bury(self.nurseries[index])
            self.nurseries[index] = self._start()
            self.ready(self.nurseries[index])
        return self.nurseries[index]

    def _abandon(self, nursery: Nursery, watch: Watch) -> None:
        """End a request that nobody listens to any more, so that the next one does not hear its events."""
        with contextlib.suppress(EOFError):
            while True:
                _end(watch)
                event = None if (line := nursery.line(END_LIMIT_S)) is None else _decode(line)
                if event is None or isinstance(event, Exited):
                    return
                watch.hear(event)

    def _lost(self, nursery: Nursery) -> Iterator[Event]:
        """Answer for a nursery that died under a request: what it started goes with it, and so does this request."""
        status = nursery.process.wait()
        _end_offspring(nursery.scratch)
        yield Failed(
            outcome=Outcome.LOST,
            reason=f"the nursery of this trial ended under it ({_status(status)}); the next trial gets a new one",
            reason_code=ReasonCode.SIGNAL if status < 0 else ReasonCode.EXITED,
        )
        yield Exited(status=status)

    def stderr_tail(self) -> str:
        """Give the end of what the last request wrote to standard error."""
        return "" if self.last is None else self.last.tail()

    def close(self) -> None:
        """End every nursery: its input ends, so it ends its child; one that does not is killed with its session."""
        for nursery in self.nurseries:
            with contextlib.suppress(OSError):
                if nursery.process.stdin is not None:
                    nursery.process.stdin.close()
        for nursery in self.nurseries:
            self._bury(nursery)
        self.nurseries = []

    def _bury(self, nursery: Nursery) -> None:
        try:
            nursery.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(nursery.process.pid, signal.SIGKILL)
            nursery.process.wait()
        shutil.rmtree(nursery.scratch, ignore_errors=True)
        for stream in (nursery.process.stdin, nursery.process.stdout, nursery.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _decode(line: bytes) -> Event:
    """Read an event; a line that a killed process left torn becomes a note."""
    try:
        return decode_event(line.decode())
    except (CodecError, UnicodeDecodeError) as error:
        return Noted(text=f"an event could not be read: {error}")


def _not_started(watch: Watch, started_by: float) -> Failed | None:
    if time.monotonic() <= started_by:
        return None
    reason = f"the worker's libraries were not imported within {START_LIMIT_S:.0f} s"
    watch.time_limit_s = None
    return Failed(outcome=Outcome.TIMEOUT, reason=reason, reason_code=ReasonCode.TIME_LIMIT)


def _end(watch: Watch) -> None:
    if watch.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(watch.pid, signal.SIGKILL)


def _end_offspring(scratch: Path) -> None:
    """Kill what a dead nursery left behind: processes that were led to its SCRATCH folder, be they in a session of their own."""
    wanted = f"{SCRATCH}={scratch}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def _status(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
