"""The C library's functions on arrays: a yardstick, because their errors are published.

    actbench agree --callable tools.libm:expf --reference exp --exhaustive

Gladman, Innocente, Mather, Zimmermann, Accuracy of Mathematical Functions in Single, Double, Double
Extended, and Quadruple Precision, give the largest errors of many libraries' functions, those of
float32 over all inputs: glibc 2.36 has 0.502 ulp for expf, 0.818 for logf and 0.500 for sqrtf.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Callable
from functools import cache as once
from typing import Any

import numpy as np

from actbench.bench.host import cache

Array = np.ndarray[Any, Any]

_SOURCE = """
#include <math.h>
#include <stddef.h>
void apply(const {type} *x, {type} *y, size_t n) {{
    for (size_t i = 0; i < n; i++) y[i] = {name}(x[i]);
}}
"""
_OPTIONS = (
    *("-O2", "-fno-builtin", "-ffp-contract=off", "-shared", "-fPIC"),
    *("-Werror=implicit-function-declaration", "-Wl,-z,defs"),
)


def __getattr__(name: str) -> Callable[[Array], Array]:
    """`expf`, `exp`, `tanhf`, …: functions of one argument in math.h, with a final f for float32.

    Raises AttributeError where there is no such function, RuntimeError without a compiler.
    """
    if name.startswith("_"):
        raise AttributeError(name)
    kind = np.float32 if name.endswith("f") and name not in ("erf",) else np.float64
    function = _compiled(name, kind)

    def apply(x: Array) -> Array:
        if x.dtype != kind:
            raise TypeError(f"{name} of math.h takes {kind.__name__}, not {x.dtype}")
        contiguous = np.ascontiguousarray(x)
        result = np.empty_like(contiguous)
        function(
            contiguous.ctypes.data_as(ctypes.c_void_p),
            result.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(x.size),
        )
        return result

    return apply


@once
def _compiled(name: str, kind: Any) -> Any:
    """The loop over one function, compiled once per compiler.

    Raises AttributeError where there is no such function, RuntimeError without a compiler.
    """
    text = _SOURCE.format(name=name, type="float" if kind is np.float32 else "double")
    compiler = os.environ.get("CC", "cc")
    digest = hashlib.sha256(f"{compiler} {_OPTIONS} {text}".encode()).hexdigest()[:16]
    library = cache.folder("libm") / f"{name}-{digest}.so"
    if not library.exists():
        partial = library.with_suffix(f".{os.getpid()}")
        command = [compiler, *_OPTIONS, "-x", "c", "-", "-o", str(partial), "-lm"]
        try:
            subprocess.run(command, input=text, text=True, check=True, capture_output=True)
        except OSError as error:
            raise RuntimeError(f"no C compiler {compiler}: {error.strerror}; set CC") from None
        except subprocess.CalledProcessError:
            raise AttributeError(f"math.h has no function {name} of one number") from None
        partial.replace(library)
    return ctypes.CDLL(str(library)).apply
