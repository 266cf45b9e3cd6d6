"""Page cache state of a checkpoint: set as asked, and proved with mincore."""

import ctypes
import mmap
import os
import time
from collections.abc import Iterable
from pathlib import Path

from bench.domain.outcome import ReasonCode
from bench.domain.procedure import PageCache
from bench.worker.failures import Refused

_CHUNK = 1 << 22
_WARM, _COLD = 0.99, 0.01


def weight_files(folder: Path) -> tuple[Path, ...]:
    """List the files of FOLDER that hold the weights that would be loaded: pickled ones only where there are no others."""
    every = sorted(folder.iterdir())
    safe = tuple(path for path in every if path.suffix == ".safetensors")
    return safe or tuple(path for path in every if path.suffix == ".bin")


def prepare(folder: Path, asked: PageCache) -> dict[str, str | float]:
    """Bring FOLDER's weight files into the state ASKED for and give what was then observed.

    `page_cache` is warm (at least 99 % resident), cold (at most 1 %) or partial; `page_cache_resident` the resident share.
    Raises Refused where the state asked for could not be reached: a cold load that was warm is no number.
    """
    files = weight_files(folder)
    if asked is PageCache.WARM:
        for path in files:
            _read_through(path)
    if asked is PageCache.COLD:
        for path in files:
            _evict(path)
    share = resident_share(files)
    state = "unknown" if share is None else "warm" if share >= _WARM else "cold" if share <= _COLD else "partial"
    if asked is not PageCache.UNSET and state != asked.value:
        shown = "an unknown share" if share is None else f"{share:.0%}"
        msg = (
            f"the page cache could not be made {asked.value}: {shown} of the weights is resident "
            "(another process may map the checkpoint, or memory is too small to hold it)"
        )
        raise Refused(msg, ReasonCode.PAGE_CACHE)
    return {"page_cache": state} if share is None else {"page_cache": state, "page_cache_resident": round(share, 4)}


def plain_read_s(files: Iterable[Path], asked: PageCache) -> float | None:
    """Give the seconds of reading FILES one after the other from end to end, in the state ASKED for; None where none is asked.

    It is what the disk, or the copy out of memory, costs alone. The files are warm afterwards.
    """
    every = tuple(files)
    if asked is PageCache.UNSET:
        return None
    for path in every:
        (_read_through if asked is PageCache.WARM else _evict)(path)
    start = time.perf_counter()
    for path in every:
        _read_through(path)
    return time.perf_counter() - start


def _read_through(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(_CHUNK):
            pass


def _evict(path: Path) -> None:
    """Drop PATH's pages. It does nothing to pages that a live process maps, hence the proof afterwards."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def resident_share(files: Iterable[Path]) -> float | None:
    """Give the share of FILES' pages that are in memory, None where the system cannot say."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "mincore"):
        return None
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    resident = pages = 0
    for path in files:
        size = path.stat().st_size
        if size == 0:
            continue
        count = -(-size // mmap.PAGESIZE)
        with path.open("rb") as file:
            address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        if address in {None, ctypes.c_void_p(-1).value}:
            return None
        vector = ctypes.create_string_buffer(count)
        failed = libc.mincore(address, size, vector)
        libc.munmap(address, size)
        if failed:
            return None
        resident += sum(byte & 1 for byte in vector.raw)
        pages += count
    return resident / pages if pages else None
