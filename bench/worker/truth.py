"""Checks that a timing is of the work it claims: they raise `Refused`, and the case has no timing.

A fast lie has a few shapes: a call that returns before its work is done; a result that is the
input or the last result again; one that does not follow the input, all of it or a part; one of
another dtype or on another device; a detour over the host. Each is looked for in every case before
it is timed. That a compiled case is compiled is the adapter's to say (`NotCompiled`), and that
nothing is compiled while the clock runs is seen in each sample (`Recompiled`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..catalog import inputs
from .steps import Action, Array, Tensor

_ROWS = 1024
_VARY = 32
_RELATIVE = 2.0**-4
_ABSOLUTE = 2.0**-6


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


def check_input(array: Tensor, dtype: str) -> None:
    """Refuse an input of another dtype than was asked for, as JAX without x64 gives for float64."""
    if _dtype(array) != dtype:
        raise Refused(f"the input is {_dtype(array)}, not {dtype}: the framework converted it")


def _dtype(array: Tensor) -> str:
    name: str = getattr(array.dtype, "name", str(array.dtype))
    return name.rpartition(".")[2]


def check_result(results: Sequence[Tensor], array: Tensor) -> None:
    """Refuse a result of another dtype or on another device than the input `array`."""
    for result in results:
        kind = getattr(result, "dtype", None)
        if kind is None:
            name = type(result).__name__
            raise Refused(f"returns a {name}, which is no array: is it waited for?")
        if kind != array.dtype:
            raise Refused(f"returns {kind} for {array.dtype}: a conversion would be timed")
        place = getattr(result, "device", None)
        if place != getattr(array, "device", None):
            raise Refused(f"returns a result on {place} for an input on {array.device}")


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


def rows_to_change(count: int) -> Array:
    """The rows that `check_follows` compares: all, or as many spread evenly over the whole."""
    return np.unique(np.linspace(0, count - 1, min(count, _ROWS)).astype(int))


def moved(rows: Array, by: int) -> Array:
    """Rows of bit patterns, each `by` places further."""
    return np.roll(rows, by, axis=0)


def negated(rows: Array, by: int = 1) -> Array:
    """The bit patterns of the negative values; the same again brings them back."""
    negative: Array = rows ^ rows.dtype.type(1 << (8 * rows.dtype.itemsize - 1))
    return negative


def check_varies(before: list[Array], expected: list[Array]) -> None:
    """Refuse results that a change of what is read would leave as they are.

    Few elements may honestly do so, as relu's of negative numbers.
    """
    if all(
        old.size >= _VARY and (old == new).all() for old, new in zip(before, expected, strict=True)
    ):
        raise Refused("returns the same values for other inputs: the work was done beforehand")


def check_follows(expected: list[Array], after: list[Array], dtype: str) -> None:
    """Refuse results (bit patterns of some rows) that do not follow a change of what is read.

    A step is called with rows of its input `moved`: every activation works row by row, so that
    the same rows of the results must have moved likewise. A backward pass, which may have saved
    its input or another value of it, gets its upstream `negated`, and gives the negative gradient.
    What was computed beforehand, by another call or for another part, and what is not computed
    yet, stays as it was. Every element is compared, with a wide tolerance: a vector loop and its
    tail may differ.
    """
    for right, got in zip(expected, after, strict=True):
        differs = right != got
        if not differs.any():
            continue
        values = inputs.from_bits(right, dtype)
        wanted, other = values[differs], inputs.from_bits(got[differs], dtype)
        wrong = np.count_nonzero(~_alike(wanted, other, _scale(values)))
        if wrong:
            raise Refused(
                f"{wrong / differs.size:.1%} of the result does not follow the input: computed "
                "beforehand, left over from another call, or not computed yet"
            )


def _scale(values: Array) -> float:
    """How large the values are, but for a few."""
    size = np.abs(values[np.isfinite(values)])
    return float(np.quantile(size, 0.9)) if size.size else 0.0


def _alike(wanted: Array, got: Array, scale: float) -> Array:
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(wanted), np.abs(got))
        near = np.abs(wanted - got) <= _RELATIVE * size + _ABSOLUTE * scale
        alike: Array = (wanted == got) | (np.isnan(wanted) & np.isnan(got)) | near
    return alike
