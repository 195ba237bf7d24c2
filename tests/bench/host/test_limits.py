"""The limits of control groups, in trees as cgroup v1 and v2 have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from actbench.bench.host.limits import available_memory, cpu_quota

MIB = 2**20
FREE = {"proc/meminfo": "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n"}


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "proc/self/cgroup": "0::/outer/inner\n",
                "sys/fs/cgroup/outer/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/outer/inner/cpu.max": "200000 100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
            },
            4.0,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        (
            {  # a container without a namespace of groups, in a group of its own within it
                "proc/self/cgroup": "0::/docker/x/inner\n",
                "proc/self/mountinfo": "31 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw",
                "sys/fs/cgroup/inner/cpu.max": "25000 100000\n",
            },
            0.25,
        ),
        (
            {  # mounted elsewhere, with both controllers in one hierarchy of version 1
                "proc/self/cgroup": "4:cpuacct,cpu:/a\n0::/\n",
                "proc/self/mountinfo": "31 23 0:26 / /mnt/my\\040groups rw - cgroup none rw,cpu\n",
                "mnt/my groups/a/cpu.cfs_quota_us": "300000\n",
                "mnt/my groups/a/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
    ],
)
def test_a_quota_is_the_tightest_around(
    files: dict[str, str], expected: float | None, tmp_path: Path
) -> None:
    assert cpu_quota(_tree(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4096 * MIB),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 4096 * MIB),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": f"{1000 * MIB}\n",
                "sys/fs/cgroup/memory.current": f"{700 * MIB}\n",
                "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {100 * MIB}\n",
            },
            400 * MIB,
        ),
        (
            {
                "proc/self/cgroup": "3:memory:/docker/x\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{512 * MIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{12 * MIB}\n",
            },
            500 * MIB,
        ),
        (
            {
                "proc/self/cgroup": "3:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            4096 * MIB,
        ),
    ],
)
def test_memory_is_what_the_machine_and_every_group_leave(
    files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    assert available_memory(_tree(tmp_path, {**FREE, **files})) == expected


def test_a_system_that_says_nothing_has_nothing_to_spare(tmp_path: Path) -> None:
    assert available_memory(tmp_path) == 0
    assert cpu_quota(tmp_path) is None
