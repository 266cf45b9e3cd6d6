"""A worker without torch: the real nursery, wire and offspring, around trials that misbehave as the case's `environment` says.

Started in the place of a Python interpreter, with the arguments that the executor gives it: `-m bench.worker …`.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
FOREVER_S = 3600


def wrapper(folder: Path) -> str:
    """Write a program into FOLDER that can be started as if it were Python, and give its path."""
    path = folder / "python"
    path.write_text(
        f'#!/bin/sh\nBENCH_STUB="$0" exec "{sys.executable}" -W ignore "{Path(__file__).resolve()}" "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)
    return str(path)


def main() -> None:
    sys.path[0] = str(ROOT)
    sys.argv = [sys.argv[0], *sys.argv[3:]]
    sys.executable = os.environ["BENCH_STUB"]
    from bench.worker import __main__, requests
    from bench.worker.host import libraries

    libraries.preload = lambda: None
    libraries.freeze = lambda: None
    libraries.unfit_to_fork = lambda: os.environ.get("BENCH_STUB_UNFIT")
    requests._measure = _measure  # type: ignore[assignment]
    __main__.main()


def _measure(request: object, send: Callable[[object], None]) -> None:
    from bench.worker.clock import Clock
    from bench.worker.passive import Observer

    observer = Observer(send, Clock())
    with observer.phase("measure.forward"):
        _BEHAVIOURS[request.case.requested["behaviour"]](send)  # type: ignore[attr-defined]


def _note(send: Callable[[object], None], text: str) -> None:
    from bench.protocol.messages import Noted

    send(Noted(text=text))


def _hang(_send: object) -> None:
    time.sleep(FOREVER_S)


def _stubborn(_send: object) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(FOREVER_S)


def _die(_send: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _grow(_send: object) -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(MIB)) * 16)
        time.sleep(0.02)


def _hold(_send: object) -> None:
    """Hold a buffer of 256 MiB for 20 ms."""
    buffer = ctypes.create_string_buffer(256 * MIB)
    ctypes.memset(buffer, 1, len(buffer))
    time.sleep(0.02)


def _stray(send: Callable[[object], None]) -> None:
    """Leave a grandchild behind that went into a session of its own."""
    left = subprocess.Popen([sys.executable_real, "-c", f"import time; time.sleep({FOREVER_S})"], start_new_session=True)  # type: ignore[attr-defined]
    _note(send, str(left.pid))


def _stray_and_hang(send: Callable[[object], None]) -> None:
    _stray(send)
    _hang(send)


def _stray_fork_and_hang(send: Callable[[object], None]) -> None:
    """Leave a grandchild that was forked, so that it holds every descriptor, in a session of its own."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        time.sleep(FOREVER_S)
        os._exit(0)
    _note(send, str(pid))
    _hang(send)


def _write(send: Callable[[object], None]) -> None:
    """Put a file where Python has what is temporary, and say where torch keeps its code."""
    place = Path(tempfile.mkdtemp())
    (place / "weights").write_bytes(bytes(MIB))
    _note(send, str(place))
    _note(send, os.environ["TORCHINDUCTOR_CACHE_DIR"])


def _write_and_hang(send: Callable[[object], None]) -> None:
    _write(send)
    _hang(send)


def _print(_send: object) -> None:
    sys.stdout.write('{"v": 1, "type": "finished"}\n')
    sys.stdout.flush()
    os.write(1, b"noise of a library\n")
    subprocess.run(["echo", "noise of a program"], check=True)


def _tear(send: Callable[[object], None]) -> None:
    """Die in the middle of an event."""
    os.write(send.__self__.events, b'{"v": 1, "type": "note", "te')  # type: ignore[attr-defined]
    os.kill(os.getpid(), signal.SIGKILL)


def _shout(_send: object) -> None:
    """Write 8 MiB to standard error, then fail."""
    for _ in range(128):
        os.write(2, b"shout " * 10_922 + b"\n")
    sys.stderr.write("the last words\n")
    raise RuntimeError("shouted enough")


def _leave(_send: object) -> None:
    sys.exit(7)


def _vanish(_send: object) -> None:
    os._exit(7)


def _fill(_send: object) -> None:
    raise MemoryError("no room")


def _report(send: Callable[[object], None]) -> None:
    _note(send, f"{os.getpid()} {os.getpgid(0)} {os.getppid()} {sys.stdin.read()!r}")


def _nothing(_send: object) -> None:
    return


_BEHAVIOURS: Mapping[str, Callable[..., None]] = {
    "hang": _hang,
    "stubborn": _stubborn,
    "die": _die,
    "grow": _grow,
    "hold": _hold,
    "stray": _stray,
    "stray and hang": _stray_and_hang,
    "stray fork and hang": _stray_fork_and_hang,
    "write": _write,
    "write and hang": _write_and_hang,
    "print": _print,
    "tear": _tear,
    "shout": _shout,
    "leave": _leave,
    "vanish": _vanish,
    "fill": _fill,
    "report": _report,
    "nothing": _nothing,
}

if __name__ == "__main__":
    sys.executable_real = sys.executable  # type: ignore[attr-defined]
    main()
