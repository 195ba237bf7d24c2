"""Which CPUs there are for this process, and which of them timed work runs on."""

from __future__ import annotations

import os


def available_cpus() -> list[int]:
    """The CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


def measuring_cpus(threads: int) -> list[int]:
    """The CPUs on which timed work runs: the same for every framework, the last ones there are."""
    return available_cpus()[-threads:]
