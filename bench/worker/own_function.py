"""A worker for one function of the user's own: any vectorised callable on NumPy arrays."""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .protocol import Evaluate, Operations, Started

if TYPE_CHECKING:
    from .protocol import Outputs

PREFIX = "callable="


class Unusable(Exception):
    """The function cannot be loaded, or does not do what a vectorised function does."""


class OwnFunction:
    """Evaluates `package.module:function` on stretches of inputs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._function = load(name)

    @property
    def operations(self) -> Operations:
        """What it can be asked."""
        return {Evaluate: self.evaluate}

    def describe(self) -> Started:
        """Versions, the interpreter, the process and the version of the source."""
        versions = {"numpy": np.__version__}
        return Started(versions, platform.python_version(), os.getpid(), source=self._digest())

    def _digest(self) -> str:
        """Distinguishes this version of the function's module from another."""
        module = importlib.import_module(self._name.partition(":")[0])
        path = getattr(module, "__file__", None)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else self._name

    def evaluate(self, request: Evaluate) -> Outputs:
        """Raises Unusable where the results have another shape or dtype than the inputs."""
        bits = request.bits
        x = bits.view(_dtype(request.call.dtype))
        with np.errstate(all="ignore"):
            result = np.asarray(self._function(x))
        if result.shape != x.shape or result.dtype != x.dtype:
            raise Unusable(
                f"{self._name} returned {result.dtype} of shape {result.shape} for {x.dtype} of "
                f"shape {x.shape}: it must return an array like its input"
            )
        return (np.ascontiguousarray(result).view(bits.dtype),)


def load(name: str) -> Callable[..., Any]:
    """The function `package.module:function`. Raises Unusable where there is none."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise Unusable(f"cannot read {name!r}: write it as package.module:function")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise Unusable(f"cannot import {module_name}: {error}; set PYTHONPATH to find it") from None
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise Unusable(f"{module_name} has no function {attribute}")
    return found  # type: ignore[no-any-return]


def _dtype(name: str) -> Any:
    if hasattr(np, name):
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise Unusable(f"{name} arrays need ml_dtypes: python -m pip install ml_dtypes") from None
    return np.dtype(getattr(ml_dtypes, name))
