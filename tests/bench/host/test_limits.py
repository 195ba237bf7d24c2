"""The limits of control groups, in trees as cgroup v1 and v2 have them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (
            {  # a service deep in version 2, whose slice is tighter, in another period
                "proc/self/cgroup": "1:name=systemd:/\n0::/user.slice/me.service/inner\n",
                "sys/fs/cgroup/user.slice/cpu.max": "30000 20000\n",
                "sys/fs/cgroup/user.slice/me.service/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user.slice/me.service/inner/cpu.max": "200000 100000\n",
            },
            1.5,
        ),
        (
            {  # version 2 beside version 1, as systemd mounts it
                "proc/self/cgroup": "3:memory:/a\n0::/a\n",
                "sys/fs/cgroup/unified/a/cpu.max": "120000 100000\n",
            },
            1.2,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000\n"}, 0.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 0\n"}, 0.5),
        ({"proc/self/cgroup": "no group\n", "sys/fs/cgroup/cpu.max": "50000\n"}, None),
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


_NAMES = (
    "proc/self/cgroup", "proc/self/mountinfo", "proc/meminfo", "sys/fs/cgroup/cpu.max",
    "sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us",
)  # fmt: skip
_WORDS = st.lists(
    st.sampled_from(["0::/", "4:cpu:/", "max", "-1", "0", "²", "100000", " - ", "cgroup2", "/a"])
    | st.text(max_size=5)
).map(" ".join)


@given(st.dictionaries(st.sampled_from(_NAMES), _WORDS | st.binary(max_size=20)))
def test_whatever_a_system_says_there_is_an_answer(files: dict[str, str | bytes]) -> None:
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
        quota = cpu_quota(Path(folder))
        assert quota is None or quota > 0
        assert available_memory(Path(folder)) >= 0


def test_a_system_that_says_nothing_has_nothing_to_spare(tmp_path: Path) -> None:
    assert available_memory(tmp_path) == 0
    assert cpu_quota(tmp_path) is None
