"""The environment of a worker's process: variables that a framework needs before it is imported."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..catalog.frameworks import IMPLS, frameworks, module_of
from ..host import cache
from ..host.packages import root_of

_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH", "CC", "CXX")
"""The variables that a counted process inherits: any other would change its memory."""


@dataclass(frozen=True)
class Key:
    """The purpose of a worker: cases with another key need another worker.

    `variant` names variables of its environment, one of the framework's `VARIANTS`.
    """

    framework: str
    device: str
    threads: int
    variant: str = ""

    @property
    def label(self) -> str:
        """The name for people and for run.json: `torch`, or `torch/cuda/1` where it is not the
        plain one."""
        plain = self.device == "cpu" and self.threads == 1 and not self.variant
        parts = (self.framework, self.device, str(self.threads), self.variant)
        return self.framework if plain else "/".join(filter(None, parts))


def inherited(key: Key, impls: Path = IMPLS, caches: Path | None = None) -> Mapping[str, str]:
    """All the variables of a process: the parent's, and what its framework needs.

    A user's function is looked for in its folders, and on their Python's path. A version that is
    compared with another has its own `caches`, and is looked for in its own folder, where nothing
    is written.
    """
    variables = {**os.environ, **environment_of(key, impls, caches)}
    framework = frameworks()[key.framework]
    if framework.callable:
        here = () if caches else _roots(Path.cwd(), framework.callable)
        paths = (*framework.folders, *here, os.environ.get("PYTHONPATH", ""))
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    if caches:
        variables |= {"PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(caches)}
    return variables


@functools.cache
def _roots(folder: Path, function: str) -> tuple[str, ...]:
    """The folders in which a user's function is looked for, from where they are."""
    try:
        root = root_of(folder, module_of(function))
    except LookupError:  # it is installed, or nowhere
        return (str(folder),)
    return tuple(dict.fromkeys((str(root), str(folder))))


def counted(key: Key, caches: Path) -> Mapping[str, str]:
    """The variables of a process under valgrind, and no others.

    Its compile cache is not shared with any other process.
    """
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = environment_of(key, caches=caches)
    emulated = frameworks()[key.framework].emulated.get(platform.machine(), {})
    return {**kept, **own, **emulated, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def environment_of(key: Key, impls: Path = IMPLS, caches: Path | None = None) -> dict[str, str]:
    """The variables a framework needs before it is imported; waiting threads must not spin.

    Its compiled code is kept in `caches`, or in the user's cache.
    """
    threads, framework = str(key.threads), frameworks()[key.framework]
    if not framework.callable:
        framework = frameworks(impls)[key.framework]
    kept = caches or cache.folder(framework.module)
    given = {"threads": threads, "device": key.device, "cache": str(kept)}
    return {
        **dict.fromkeys(_POOLS, threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": "",
        "PYTHONHASHSEED": "0",
        **{name: value.format(**given) for name, value in framework.environment.items()},
        **(framework.variants[key.variant] if key.variant else {}),
    }
