"""The parts of NumPy's forms: gradients, blocks that stay in the cache, sums and tails."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.lib.introspect import opt_func_info

Array = np.ndarray[Any, Any]
Form = Callable[..., Array]
Gradient = Callable[..., Array | tuple[Array, ...]]
Kernel = Callable[..., Array]
"""`kernel(*arrays, out=)` fills a block of the result, and returns it or another array."""


# --- how a form gets its derivative ---------------------------------------------------------------


def with_gradient(gradient: Gradient) -> Callable[[Form], Form]:
    """Attach `gradient(upstream, x, *learnable, **parameters)` to a form."""

    def decorate(form: Form) -> Form:
        form.gradient = gradient  # type: ignore[attr-defined]
        return form

    return decorate


def with_slope(derivative: Callable[..., Array | float]) -> Callable[[Form], Form]:
    """Attach the derivative of an elementwise form."""
    return with_gradient(lambda upstream, x, **parameters: upstream * derivative(x, **parameters))


def wide(derivative: Form) -> Callable[[Form], Form]:
    """Compute an elementwise form and its derivative in the next wider format and round once."""

    def decorate(form: Form) -> Form:
        def rounded(x: Array, *, out: Array | None = None, **parameters: Any) -> Array:
            def run(block: Array, out: Array) -> Array:
                return form(block, **parameters)

            return in_blocks(run, (x,), out, _wider(x.dtype), _FRESH)

        def gradient(upstream: Array, x: Array, **parameters: Any) -> Array:
            def run(pull: Array, block: Array, out: Array) -> Array:
                return pull * derivative(block, **parameters)

            return in_blocks(run, (upstream, x), None, _wider(x.dtype), _FRESH)

        return with_gradient(gradient)(rounded)

    return decorate


def wide_gradient(gradient: Gradient) -> Callable[[Form], Form]:
    """Compute a form likewise, by a gradient that needs whole upstream rows or learned arrays."""

    def widened(arrays: Sequence[Array]) -> list[Array]:
        return [array.astype(_wider(array.dtype), copy=False) for array in arrays]

    def decorate(form: Form) -> Form:
        def rounded(*arrays: Array, **parameters: Any) -> Array:
            return form(*widened(arrays), **parameters).astype(arrays[0].dtype)

        def rounded_gradient(*arrays: Array, **parameters: Any) -> tuple[Array, ...]:
            gradients = as_tuple(gradient(*widened(arrays), **parameters))
            return tuple(array.astype(arrays[0].dtype) for array in gradients)

        return with_gradient(rounded_gradient)(rounded)

    return decorate


def _wider(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The format to compute in: float32 for 16 bits, float64 for more."""
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def as_tuple(gradients: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    """The gradients of all arrays, where a form of one array gives its own alone."""
    return gradients if isinstance(gradients, tuple) else (gradients,)


def blocked(slope: Kernel) -> Callable[[Kernel], Form]:
    """Run an elementwise kernel and its derivative on blocks that stay in the cache.

    Both are `kernel(x, **parameters, out=block)`: the form's fills a block of the result, the
    derivative's may use it or return another array. The form takes any shape; `out` is an array to
    write the result to, which may be the input.
    """

    def decorate(kernel: Kernel) -> Form:
        @wraps(kernel)
        def form(x: Array, *rest: Any, out: Array | None = None, **parameters: Any) -> Array:
            if _is_one_block(x) and (out is None or _is_apart(out, x, x.shape)):
                return kernel(x, *rest, out=np.empty_like(x) if out is None else out, **parameters)

            def run(block: Array, out: Array) -> Array:
                return kernel(block, *rest, out=out, **parameters)

            return in_blocks(run, (x,), out, _single(x.dtype))

        def gradient(upstream: Array, x: Array, **parameters: Any) -> Array:
            def run(pull: Array, block: Array, out: Array) -> Array:
                return np.multiply(slope(block, out=out, **parameters), pull, out=out)

            if _is_one_block(x):
                return run(upstream, x, np.empty_like(x))
            return in_blocks(run, (upstream, x), None, _single(x.dtype))

        return with_gradient(gradient)(form)

    return decorate


# --- blocks: temporaries that stay in the cache ---------------------------------------------------

BLOCK = 2**18
"""The bytes of an array in a block: four of them fit a second-level cache of a megabyte, and a call
of a NumPy function (0.3 µs) takes a two-hundredth of a nanosecond per element."""
_FRESH = 7 * 2**14
"""The bytes of a block where every intermediate result is a new array: from 128 KiB on the C
library may map fresh pages for each, which cost more than the arithmetic."""
_SMALL = 2**15
"""The bytes up to which a new array is quicker to get than a view of a kept one, and as surely
cached."""


def in_blocks(
    run: Kernel,
    inputs: tuple[Array, ...],
    out: Array | None,
    working: np.dtype[Any],
    size: int = BLOCK,
) -> Array:
    """Fill `out`, or a new array, with run(*inputs, out=) one block of `size` bytes at a time.

    The blocks are in the format `working`.
    Raises ValueError for an `out` of another shape or dtype.
    """
    shape, length = inputs[0].shape, size // working.itemsize
    result = _result(shape, inputs, out)
    flat, target = [array.reshape(-1) for array in inputs], result.reshape(-1)
    for start in range(0, target.size, length):
        place = slice(start, start + length)
        _fill(target[place], run, [array[place] for array in flat], working)
    return _delivered(result, out)


def by_rows(run: Kernel, inputs: tuple[Array, ...], length: int, out: Array | None = None) -> Array:
    """Fill `out`, or a new array, by blocks of rows; results have `length` elements per row."""
    x = inputs[-1]
    shape = (*x.shape[:-1], length)
    if x.ndim == 2 and _is_one_block(x) and (out is None or _is_apart(out, x, shape)):
        return run(*inputs, out=np.empty(shape, x.dtype) if out is None else out)
    result, working = _result(shape, inputs, out), _single(x.dtype)
    rows = math.prod(x.shape[:-1])
    tables = [array.reshape(rows, array.shape[-1]) for array in inputs]
    target = result.reshape(rows, length)
    count = max(1, BLOCK // (working.itemsize * max(1, length, x.shape[-1])))
    for start in range(0, rows, count):
        place = slice(start, start + count)
        _fill(target[place], run, [table[place] for table in tables], working)
    return _delivered(result, out)


def _fill(target: Array, run: Kernel, inputs: list[Array], working: np.dtype[Any]) -> None:
    """Run a kernel on one block, through another format where the target's is not the working."""
    blocks = [array.astype(working, copy=False) for array in inputs]
    out = target if target.dtype == working else np.empty(target.shape, working)
    result = run(*blocks, out=out)
    if result is not target:
        np.copyto(target, result, casting="same_kind")


def _single(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The format to compute in: float32 for float16, whose loops convert each element twice,
    singly."""
    return np.promote_types(dtype, np.float32)


def _is_one_block(x: Array) -> bool:
    """Return whether a kernel can take an array as it is."""
    return x.nbytes <= BLOCK and x.dtype.char in "fd"


def _is_apart(out: Array, x: Array, shape: tuple[int, ...]) -> bool:
    """Return whether a result of a shape can be written to `out` while x is read."""
    fits = out.shape == shape and out.dtype == x.dtype and out.flags.c_contiguous
    return fits and not np.may_share_memory(out, x)


def _result(shape: tuple[int, ...], inputs: tuple[Array, ...], out: Array | None) -> Array:
    """Memory for a result: `out` if its blocks can be written while inputs are read."""
    dtype = inputs[0].dtype
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must be {dtype} of shape {shape}, not {out.dtype} of {out.shape}")
    apart = not any(np.may_share_memory(out, array) for array in inputs)
    return out if apart and out.flags.c_contiguous else np.empty(shape, dtype)


def _delivered(result: Array, out: Array | None) -> Array:
    """The result, copied into `out` where it was computed elsewhere."""
    if out is None or result is out:
        return result
    np.copyto(out, result)
    return out


class _Scratch(threading.local):
    """Memory for intermediate results, one per thread: NumPy's loops release the interpreter."""

    def __init__(self) -> None:
        rows = 4 * (BLOCK + 64)
        memory = np.empty(rows + 64, np.uint8)
        start = -memory.ctypes.data % 64  # a vector that straddles two cache lines is read twice
        self.rows = memory[start : start + rows].reshape(4, -1)


_memory = _Scratch()


def scratch(like: Array, count: int) -> list[Array]:
    """Up to four arrays for intermediate results of a kernel, of the shape and dtype of a block."""
    if not _SMALL < like.nbytes <= BLOCK:
        return [np.empty(like.shape, like.dtype) for _ in range(count)]
    rows = _memory.rows[:count, : like.nbytes].view(like.dtype)
    return [row.reshape(like.shape) for row in rows]


# --- choices --------------------------------------------------------------------------------------


def constant(value: float, like: Array) -> Array:
    """An array of `like`'s shape and dtype, filled with a value.

    np.maximum and np.minimum take 0.3 ns per element with a scalar and 0.05 with an array: only
    where both operands are arrays is their loop a vector one.
    """
    if like.nbytes > BLOCK:
        return np.full(like.shape, value, like.dtype)
    return _shaped(value, like.dtype.char, like.shape)


@lru_cache(maxsize=128)
def _shaped(value: float, dtype: str, shape: tuple[int, ...]) -> Array:
    return _repeated(value, dtype)[: math.prod(shape)].reshape(shape)


@lru_cache(maxsize=32)
def _repeated(value: float, dtype: str) -> Array:
    block = np.full(BLOCK // np.dtype(dtype).itemsize, value, dtype)
    block.flags.writeable = False
    return block


def at_least(lowest: float, x: Array) -> Array:
    """max(x, lowest)"""
    return np.maximum(x, constant(lowest, x))


def at_most(highest: float, x: Array) -> Array:
    """min(x, highest)"""
    return np.minimum(x, constant(highest, x))


def by_sign(x: Array, below: Array, above: Array) -> Array:
    """`below` where the sign bit of x is set, `above` elsewhere, bit by bit.

    np.where branches: on signs in random order it takes 4 ns per element, this 0.3.
    """
    width = 8 * x.dtype.itemsize
    whole = f"int{width}"
    chosen = x.view(whole) >> (width - 1)
    chosen &= above.view(whole) ^ below.view(whole)
    chosen ^= above.view(whole)
    return chosen.view(x.dtype)


def indicate(condition: Array, out: Array) -> Array:
    """1 where the condition holds, 0 elsewhere."""
    np.copyto(out, condition)
    return out


# --- approximations -------------------------------------------------------------------------------


Coefficients = tuple[Array, ...]


def scalars(dtype: str, *values: float) -> Coefficients:
    """Numbers as arrays of no dimension: a Python number costs a call 0.25 µs more."""
    return tuple(np.array(value, dtype) for value in values)


# Φ(−a) = exp(−a²/2) P(a)/Q(a) for a ≥ 0 (Mills' ratio over √(2π)). The coefficients are weighted
# least-squares fits in ball arithmetic, driven to equal ripples (Lawson 1961); all are positive,
# so that nothing cancels. Relative error of P/Q: below 3e-8 on [0, 15] with those of float32 and
# below 2e-16 on [0, 42] with those of float64, rounding of the coefficients included, that of the
# evaluation not (tests/impls/test_numpy.py). Beyond, the density is 0.
_MILLS = {
    "float32": (
        scalars("f", 0.5, 0.43928002, 0.183966534, 0.0408802281, 0.00415309035),
        scalars("f", 1.0, 1.67644505, 1.20553763, 0.471401806, 0.102477653, 0.010410142),
    ),
    "float64": (
        scalars(
            "d",
            0.5,
            0.776930056250917,
            0.5970299176338058,
            0.29146667933602005,
            0.09865848318515943,
            0.023915866343849217,
            0.004151733244305754,
            0.0004994590013616194,
            3.807690529170884e-05,
            1.4224252395717471e-06,
        ),
        scalars(
            "d",
            1.0,
            2.3517446733046876,
            2.5704806010481773,
            1.7239693277022574,
            0.7880787643413938,
            0.2575160958428274,
            0.061193014225594124,
            0.010502296577046278,
            0.0012555235463154455,
            9.544464741300412e-05,
            3.5654913240668884e-06,
        ),
    ),
}
_FAR = 42.0
"""Φ(−42) is 0 in float64."""

# erf(z) = z P(z²)/Q(z²), found in the same way. Relative error: below 2.5e-8 on [0, 4], beyond
# which erf is 1 in float32, and below 2e-17 on [0, 1].
_ERF_TO_4 = (
    scalars(
        "d",
        1.1283791392817715,
        0.1935453940406831,
        0.05310179384482915,
        0.0038833599879851285,
        0.0002845665792687567,
        1.9867836694487387e-06,
    ),
    scalars(
        "d",
        1.0,
        0.5048576948878024,
        0.11535014126539633,
        0.015207282005100693,
        0.0011855756658035782,
        3.7420224710795636e-05,
    ),
)
_ERF_TO_1 = (
    scalars(
        "d",
        1.1283791670955126,
        0.14350665937568735,
        0.045483612814560044,
        0.0018774110859337651,
        0.0001968847337752829,
        7.771756258728372e-08,
    ),
    scalars(
        "d",
        1.0,
        0.4605127988538451,
        0.09381306862773871,
        0.010693079054674648,
        0.0006924981926144562,
        2.0810256396384886e-05,
    ),
)


def _rational(
    coefficients: tuple[Coefficients, Coefficients], x: Array, out: Array, spare: Array
) -> Array:
    """P(x)/Q(x) by Horner's rule, in place."""
    above, below = coefficients
    horner(above, x, out)
    horner(below, x, spare)
    return np.divide(out, spare, out=out)


def horner(coefficients: Sequence[Array | float], x: Array, out: Array) -> None:
    """Σ cᵢxⁱ in `out`"""
    np.multiply(x, coefficients[-1], out=out)
    for coefficient in coefficients[-2:0:-1]:
        out += coefficient
        out *= x
    out += coefficients[0]


def normal_tail(size: Array, density: Array, out: Array, spare: Array) -> Array:
    """Φ(−size) for 0 ≤ size ≤ 42, and exp(−size²/2) in `density`."""
    _rational(_MILLS[out.dtype.name], size, out, spare)
    np.multiply(size, size, out=density)
    density *= -0.5
    np.exp(density, out=density)
    out *= density
    return out


def bounded_size(x: Array, out: Array) -> Array:
    """min(|x|, 42)"""
    np.abs(x, out=out)
    return np.minimum(out, constant(_FAR, out), out=out)


def erf(z: Array) -> Array:
    """erf z, computed in float64 and rounded once.

    For 16- and 32-bit inputs z·P/Q is off by 2.5e-8 of itself and half an ulp of rounding: less
    than an ulp (0.5 + 2.5e-8·2²⁴ = 0.92). For float64, 1 − 2Φ(−√2|z|) from 1 on.
    """
    run = _erf_double if z.dtype == np.float64 else _erf_single
    return in_blocks(run, (z,), None, np.dtype(np.float64))


def _erf_single(z: Array, out: Array) -> Array:
    square, spare = scratch(out, 2)
    edge = constant(4, z)
    z = np.maximum(np.minimum(z, edge, out=z), np.negative(edge, out=spare), out=z)
    np.multiply(z, z, out=square)
    _rational(_ERF_TO_4, square, out, spare)
    return np.multiply(out, z, out=out)


def _erf_double(z: Array, out: Array) -> Array:
    size, density, square, spare = scratch(out, 4)
    np.multiply(z, z, out=square)
    bounded_size(math.sqrt(2) * z, out=size)
    far = 1 - 2 * normal_tail(size, density, out, spare)
    near = np.abs(z) * _rational(_ERF_TO_1, square, out, spare)
    return np.copysign(np.where(square < 1, near, far), z)


def _is_vector(function: str) -> bool:
    """Return whether NumPy has a vector loop of a function in float32 for this processor."""
    loops = opt_func_info(func_name=f"^{function}$", signature="float32").get(function, {})
    return any("baseline" not in loop["current"] for loop in loops.values())


_EXPM1_IS_VECTOR = _is_vector("expm1")


def one_plus_exp(out: Array) -> Array:
    """1 + exp(x) in place; expm1's vector loop takes three quarters of the time of exp's."""
    if _EXPM1_IS_VECTOR and out.dtype.char == "f":
        np.expm1(out, out=out)
        out += 2
    else:
        np.exp(out, out=out)
        out += 1
    return out
