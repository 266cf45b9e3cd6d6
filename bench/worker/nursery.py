"""The nursery: a process that has imported the libraries and computed nothing, and forks one child a request.

Importing torch and transformers costs seconds, a fork milliseconds, and the child is a fresh process all the same: no allocator,
cache, thread pool or device context is inherited. With the start method `spawn` nothing is imported here and each child is
a new interpreter.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.domain.procedure import StartMethod
from bench.protocol.messages import VERSION, Capabilities, Exited, Forked, Started
from bench.worker.host import libraries, memory, offspring, scratch
from bench.worker.requests import carry_out, make_ready
from bench.worker.wire import Wire, claim


def serve(asked: StartMethod) -> None:
    """Announce what this worker can do, then carry out requests, one at a time, until the standard input ends."""
    wire = claim()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to act upon
    offspring.become_subreaper()
    method, reason = asked, None
    if asked is StartMethod.NURSERY:
        offspring.die_with_parent(yes=True)
        libraries.preload()
        make_ready()
        libraries.freeze()
        offspring.die_with_parent(yes=False)  # from here on it ends by itself, after its child
        reason = libraries.unfit_to_fork()
        method = StartMethod.SPAWN if reason else asked
    wire.send(
        Capabilities(version=VERSION, python=sys.executable, libraries=libraries.versions(), start_method=method, reason=reason)
    )
    for line in _lines(wire.requests):
        # The descriptors are inheritable for a spawned child only; ALIVE ends when this process does.
        alive, held = os.pipe()
        folder = scratch.make()
        pid = _fork(wire, line, alive, held, folder) if method is StartMethod.NURSERY else _spawn(wire, line, alive, folder)
        os.close(alive)
        wire.send(Forked(pid=pid))
        status = _wait(pid, wire.requests, folder)
        _clear(pid, folder)
        os.close(held)
        wire.send(Exited(status=status), on_new_line=True)


def _lines(descriptor: int) -> Iterator[str]:
    """Read lines from DESCRIPTOR until it ends, buffering nothing that a child could inherit half-read."""
    rest = b""
    while chunk := os.read(descriptor, 1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole if line.strip())


def _fork(wire: Wire, line: str, alive: int, held: int, folder: Path) -> int:
    pid = os.fork()
    if pid == 0:
        os.close(held)
        os.close(wire.requests)
        os.setpgid(0, 0)
        offspring.tie_to_nursery(alive)
        scratch.enter(folder)
        _become_trial(wire, line)
    # Both sides set the group, so that neither can act before it is set.
    _lead_group(pid)
    return pid


def _spawn(wire: Wire, line: str, alive: int, folder: Path) -> int:
    """Start a new interpreter for one request, handed over on its standard input."""
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.worker", "--child", str(alive)],
        stdin=reading,
        stdout=wire.events,
        pass_fds=(alive,),
        process_group=0,
        env={**os.environ, **scratch.variables(folder)},
    )
    os.close(reading)
    # A child that died at once reads nothing; its exit status says so, below.
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "w", encoding="utf-8") as request:
        request.write(line)
    child.returncode = 0  # this process waits for it itself, below; Popen must not
    return child.pid


def _lead_group(pid: int) -> None:
    try:
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):  # it has done so itself and gone on, or is gone
        return


def serve_once(alive: int) -> None:
    """Carry out the one request on the standard input, as a spawned child."""
    wire = claim()
    offspring.tie_to_nursery(alive)
    line = os.fdopen(wire.requests).read()
    libraries.preload()
    _become_trial(wire, line)


def _become_trial(wire: Wire, line: str) -> None:
    """Turn this process into the one that carries out the request LINE, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory.offer_to_oom_killer()
    wire.send(Started(baseline_bytes=memory.anonymous_bytes()))
    code = 1
    try:
        code = carry_out(line, wire.send)
    finally:
        sys.stderr.flush()
        os._exit(code)  # no exit handlers of the nursery's libraries, which belong to the nursery


def _wait(pid: int, requests: int, folder: Path) -> int:
    """Wait for PID and give its exit status, negative for a signal; where the driver goes away first, end everything.

    The driver sends nothing while a request runs, so that readable requests mean that their writer is gone.
    """
    process = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([process, requests], [], [])
        if process not in ready:
            _clear(pid, folder)
            os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(process)


def _clear(pid: int, folder: Path) -> None:
    """End and remove whatever the trial of process PID left behind: its group, what left that, and its FOLDER."""
    offspring.end_group(pid)
    offspring.end_strays()
    scratch.remove(folder)
