"""Facts about the machine, the libraries and the settings that can move a number; torch is asked only where it is there already."""

import contextlib
import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench.domain.values import Json, canonical
from bench.worker.host import hardware
from bench.worker.host.cgroups import cpu_quota_cores
from bench.worker.host.libraries import versions

_SETTINGS = re.compile(
    r"(OMP|MKL|KMP|GOMP|OPENBLAS|TORCH|PYTORCH|CUDA|NCCL|ROCM|HIP|ONEDNN|DNNL|HF|TRANSFORMERS|TOKENIZERS|BITSANDBYTES|BNB|MALLOC|LD|NVIDIA|TRITON)_|"
    r"PYTHON(HASHSEED|OPTIMIZE|MALLOC|DEVMODE)$|LD_PRELOAD$"
)
_SECRET = re.compile(r"TOKEN$|KEY|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


@cache
def facts() -> Mapping[str, Json]:
    """Describe this machine, its libraries and its settings; `fingerprint` stands for what makes two machines alike."""
    alike: dict[str, Json] = {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "cores_physical": hardware.physical_cores(),
        "cores_logical": hardware.logical_cores(),
        "memory_bytes": hardware.memory_bytes(),
        "accelerators": _accelerators(),
    }
    return {
        **alike,
        "fingerprint": hashlib.sha256(canonical(alike).encode()).hexdigest()[:12],
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        "swap_bytes": hardware.swap_bytes(),
        "driver": _first_line("/proc/driver/nvidia/version"),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(),
        "smt": _first_line("/sys/devices/system/cpu/smt/active"),
        "cpu_quota_cores": cpu_quota_cores(),
        "clock_source": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "transparent_hugepages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "virtual": "hypervisor" in _cpu_flags(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "libraries": dict(versions()),
        "torch_build": _torch_build(),
        "nice": os.nice(0),
        "settings": settings(),
    }


def settings() -> dict[str, Json]:
    """Give the environment variables that can move a number. Secrets are named, never shown."""
    return {name: "(set)" if _SECRET.search(name) else value for name, value in sorted(os.environ.items()) if _SETTINGS.match(name)}


def _turbo() -> str | None:
    """Name the driver by which clocks above the nominal one are on; None where they are off or nothing says so."""
    if _first_line("/sys/devices/system/cpu/intel_pstate/no_turbo") == "0":
        return "intel_pstate"
    return "cpufreq" if _first_line("/sys/devices/system/cpu/cpufreq/boost") == "1" else None


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _cpu_flags() -> frozenset[str]:
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


def _accelerators() -> list[Json]:
    """List the accelerators that torch sees, where torch is imported already; asking must not import it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    found: list[Json] = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(
            {
                "name": properties.name,
                "memory_bytes": properties.total_memory,
                "capability": f"{properties.major}.{properties.minor}",
            }
        )
    return found


def _torch_build() -> dict[str, Json]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "version": str(torch.__version__),
        "cuda": torch.version.cuda,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkl": torch.backends.mkl.is_available(),
        "onednn": torch.backends.mkldnn.is_available(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
    }


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text()
    return ""


def _first_line(path: str) -> str | None:
    return _text(path).strip().split("\n")[0] or None
