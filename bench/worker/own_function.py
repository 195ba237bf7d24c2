"""A function of the user's own as a module like those of `impls/`: an adapter and one form."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ...impls._adapter import Tensor
    from .protocol import Bits

Function = Callable[..., Any]


class Unusable(Exception):
    """The function cannot be loaded, or does not do what a vectorised function does."""


def load(name: str) -> Function:
    """The function `package.module:function`. Raises Unusable where there is none."""
    module, _, attribute = name.partition(":")
    try:
        loaded: Any = importlib.import_module(module)
    except ImportError as error:
        raise Unusable(f"cannot import {module}: {error}; set PYTHONPATH to find it") from None
    for part in attribute.split("."):
        loaded = getattr(loaded, part, None)
    if not callable(loaded):
        raise Unusable(f"{module} has no function {attribute}")
    function: Function = loaded
    return function


def module(name: str, function: Function, arrays: str) -> SimpleNamespace:
    """A function that takes the arrays of a module of `impls/`, as a module of one form."""
    where, _, attribute = name.partition(":")
    file = getattr(sys.modules.get(where), "__file__", None)
    return SimpleNamespace(Adapter=_adapter(arrays), __file__=file, **{attribute: function})


@cache
def _adapter(arrays: str) -> Any:
    adapter = importlib.import_module(f"actbench.impls.{arrays}").Adapter
    return _with_more_formats(adapter) if arrays == "numpy" else adapter


def _with_more_formats(adapter: Any) -> Any:
    """NumPy's adapter with the formats that a package of others adds to it."""

    class WithMoreFormats(adapter):  # type: ignore[misc]
        def put(self, bits: Bits, dtype: str) -> Tensor:
            if hasattr(np, dtype):
                return super().put(bits, dtype)
            try:
                import ml_dtypes
            except ImportError:
                install = "python -m pip install ml_dtypes"
                raise Unusable(f"{dtype} arrays need ml_dtypes: {install}") from None
            return bits.view(getattr(ml_dtypes, dtype)).copy()

    return WithMoreFormats


def like_its_input(name: str, function: Function) -> Function:
    """The function, as one that raises Unusable for results of another shape or dtype."""

    def checked(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        result = np.asarray(function(x))
        if result.shape != x.shape or result.dtype != x.dtype:
            raise Unusable(
                f"{name} returned {result.dtype} of shape {result.shape} for {x.dtype} of shape "
                f"{x.shape}: it must return an array like its input"
            )
        return result

    return checked
