"""The environment that chooses the code of a framework: variables, and CPU features in use.

Standard library only: a worker imports it before anything else.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

_CHOOSING = (
    *("ATEN_", "BLIS_", "CUBLAS", "CUDA_", "CUDNN_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "GOTO_"),
    *("JAX_", "KMP_", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_", "MKL_", "NPY_", "NUMEXPR_"),
    *("NVIDIA_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTORCH_", "TORCH", "VECLIB_", "XLA_"),
    # Not all of TF_: Terraform's variables, of which some are secret, begin so as well.
    *(f"TF_{name}_" for name in ("CPP", "CUDNN", "DISABLE", "ENABLE", "FORCE", "GPU", "MKL")),
    *(f"TF_{name}_" for name in ("NUM", "ONEDNN", "USE", "XLA")),
    "TF_DETERMINISTIC_OPS",
)
"""The prefixes of variables that choose kernels, instructions, threads, formats or memory."""
_PLACES = ("_DIR", "_PATH", "_CACHE", "_HOME")
"""The suffixes of variables that only say where something lies, except libraries to be loaded."""
_CACHES = re.compile(r"[^\s=]*/(?=actbench/)")
FEATURES = "CPU features that NumPy uses"


@dataclass(frozen=True)
class Environment:
    """The settings that chose the code of a process.

    `variables` are those set that choose code, `features` the CPU features that NumPy dispatches
    by: those of the CPU, less those it was asked not to use.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, str]:
        """Each part by its name, as text."""
        return {**self.variables, **({FEATURES: " ".join(self.features)} if self.features else {})}


@dataclass(frozen=True)
class Circumstance:
    """Something that may have chosen other code: for a framework, or for everything where that is
    "".

    `before` and `after` are None where a side did not have it.
    """

    framework: str
    what: str
    before: str | None
    after: str | None


def changes(framework: str, before: Environment, after: Environment) -> list[Circumstance]:
    """The differences between two environments of a framework."""
    was, now = before.parts, after.parts
    return [
        Circumstance(framework, name, was.get(name), now.get(name))
        for name in dict.fromkeys([*was, *now])
        if was.get(name) != now.get(name)
    ]


def own() -> Environment:
    """The environment of this process; without CPU features unless NumPy is imported."""
    return Environment(choosing(os.environ), features())


def choosing(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that choose code, sorted, without the places of a user's caches.

    Bytes that are not text are escaped.
    """
    return {
        name: _CACHES.sub("", os.fsencode(variables[name]).decode("utf-8", "backslashreplace"))
        for name in sorted(variables)
        if name.startswith(_CHOOSING) and (name == "LD_LIBRARY_PATH" or not name.endswith(_PLACES))
    }


def features() -> tuple[str, ...]:
    """The CPU features that NumPy uses; empty where it is not imported or does not report them."""
    module = sys.modules.get("numpy._core._multiarray_umath")
    known: Mapping[str, bool] = getattr(module, "__cpu_features__", {})
    return tuple(name for name, is_on in known.items() if is_on)
