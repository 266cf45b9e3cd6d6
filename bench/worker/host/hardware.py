"""How large the machine is, as its kernel says: without a library, since a worker runs in any environment."""

import os
import re
from pathlib import Path
from types import ModuleType

_SYSTEM_CPUS = Path("/sys/devices/system/cpu")
_MEMORY = Path("/proc/meminfo")
_KIB = 1024


def physical_cores() -> int | None:
    """Count the cores, threads of one core once; None where the system does not say."""
    for name in ("core_cpus_list", "thread_siblings_list"):  # the older kernels' name is the second
        siblings = {path.read_text() for path in _SYSTEM_CPUS.glob(f"cpu[0-9]*/topology/{name}")}
        if siblings:
            return len(siblings)
    psutil = _psutil()
    return None if psutil is None else int(psutil.cpu_count(logical=False))


def memory_bytes() -> int | None:
    """Give the size of the main memory; None where the system does not say."""
    if _MEMORY.exists():
        return _of_meminfo("MemTotal")
    psutil = _psutil()
    return None if psutil is None else int(psutil.virtual_memory().total)


def free_memory_bytes() -> int | None:
    """Give the memory that can be had without swapping; None where the system does not say."""
    if _MEMORY.exists():
        return _of_meminfo("MemAvailable")
    psutil = _psutil()
    return None if psutil is None else int(psutil.virtual_memory().available)


def swap_bytes() -> int | None:
    """Give the size of the swap space; None where the system does not say."""
    if _MEMORY.exists():
        return _of_meminfo("SwapTotal")
    psutil = _psutil()
    return None if psutil is None else int(psutil.swap_memory().total)


def logical_cores() -> int | None:
    """Count the threads that the system runs at once."""
    return os.cpu_count()


def _psutil() -> ModuleType | None:
    """Give the library that knows other systems than Linux, where it is installed."""
    from importlib import import_module, util

    return import_module("psutil") if util.find_spec("psutil") else None


def _of_meminfo(name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB", _MEMORY.read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * _KIB if found else None
