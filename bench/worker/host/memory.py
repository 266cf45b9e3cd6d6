"""Host memory of this process, read from /proc (Linux).

VmHWM is the kernel's own high-water mark: nothing is missed between two looks, and it costs one read at the end of a phase. It is
reset through clear_refs. The kernel counts per CPU, so that a figure is exact to some hundred KiB.

What a forked child has of its nursery is no memory of the trial's. Anonymous pages are all resident at the fork, and stay so
whether they are shared or were copied on a write, so that taking off the resident memory at the fork takes off just them.
Pages of libraries are mapped anew by the child when it first uses them, and are taken off as well. They are told by what may be
executed, not by whether other processes map them too: that would change with whatever else runs on the machine, and would take off
the weights that the other side of an A/B run, or another rank, maps.
"""

import contextlib
import ctypes
import re
from pathlib import Path

_SELF = Path("/proc/self")
_KIB = 1024
_M_MMAP_THRESHOLD = -3
_FIRST_THRESHOLD = 128 * _KIB
_MAPPING = re.compile(
    r"^[0-9a-f]+-[0-9a-f]+ (?P<may>\S+) \S+ \S+ \S+ +(?P<file>/[^\n]*)\n"
    r".*?^Rss: +(?P<resident>\d+) kB$.*?^Anonymous: +(?P<anonymous>\d+) kB$",
    re.MULTILINE | re.DOTALL,
)
"""A mapping of a file in smaps: what it may be used for, and two of the fields that every mapping has."""


def _fields(name: str) -> dict[str, int]:
    """Read a /proc/self file of `Name:  123 kB` lines as bytes."""
    found = {}
    for line in _text(name).splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":  # noqa: PLR2004 -- name, number, unit
            found[words[0].rstrip(":")] = int(words[1]) * _KIB
    return found


def _text(name: str) -> str:
    """Read a /proc/self file, empty where there is none. Paths of mapped files may hold any bytes."""
    try:
        return (_SELF / name).read_text(errors="replace")
    except FileNotFoundError:
        return ""


def anonymous_bytes() -> int:
    """Give the resident anonymous memory, shared or not."""
    return _fields("status").get("RssAnon", 0)


def exact_anonymous_bytes() -> int:
    """Give the resident anonymous memory page by page: some milliseconds, and exact where the kernel's counters are rounded."""
    return _fields("smaps_rollup").get("Anonymous", 0) or anonymous_bytes()


def resident_bytes() -> int:
    """Give the resident memory, shared or not."""
    return _fields("status").get("VmRSS", 0)


def high_water_bytes() -> int | None:
    """Give the peak of resident memory since the last reset, shared or not; None where the kernel keeps none."""
    return _fields("status").get("VmHWM")


def reset_high_water() -> None:
    """Start the high-water mark anew."""
    with contextlib.suppress(OSError):
        (_SELF / "clear_refs").write_text("5")


def library_bytes() -> int:
    """Give the resident pages of files of which some part may be executed, without what was written to them.

    It takes about a hundredth of a second, more for large models, and so is never read inside a timed phase.
    """
    resident: dict[str, int] = {}
    libraries = set()
    for one in _MAPPING.finditer(_text("smaps")):
        file = one["file"]
        resident[file] = resident.get(file, 0) + (int(one["resident"]) - int(one["anonymous"])) * _KIB
        if "x" in one["may"]:
            libraries.add(file)
    return sum(resident[file] for file in libraries)


def give_back_at_once() -> int | None:
    """Hold glibc's threshold at the bytes where it begins, from which on memory is mapped by itself; give them, None without glibc.

    Else glibc raises it as such memory is freed, up to 32 MiB: tensors then come from a heap, and what lies between them by chance
    decides how much of it can be given back (mallopt(3), M_MMAP_THRESHOLD).
    """
    try:
        held = ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _FIRST_THRESHOLD)
    except (OSError, AttributeError):
        return None
    return _FIRST_THRESHOLD if held else None


def offer_to_oom_killer() -> None:
    """Let the kernel, when memory runs out, take this process before the one that keeps the records."""
    with contextlib.suppress(OSError):
        (_SELF / "oom_score_adj").write_text("1000")
