"""Processes that must not outlive the run: how a child is tied to its nursery, and how strays are ended.

Three ties, since the driver may die in any way. The nursery sees its standard input end and ends the child's process group. The
kernel kills the child when the nursery dies (PR_SET_PDEATHSIG). A thread of the child, blocked in a read until the nursery
is gone, then ends the child's whole group, grandchildren included. The nursery is a subreaper, so that a grandchild that left
the group is found below it.
"""

import contextlib
import ctypes
import os
import signal
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, argument: int) -> None:
    """Call prctl where there is one; elsewhere the other ties have to do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


def become_subreaper() -> None:
    """Let orphans of our offspring become our children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(*, yes: bool) -> None:
    """Let the kernel kill this process when its parent dies, or no longer."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if yes else 0)


def tie_to_nursery(alive: int) -> None:
    """End this process's group when the nursery dies. ALIVE is a descriptor that ends with it."""
    die_with_parent(yes=True)
    threading.Thread(target=_end_with, args=(alive,), name="tie-to-nursery", daemon=True).start()


def _end_with(alive: int) -> None:
    os.read(alive, 1)
    os.killpg(0, signal.SIGKILL)


def end_group(pid: int) -> None:
    """Kill the process group that PID leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def children() -> set[int]:
    """Give the living children of this process (Linux; elsewhere none are known)."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in listing.read_text().split()}
    return found


def end_strays() -> None:
    """Kill and reap whatever a finished trial left behind, until nothing is left."""
    while strays := children():
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
