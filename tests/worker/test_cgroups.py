from pathlib import Path

import pytest

from bench.worker.host.cgroups import cpu_quota_cores


def place(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    (folder / "own").write_text(own, encoding="ascii")
    return folder / "fs", folder / "own"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "200000 100000\n"}, 0.5),
        ("4:cpu,cpuacct:/pod\n0::/\n", {"cpu/pod/cpu.cfs_quota_us": "75000\n", "cpu/pod/cpu.cfs_period_us": "50000\n"}, 1.5),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("3:cpuset:/x\n", {"cpu/x/cpu.cfs_quota_us": "1\n", "cpu/x/cpu.cfs_period_us": "1\n"}, None),
        ("0::/\n", {"cpu.max": "1 0\n"}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
    ],
)
def test_the_smallest_quota_of_the_group_and_those_above_it_counts(
    tmp_path: Path, own: str, files: dict[str, str], cores: float | None
) -> None:
    assert cpu_quota_cores(*place(tmp_path, own, files)) == cores


def test_where_there_are_no_groups_nothing_bounds_it(tmp_path: Path) -> None:
    assert cpu_quota_cores(tmp_path, tmp_path / "none") is None
