"""A function of the user's own as a module like those of `impls/`: their forms and one more."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from ..catalog.frameworks import owner
from ..host.packages import installed
from .protocol import Acquaint, Fit, Operations, Start
from .steps import results_of
from .truth import check_result, check_shape

if TYPE_CHECKING:
    from ...impls._adapter import Contract, Step, Tensor
    from .protocol import Bits

Function = Callable[..., Any]

_SHAPE = (3, 8)
"""The shape of the inputs on which a function is tried."""
_HARNESS = ("actbench", "__main__")
"""The modules of this project by the first part of their names, as a worker runs it."""
_DEEP = 4
"""Functions within functions that are looked into for the framework that they use."""


class Unusable(Exception):
    """The function cannot be loaded, or does not do what a vectorised function does."""


# --- to load one ----------------------------------------------------------------------------------


def load(address: str) -> Function:
    """The function at `package.module:function`; for a class an instance, or its `apply`.

    Raises Unusable where there is none.
    """
    module, _, attribute = address.partition(":")
    try:
        loaded: Any = importlib.import_module(module)
    except ImportError as error:
        raise Unusable(f"cannot import {module}: {error}; set PYTHONPATH to find it") from None
    for part in attribute.split("."):
        loaded = getattr(loaded, part, None)
    if isinstance(loaded, type):
        loaded = _of_class(address, loaded)
    if not callable(loaded):
        raise Unusable(f"{module} has no function {attribute}")
    try:
        hash(loaded)
    except TypeError:  # as of a dataclass: what is compiled, or was traced, is kept by function
        return partial(loaded)
    function: Function = loaded
    return function


def _of_class(address: str, made: type) -> Any:
    """An instance of a layer's class; `apply` of one that is a function with its own backward."""
    if hasattr(made, "apply") and hasattr(made, "backward"):
        return made.apply
    try:
        return made()
    except TypeError as error:
        raise Unusable(f"{address} is a class; name an instance of it, because {error}") from None


def module(
    address: str,
    function: Function,
    arrays: str,
    gradient: Function | None = None,
    dims: int = 0,
    versions: Mapping[str, str] = MappingProxyType({}),
) -> SimpleNamespace:
    """The module of `impls/` whose arrays a function takes, with the function beside its forms.

    It has the function's address for its name there. All arrays have one dimension if `dims` is 1.
    `gradient` is its derivative, where the framework finds none itself; `versions` are given
    beside the framework's.
    """
    beside = importlib.import_module(f"actbench.impls.{arrays}")
    gradients = {function: gradient} if gradient else {}
    adapter = _adapter(arrays, dims == 1, gradients, versions)
    return SimpleNamespace(**{**vars(beside), "Adapter": adapter, address: function})


def _adapter(
    arrays: str, flat: bool, gradients: Mapping[Function, Function], others: Mapping[str, str]
) -> Any:
    """An adapter whose arrays are as they are or `flat`, and whose functions may do as they like.

    Packages of others add formats to NumPy's arrays.
    """
    beside: Any = importlib.import_module(f"actbench.impls.{arrays}").Adapter

    class Adapter(beside):  # type: ignore[misc]
        def versions(self) -> dict[str, str]:
            return {**super().versions(), **others}

        def put(self, bits: Bits, dtype: str) -> Tensor:
            shaped = bits.reshape(-1) if flat and bits.ndim else bits
            if arrays == "numpy" and not hasattr(np, dtype):
                return _further(shaped, dtype)
            return super().put(shaped, dtype)

        def step(self, function: Function, *more: Any) -> Step:
            gradient = gradients.get(function)
            carrying = _carrying(function, gradient) if gradient else function
            step: Step = super().step(carrying, *more)
            return step

        def trace(self, function: Function, arrays: Any) -> None:
            if self.synchronize() is not None:  # on the CPU everything is on the host
                super().trace(function, arrays)

    return Adapter


