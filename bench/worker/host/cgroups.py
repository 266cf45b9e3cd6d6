"""What a container may use of the processor: the quota of its control group, after which the kernel stops all its threads."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cpu_quota_cores(root: Path = _ROOT, own: Path = _OWN) -> float | None:
    """Give the processor time that this process's group, or one above it, gets in cores; None where nothing bounds it."""
    found = [quota for folder in _folders(root, own) if (quota := _quota(folder)) is not None]
    return min(found, default=None)


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """Give the folders of the groups that this process is in, in both versions of the interface, and of those above them."""
    with contextlib.suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds and "cpu" not in kinds.split(","):
                continue
            group = Path(path.lstrip("/"))
            for place in (group, *group.parents):
                yield (root / "cpu" / place) if kinds else (root / place)


def _quota(folder: Path) -> float | None:
    """Read the quota of the group at FOLDER: `cpu.max` of the second version, else the two files of the first."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        most, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if most == "max" else int(most) / int(period)
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        return quota / int((folder / "cpu.cfs_period_us").read_text(encoding="ascii")) if quota > 0 else None
    return None
