"""Checks that a timing is of the work it claims: they raise `Refused`, and the case has no timing.

A fast lie has a few shapes: a call that returns before its work is done; a result that is the
input or the last result again; one of another dtype or on another device; a detour over the host.
Each is looked for in every case before it is timed. What is computed is looked at while it is
timed (`observing`), and judged by the parent, which knows what is exact. That a compiled case is
compiled is the adapter's to say (`NotCompiled`), and that nothing is compiled while the clock runs
is seen in each sample (`Recompiled`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .buffers import Array, Tensor

Action = Callable[[], Any]


class Refused(Exception):
    """A timing of this case would mislead; the text says why."""


class NothingToTime(Exception):
    """The framework does no work at all here, and rightly so."""


def check_traced(trace: Callable[[], None]) -> None:
    """Refuse a function that asks for values where there are none: it takes them to the host.

    Whatever a framework computes itself, it computes on stand-ins as well, of which it knows the
    shape and the dtype only; NumPy, or an `if` on a value, cannot. Nor may it have the framework
    call Python, which an adapter sees in what was traced.
    """
    try:
        trace()
    except Exception as error:
        raise Refused(f"goes through the host: {_first_line(error)}") from None


def check_guarded(step: Action) -> Any:
    """The result of a step that ran before, called where a copy to the host raises."""
    try:
        return step()
    except Exception as error:
        raise Refused(f"copies from the device while timed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def _package(array: Tensor) -> str:
    """The package of an array's type, which is one for all arrays of a framework."""
    return type(array).__module__.partition(".")[0]


def check_input(array: Tensor, dtype: str) -> None:
    """Refuse an input of another dtype than was asked for, as JAX without x64 gives for float64."""
    if dtype_of(array) != dtype:
        raise Refused(f"the input is {dtype_of(array)}, not {dtype}: the framework converted it")


def dtype_of(array: Tensor) -> str:
    """The name of a tensor's dtype: `float32`."""
    name: str = getattr(array.dtype, "name", str(array.dtype))
    return name.rpartition(".")[2]


def check_result(results: Sequence[Tensor], array: Tensor) -> None:
    """Refuse a result of another dtype or on another device than the input `array`."""
    for result in results:
        kind = getattr(result, "dtype", None)
        if result is None:
            raise Refused("gives no gradient: its result does not follow from its input")
        if kind is None:
            name = type(result).__name__
            raise Refused(f"returns a {name}, which is no array: is it waited for?")
        if _package(result) != _package(array):
            raise Refused(f"returns an array of {_package(result)} for one of {_package(array)}")
        if kind != array.dtype:
            raise Refused(f"returns {kind} for {array.dtype}: a conversion would be timed")
        place = getattr(result, "device", None)
        if place != getattr(array, "device", None):
            raise Refused(f"returns a result on {place} for an input on {array.device}")


def check_unwritten(now: Array, before: Array) -> None:
    """Refuse a call that wrote to its input, from the bit patterns of that after it and before."""
    if now.dtype == before.dtype and (now.reshape(-1) != before.reshape(-1)).any():
        raise Refused("writes to its input")


def check_again(before: Array, now: Array, precision: int) -> None:
    """Refuse the values of a result that are far from those of another call on the same input.

    Half of the `precision`, in bits, must be the same, of the values or of the largest of them.
    """
    size, near = np.abs(now[np.isfinite(now)]).max(initial=0), 2.0 ** -(precision / 2)
    if before.shape != now.shape or not np.allclose(
        before, now, rtol=near, atol=near * size, equal_nan=True
    ):
        raise Refused("gives other results while it is timed than for a copy of its input")


def check_shape(results: Sequence[Tensor], array: Tensor) -> None:
    """Refuse a result of another shape than the input, of which each element has one."""
    for result in results:
        if tuple(result.shape) != tuple(array.shape):
            shapes = f"of shape {tuple(result.shape)} for one of shape {tuple(array.shape)}"
            raise Refused(f"returns an array {shapes}: it must return one like its input")


def check_elements(results: Sequence[Tensor], expected: list[int]) -> None:
    """Refuse results with other numbers of elements than are expected: they are of other work."""
    sizes = [math.prod(result.shape) for result in results]
    if sizes != expected:
        raise Refused(f"results do not fit the inputs: {_counted(sizes)}, not {_counted(expected)}")


def _counted(sizes: list[int]) -> str:
    return f"{' and '.join(f'{size:,}' for size in sizes) or 'no'} elements"


def check_fresh(
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    given: list[Tensor],
    direction: str,
    address: Callable[[Tensor], int],
) -> None:
    """Refuse results that are given arrays, or the last call's, instead of new ones.

    A gradient may be the upstream itself, as that of a sum: NothingToTime where it is all there is.
    """
    read = {address(tensor) for tensor in given}
    for place, (before, now) in enumerate(zip(first, second, strict=True)):
        if address(now) in read and direction == "both" and place > 0:
            continue  # the output before it was computed
        if address(now) in read and direction == "backward":
            raise NothingToTime("the gradient is the upstream itself: nothing is computed")
        if address(now) in read:
            raise Refused("returns an array it was given: nothing is computed")
        if address(before) == address(now):
            raise Refused("returns the same array again: nothing is computed a second time")