def _carrying(function: Function, gradient: Function) -> Function:
    """A function with its gradient, as NumPy's forms have theirs."""

    def value(x: Tensor) -> Tensor:
        return function(x)

    value.gradient = lambda pull, x: pull * gradient(x)  # type: ignore[attr-defined]
    return value


def _further(bits: Bits, dtype: str) -> Tensor:
    """An array of NumPy's in a format that a package of others adds to it."""
    try:
        import ml_dtypes
    except ImportError:
        install = "python -m pip install ml_dtypes"
        raise Unusable(f"{dtype} arrays need ml_dtypes: {install}") from None
    return bits.view(getattr(ml_dtypes, dtype)).copy()


def digest(address: str) -> str:
    """A digest of the files that a function may follow from: its module, and all not installed.

    What comes with an installation, or this project, has a version of its own.
    """
    module, places = address.partition(":")[0], tuple(f"{place}{os.sep}" for place in installed())
    files = {
        path
        for name, loaded in tuple(sys.modules.items())
        if (file := getattr(loaded, "__file__", None))
        and name.partition(".")[0] not in _HARNESS
        and (not (path := os.path.abspath(file)).startswith(places) or name == module)
    }
    digest = hashlib.sha256()
    for file in sorted(files):
        with suppress(OSError):
            digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:16]


# --- to know one ----------------------------------------------------------------------------------


def questions(start: Start) -> Operations:
    """The function by request that answers what a user's function is."""

    def acquaint(_: Acquaint) -> tuple[str, ...]:
        return frameworks_of(load(start.own), sys.modules[start.own.partition(":")[0]])

    def try_(request: Fit) -> int:
        return dims_of(load(start.own), request.arrays, request.device, request.dtype)

    return {Acquaint: acquaint, Fit: try_}


def frameworks_of(function: Function, where: ModuleType) -> tuple[str, ...]:
    """The frameworks whose arrays a function may take: as it is made, or its module imports.

    What it is an instance of and what it uses by name decides, else what its module has; where
    neither says anything, the plainest.
    """
    used = owner(_packages(function, _DEEP, set()))
    return used or owner(_top(value) for value in vars(where).values())


def _packages(value: Any, depth: int, seen: set[int]) -> Iterator[str]:
    """The packages that something comes from or uses by name, functions of the user's as well."""
    if depth == 0 or id(value) in seen:
        return
    seen.add(id(value))
    yield _top(value)
    if isinstance(value, ModuleType):
        return
    yield from map(_top, type(value).__mro__)
    for name in ("__wrapped__", "__func__", "__self__", "func", "forward", "call", "py_func"):
        inner = getattr(value, name, None)
        if inner is not None:
            yield from _packages(inner, depth - 1, seen)
    code, known = getattr(value, "__code__", None), getattr(value, "__globals__", {})
    if isinstance(code, CodeType):
        for name in _names(code):
            yield from _packages(known[name], depth - 1, seen) if name in known else [name]
        for cell in getattr(value, "__closure__", None) or ():
            yield from _packages(cell.cell_contents, depth - 1, seen)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function's code uses, its inner functions' included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _top(value: Any) -> str:
    """The package at the top of where something is defined; of a module its own."""
    name = getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", None)
    return str(name or "").partition(".")[0]


def dims_of(function: Function, arrays: str, device: str, dtype: str) -> int:
    """1 for a function that only works on arrays of one dimension, else 2."""
    adapter: Contract = module("tried", function, arrays).Adapter(device, 1)
    bits = inputs.to_bits(np.linspace(0.25, 4, 24).reshape(_SHAPE), dtype)
    fits = [_fits(function, adapter.put(shaped, dtype)) for shaped in (bits, bits.reshape(-1))]
    return 1 if fits == [False, True] else 2


def _fits(function: Function, given: Tensor) -> bool:
    """Return whether a function returns an array like its input."""
    try:
        results = results_of(function(given))
        check_result(results, given)
        check_shape(results, given)
    except Exception:
        return False
    return len(results) == 1
