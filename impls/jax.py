"""JAX: gradients by autodiff, except for the wide forms, which carry their derivative."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache, wraps
from itertools import repeat
from typing import Any

import jax
import jax.monitoring
import jax.numpy as jnp
import jaxlib.version
import numpy as np

from ._adapter import Bits, Contract, HostCall, NotCompiled, Step, Unsupported

TITLE = "JAX"
MODES = ("eager", "compiled")
PACKAGES = ("jaxlib",)
COMPILES = ("eager", "compiled")
ENVIRONMENT = {
    "JAX_ENABLE_X64": "true",
    "JAX_PLATFORMS": "{device}",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "JAX_COMPILATION_CACHE_DIR": "{cache}",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
SCRIPT = {
    # A number of JAX's own would be flushed on its way in if it is subnormal.
    "tensor": "jnp.asarray(np.full({copies}, {input}, jnp.{dtype}))",
    "compiled": "jax.jit({f})",
    "gradient": "x = {tensor}; print(float(jax.vjp({f}, x)[1](jnp.ones_like(x))[0][0]))",
    "float64": 'jax.config.update("jax_enable_x64", True)',
}

Array = jax.Array
Form = Callable[..., Array]
Gradient = Callable[..., tuple[Array, ...]]

_LN2 = math.log(2)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_GELU_TANH = math.sqrt(2 / math.pi)
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


# --- how a wide form gets its derivative ----------------------------------------------------------


def _wide(derivative: Form) -> Callable[[Form], Form]:
    """Compute an elementwise form and its derivative in the next wider format and round once."""
    return _wide_gradient(lambda upstream, x, **p: (upstream * derivative(x, **p),))


def _wide_gradient(gradient: Gradient) -> Callable[[Form], Form]:
    """Compute a form likewise, by a gradient that needs whole upstream rows or learned arrays."""

    def decorate(form: Form) -> Form:
        @cache
        def with_parameters(parameters: tuple[tuple[str, Any], ...]) -> Form:
            named = dict(parameters)

            @jax.custom_vjp
            def rounded(*arrays: Array) -> Array:
                return form(*_widened(arrays), **named).astype(arrays[0].dtype)

            def pull(arrays: tuple[Array, ...], upstream: Array) -> tuple[Array, ...]:
                gradients = gradient(*_widened((upstream, *arrays)), **named)
                return tuple(array.astype(upstream.dtype) for array in gradients)

            rounded.defvjp(lambda *arrays: (rounded(*arrays), arrays), pull)
            return rounded

        @wraps(form)
        def bound(*arrays: Array, **parameters: Any) -> Array:
            return with_parameters(tuple(sorted(parameters.items())))(*arrays)

        return bound

    return decorate


def _widened(arrays: Sequence[Array]) -> list[Array]:
    """Arrays in the format to compute in: float32 for 16 bits, float64 for more."""
    return [
        array.astype(jnp.float32 if array.dtype.itemsize <= 2 else jnp.float64) for array in arrays
    ]


# --- max ------------------------------------------------------------------------------------------


def relu_native(x: Array) -> Array:
    """max(0, x)"""
    return jax.nn.relu(x)


def relu_max(x: Array) -> Array:
    """max(x, 0)"""
    return jnp.maximum(x, 0)


def relu_abs(x: Array) -> Array:
    """(x + |x|)/2"""
    return (x + jnp.abs(x)) / 2


def relu_where(x: Array) -> Array:
    """x if x > 0, else 0"""
    return jnp.where(x > 0, x, 0)


def _hinge(x: Array, edge: float, below: Any, above: Any) -> Array:
    """`below` up to the edge, `above` beyond it, NaN where x is NaN."""
    return jnp.where(x > edge, above, jnp.where(x <= edge, below, x))


def leaky_relu_native(x: Array, alpha: float = 0.01) -> Array:
    """x if x > 0, else αx"""
    return jax.nn.leaky_relu(x, alpha)


def leaky_relu_where(x: Array, alpha: float = 0.01) -> Array:
    """x if x > 0, else αx"""
    return jnp.where(x > 0, x, alpha * x)


def leaky_relu_max(x: Array, alpha: float = 0.01) -> Array:
    """max(x, αx), for α ≤ 1"""
    return jnp.maximum(x, alpha * x)


@_wide(lambda x, alpha=0.01: _hinge(x, 0, alpha, 1))
def leaky_relu_wide(x: Array, alpha: float = 0.01) -> Array:
    """x if x > 0, else αx"""
    return jnp.where(x > 0, x, alpha * x)


def prelu_where(x: Array, alpha: Array) -> Array:
    """x if x > 0, else αx, with a learned α"""
    return jnp.where(x > 0, x, alpha * x)


def _prelu_gradient(upstream: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    """Gradients along x and, summed, along α"""
    along_alpha = jnp.where(x > 0, 0, upstream * x)
    sums = along_alpha.sum(axis=tuple(range(x.ndim - alpha.ndim)))
    return upstream * _hinge(x, 0, alpha, 1), sums


@_wide_gradient(_prelu_gradient)
def prelu_wide(x: Array, alpha: Array) -> Array:
    """x if x > 0, else αx, with a learned α"""
    return jnp.where(x > 0, x, alpha * x)


def crelu_textbook(x: Array) -> Array:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    return jax.nn.relu(jnp.concatenate([x, -x], axis=-1))


def maxout_textbook(x: Array, k: int = 2) -> Array:
    """yⱼ = maxᵢ x[i·n/k + j], over k groups of the n features"""
    return x.reshape(*x.shape[:-1], k, x.shape[-1] // k).max(axis=-2)


def shifted_relu_max(x: Array, alpha: float = 1.0) -> Array:
    """max(x, −α)"""
    return jnp.maximum(x, -alpha)


@_wide(lambda x, alpha=1.0: _hinge(x, -alpha, 0, 1))
def shifted_relu_wide(x: Array, alpha: float = 1.0) -> Array:
    """max(x, −α)"""
    return jnp.maximum(x, -alpha)


def relu6_native(x: Array) -> Array:
    """min(max(x, 0), 6)"""
    return jax.nn.relu6(x)


def relu6_max(x: Array) -> Array:
    """min(max(x, 0), 6)"""
    return jnp.minimum(jnp.maximum(x, 0), 6)


def hardtanh_native(x: Array) -> Array:
    """min(max(x, −1), 1)"""
    return jax.nn.hard_tanh(x)


def hardtanh_max(x: Array) -> Array:
    """min(max(x, −1), 1)"""
    return jnp.minimum(jnp.maximum(x, -1), 1)


def squared_relu_max(x: Array) -> Array:
    """max(x, 0)²"""
    return jnp.square(jnp.maximum(x, 0))


def hard_sigmoid_native(x: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    return jax.nn.hard_sigmoid(x)


def hard_sigmoid_textbook(x: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    return jnp.minimum(jnp.maximum(x + 3, 0), 6) / 6


def _hard_sigmoid_slope(x: Array) -> Array:
    """1/6 where |x| < 3, else 0"""
    outside = jnp.where(jnp.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return jnp.where(jnp.abs(x) < 3, 1 / 6, outside)


@_wide(_hard_sigmoid_slope)
def hard_sigmoid_wide(x: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    return jnp.clip(x + 3, 0, 6) / 6


def hard_swish_native(x: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    return jax.nn.hard_swish(x)


def hard_swish_textbook(x: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    return x * jnp.minimum(jnp.maximum(x + 3, 0), 6) / 6


def _hard_swish_slope(x: Array) -> Array:
    """(2x + 3)/6 where |x| ≤ 3, else 0 below and 1 above"""
    inside = (2 * jnp.clip(x, -3, 3) + 3) / 6
    return jnp.where(x > 3, 1, jnp.where(x < -3, 0, inside))


@_wide(_hard_swish_slope)
def hard_swish_wide(x: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    bounded = jnp.maximum(x, -1000)
    return bounded * (jnp.clip(bounded + 3, 0, 6) / 6)


def hard_swish_stable(x: Array) -> Array:
    """x · ((min(max(x, −3), 3) + 3)/6)"""
    # Bounds of x: x + 3 is 6 for some x above 3.
    gate = (jnp.where(x > 3, 3, jnp.maximum(x, -3)) + 3) / 6
    return jnp.maximum(x, -1000) * gate


# --- exp ------------------------------------------------------------------------------------------


def elu_native(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α(eˣ − 1)"""
    return jax.nn.elu(x, alpha)


def elu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α(eˣ − 1)"""
    return jnp.where(x > 0, x, alpha * (jnp.exp(x) - 1))


def _elu_slope(x: Array, alpha: float = 1.0) -> Array:
    """1 if x > 0, else αeˣ"""
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = jnp.exp(0.5 * jnp.minimum(x, 0))
    return jnp.where(x > 0, 1, alpha * half * half)


@_wide(_elu_slope)
def elu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0))"""
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.minimum(x, 0)))


def elu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0))"""
    # Not the lesser of x and 0, whose gradient is halved where they are equal.
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x)))


def selu_native(x: Array) -> Array:
    """λx if x > 0, else λα(eˣ − 1)"""
    return jax.nn.selu(x)


def selu_textbook(x: Array) -> Array:
    """λx if x > 0, else λα(eˣ − 1)"""
    return _SELU_SCALE * jnp.where(x > 0, x, _SELU_ALPHA * (jnp.exp(x) - 1))


def _selu_slope(x: Array) -> Array:
    """λ if x > 0, else λαeˣ"""
    half = jnp.exp(0.5 * jnp.minimum(x, 0))
    return jnp.where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@_wide(_selu_slope)
def selu_wide(x: Array) -> Array:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * jnp.where(x > 0, x, _SELU_ALPHA * jnp.expm1(jnp.minimum(x, 0)))


def selu_stable(x: Array) -> Array:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * elu_stable(x, _SELU_ALPHA)


def celu_native(x: Array, alpha: float = 1.0) -> Array:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return jax.nn.celu(x, alpha)


def celu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return jnp.maximum(x, 0) + jnp.minimum(alpha * (jnp.exp(x / alpha) - 1), 0)


@_wide(lambda x, alpha=1.0: jnp.where(x > 0, 1, jnp.exp(jnp.minimum(x, 0) / alpha)))
def celu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    near = -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return jnp.where(x > near, x, alpha * jnp.expm1(jnp.minimum(x, 0) / alpha))


def celu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    is_near = x > -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return jnp.where(is_near, x, alpha * jnp.expm1(jnp.where(is_near, 0, x) / alpha))


def _sigmoid(x: Array) -> Array:
    """1/(1 + e⁻ˣ), of e^{−|x|} alone"""
    tail = jnp.exp(-jnp.abs(x))
    return jnp.where(x < 0, tail, 1) / (1 + tail)


def _sigmoid_slope(x: Array) -> Array:
    """t/(1 + t)² with t = e^{−|x|}"""
    tail = jnp.exp(-jnp.abs(x))
    return tail / (1 + tail) ** 2


def sigmoid_native(x: Array) -> Array:
    """1/(1 + e⁻ˣ)"""
    return jax.nn.sigmoid(x)


def sigmoid_textbook(x: Array) -> Array:
    """1/(1 + e⁻ˣ)"""
    return 1 / (1 + jnp.exp(-x))


@_wide(_sigmoid_slope)
def sigmoid_wide(x: Array) -> Array:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    return _sigmoid(x)


def _tail(x: Array) -> Array:
    """e^{−|x|}, of which the slope at 0 is that from above: the slope of |x| there may be 0."""
    return jnp.exp(jnp.where(x < 0, x, -x))


def sigmoid_stable(x: Array) -> Array:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    tail = _tail(x)
    return jnp.where(x < 0, tail, 1) / (1 + tail)


def tanh_native(x: Array) -> Array:
    """tanh x"""
    return jnp.tanh(x)


def tanh_textbook(x: Array) -> Array:
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)"""
    up, down = jnp.exp(x), jnp.exp(-x)
    return (up - down) / (up + down)


def _tanh_slope(x: Array) -> Array:
    """1/cosh(x)², which no rounding of tanh(x) takes part in"""
    tail = jnp.exp(-jnp.abs(x))
    return jnp.square(2 * tail / (1 + tail * tail))


@_wide(_tanh_slope)
def tanh_wide(x: Array) -> Array:
    """tanh x"""
    return jnp.tanh(x)


# tanh x = x + x³P(x²) for |x| < 0.625: Moshier 1992 and 2000, Cephes, tanhf.c (a polynomial, which
# serves 16 bits as well) and tanh.c (a quotient, for float64). Taken up to 0.55: beyond, the slope
# of the polynomial leaves that of tanh by up to 9 ulp.
_TANH_SINGLE = (
    *(-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3),
)
_TANH_ABOVE = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
_TANH_BELOW = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)


def _horner(coefficients: Sequence[float], x: Array) -> Array:
    """Σ cᵢxⁱ"""
    total: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def tanh_stable(x: Array) -> Array:
    """x + x³P(x²) if |x| < 0.55, else ±(1 − t²)/(1 + t²) with t = e^{−|x|}"""
    is_near = jnp.abs(x) < 0.55
    small = jnp.where(is_near, x, 0)  # beyond, the slope of a power would be 0 times ∞
    square = small * small
    if x.dtype == jnp.float64:
        share = _horner(_TANH_ABOVE, square) / _horner(_TANH_BELOW, square)
    else:
        share = _horner(_TANH_SINGLE, square)
    tail = jnp.square(_tail(x))
    far = (1 - tail) / (1 + tail)
    # A sum of x and the rest would lose the sign of −0.
    return jnp.where(is_near, small * (1 + square * share), jnp.where(x < 0, -far, far))


def _halves(x: Array) -> tuple[Array, Array]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = jnp.exp(-0.5 * jnp.abs(x))
    return half, half * half


def softplus_native(x: Array, k: float = 1.0) -> Array:
    """ln(1 + e^{kx})/k"""
    return jax.nn.softplus(k * x) / k


def softplus_textbook(x: Array, k: float = 1.0) -> Array:
    """ln(1 + e^{kx})/k"""
    return jnp.log(1 + jnp.exp(k * x)) / k


def _softplus_tail(half: Array, k: float) -> Array:
    """ln(1 + half²)/k, where the square may be subnormal and the quotient not."""
    tail = half * half
    # Below, ln(1 + t) is t to the last bit.
    return jnp.where(tail < 1e-20, half / k * half, jnp.log1p(tail) / k)


@_wide(lambda x, k=1.0: _sigmoid(k * x))
def softplus_wide(x: Array, k: float = 1.0) -> Array:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    half, _ = _halves(k * x)
    return jnp.maximum(x, 0) + _softplus_tail(half, k)


def softplus_stable(x: Array, k: float = 1.0) -> Array:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    # Not the larger of x and 0: where they are equal its slope is 1, 0 or ½ as the framework likes.
    return jnp.where(x < 0, 0, x) + _softplus_tail(_tail(0.5 * k * x), k)


def softplus_logaddexp(x: Array, k: float = 1.0) -> Array:
    """ln(e⁰ + e^{kx})/k"""
    return jnp.logaddexp(0, k * x) / k


def logsigmoid_native(x: Array) -> Array:
    """ln(1/(1 + e⁻ˣ))"""
    return jax.nn.log_sigmoid(x)


def logsigmoid_textbook(x: Array) -> Array:
    """ln(1/(1 + e⁻ˣ))"""
    return jnp.log(1 / (1 + jnp.exp(-x)))


@_wide(lambda x: _sigmoid(-x))
def logsigmoid_wide(x: Array) -> Array:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return jnp.minimum(x, 0) - jnp.log1p(jnp.exp(-jnp.abs(x)))


def logsigmoid_stable(x: Array) -> Array:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return jnp.where(x < 0, x, 0) - jnp.log1p(_tail(x))


def softplus_approximation_textbook(x: Array) -> Array:
    """x/(1 − e^{−x/ln 2}), ln 2 at 0"""
    return jnp.where(x == 0, _LN2, x / (1 - jnp.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (
    *(1 / 6, -1 / 180, 1 / 5040, -1 / 151200, 1 / 4790016, -691 / 108972864000),
    *(1 / 5337446400, -3617 / 666913927680000),
)
_VALUE_NEAR_0 = tuple(slope / (2 * i + 2) for i, slope in enumerate(_NEAR_0))


def _softplus_approximation_slope(x: Array) -> Array:
    """(1 − (1 + u)e⁻ᵘ)/(1 − e⁻ᵘ)² with u = x/ln 2; its series near 0"""
    u = jnp.clip(x, -1000, 1000) / _LN2
    size = jnp.abs(u)
    series = _horner(_NEAR_0, u * u)
    far = jnp.maximum(size, 0.5)
    half, tail = _halves(far)
    rest = -jnp.expm1(-far)
    below, above = (far - rest) * half * half, rest - far * tail
    slope = jnp.where(u > 0, above, below) / (rest * rest)
    return jnp.where(size < 0.5, 0.5 + u * series, slope)


@_wide(_softplus_approximation_slope)
def softplus_approximation_wide(x: Array) -> Array:
    """|x| e^{min(x, 0)/ln 2}/(1 − e^{−|x|/ln 2}), ln 2 at 0"""
    size = jnp.abs(jnp.maximum(x, -1000))
    half, _ = _halves(size / _LN2)
    rest = -jnp.expm1(-size / _LN2)
    at_0 = size < 1e-30  # ln 2 to the last bit, and size/ln 2 may be subnormal
    value = jnp.where(x < 0, size * half * half, size) / jnp.where(at_0, 1, rest)
    return jnp.where(at_0, _LN2, value)


def softplus_approximation_stable(x: Array) -> Array:
    """x/(1 − e^{−x/ln 2}), by its series near 0, by e^{−|x|/(2 ln 2)} twice for x < 0"""
    bounded = jnp.maximum(x, -1000)
    u = jnp.where(bounded > 1000, 1000, bounded) / _LN2  # beyond, its slope is 0 and not 0 times ∞
    is_near = jnp.abs(u) < 0.5
    small = jnp.where(is_near, u, 0)
    series = _horner(_VALUE_NEAR_0[: None if x.dtype == jnp.float64 else 4], small * small)
    near = _LN2 * (1 + small * (0.5 + small * series))
    half, tail = _halves(jnp.where(is_near, 1, u))
    far = jnp.where(x < 0, -bounded * half * half, bounded) / (1 - tail)
    return jnp.where(is_near, near, far)


def _gated(x: Array, gate: Array) -> Array:
    """x · sigmoid(gate)"""
    half, tail = _halves(gate)
    return jnp.where(gate < 0, x * half * half, x) / (1 + tail)


def _gated_slope(x: Array, gate: Array, gate_slope: Any) -> Array:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return jnp.where(gate < 0, below, above) / ((1 + tail) * (1 + tail))


def silu_native(x: Array) -> Array:
    """x · sigmoid(x)"""
    return jax.nn.silu(x)


def silu_textbook(x: Array) -> Array:
    """x/(1 + e⁻ˣ)"""
    return x / (1 + jnp.exp(-x))


def _silu_slope(x: Array) -> Array:
    """s(1 + x(1 − s)) with s = sigmoid(x)"""
    bounded = jnp.clip(x, -1000, 1000)
    return _gated_slope(bounded, bounded, 1)


@_wide(_silu_slope)
def silu_wide(x: Array) -> Array:
    """x e^{min(x, 0)}/(1 + e^{−|x|})"""
    bounded = jnp.maximum(x, -1000)
    return _gated(bounded, bounded)


def silu_stable(x: Array) -> Array:
    """x e^{min(x, 0)}/(1 + e^{−|x|}), by e^{−|x|/2} twice"""
    bounded = jnp.maximum(x, -1000)
    gate = jnp.where(x > 1000, 1000, bounded)  # beyond, its slope is 0 and not 0 times ∞
    return _gated(bounded, gate)


def gelu_native(x: Array) -> Array:
    """x · Φ(x)"""
    return jax.nn.gelu(x, approximate=False)


def gelu_textbook(x: Array) -> Array:
    """½x(1 + erf(x/√2))"""
    return 0.5 * x * (1 + jax.lax.erf(x * _ROOT_HALF))


def _mills(size: Array) -> Array:
    """Φ(−a)/φ(a) from a = 12 on, to 6e-11: a convergent of Laplace's continued fraction."""
    square = size * size
    above = size * ((square + 14) * square + 33)
    return above / (((square + 15) * square + 45) * square + 15)


def _far(x: Array) -> float:
    """The edge of the tail: from a little below on, erfc(−x/√2) is subnormal."""
    return 1 - math.sqrt(-2 * math.log(jnp.finfo(x.dtype).tiny))


def _by_tail(x: Array, near: Array, factor: Array) -> Array:
    """`near`, and factor·φ(x) where erfc(−x/√2) underflows, or nearly so."""
    half, _ = _halves(0.5 * x * x)
    return jnp.where(x < _far(x), _DENSITY_AT_0 * factor * half * half, near)


def _gelu_slope(x: Array) -> Array:
    """Φ(x) + xφ(x)"""
    bounded = jnp.clip(x, -1000, 1000)
    density = _DENSITY_AT_0 * jnp.exp(-0.5 * bounded * bounded)
    near = 0.5 * jax.lax.erfc(-bounded * _ROOT_HALF) + bounded * density
    return _by_tail(bounded, near, _mills(-bounded) + bounded)


def _gelu(x: Array) -> Array:
    """½x erfc(−x/√2)"""
    bounded = jnp.maximum(x, -1000)
    near = 0.5 * bounded * jax.lax.erfc(-bounded * _ROOT_HALF)
    return _by_tail(bounded, near, bounded * _mills(-bounded))


@_wide(_gelu_slope)
def gelu_wide(x: Array) -> Array:
    """½x erfc(−x/√2)"""
    return _gelu(x)


def gelu_stable(x: Array) -> Array:
    """½x erfc(−x/√2)"""
    # By Mills' ratio where the framework may flush erfc.
    bounded = jnp.maximum(x, -1000)
    gate = jnp.where(x > 1000, 1000, bounded)  # beyond, its slope is 0 and not 0 times ∞
    near = 0.5 * bounded * jax.lax.erfc(-_ROOT_HALF * gate)
    far = _far(x)
    deep = jnp.clip(x, far - 2.5, far)  # below, it is 0
    return _by_tail(deep, near, deep * _mills(-deep))


def _gelu_tanh_gate(x: Array) -> Array:
    """2√(2/π)(x + 0.044715x³)"""
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Array) -> Array:
    """2√(2/π)(1 + 0.134145x²)"""
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


def gelu_tanh_native(x: Array) -> Array:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return jax.nn.gelu(x, approximate=True)


def gelu_tanh_textbook(x: Array) -> Array:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return 0.5 * x * (1 + jnp.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Array) -> Array:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    bounded = jnp.clip(x, -1000, 1000)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@_wide(_gelu_tanh_slope)
def gelu_tanh_wide(x: Array) -> Array:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = jnp.maximum(x, -1000)
    return _gated(bounded, _gelu_tanh_gate(bounded))


def gelu_tanh_stable(x: Array) -> Array:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = jnp.maximum(x, -50)  # where it is 0
    inner = jnp.where(x > 50, 50, bounded)  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, _gelu_tanh_gate(inner))


def gelu_sigmoid_textbook(x: Array) -> Array:
    """x/(1 + e^{−1.702x})"""
    return x / (1 + jnp.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Array) -> Array:
    """s(1 + 1.702x(1 − s)) with s = sigmoid(1.702x)"""
    bounded = jnp.clip(x, -1000, 1000)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@_wide(_gelu_sigmoid_slope)
def gelu_sigmoid_wide(x: Array) -> Array:
    """x · sigmoid(1.702x)"""
    bounded = jnp.maximum(x, -1000)
    return _gated(bounded, 1.702 * bounded)


def gelu_sigmoid_stable(x: Array) -> Array:
    """x · sigmoid(1.702x)"""
    bounded = jnp.maximum(x, -1000)
    inner = jnp.where(
        x > 1000, 1000, bounded
    )  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, 1.702 * inner)


def mish_native(x: Array) -> Array:
    """x · tanh(softplus(x))"""
    return jax.nn.mish(x)


def mish_textbook(x: Array) -> Array:
    """x · tanh(ln(1 + eˣ))"""
    return x * jnp.tanh(jnp.log(1 + jnp.exp(x)))


def _mish_slope(x: Array) -> Array:
    """n/(n + 2) + 4xt(t + 1)/(n + 2)² with n = t(t + 2), t = eˣ"""
    bounded = jnp.clip(x, -1000, 1000)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return jnp.where(bounded < 0, falling, rising)


def _mish(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ"""
    bounded = jnp.maximum(x, -1000)
    gate = jnp.where(x > 1000, 1000, bounded)  # beyond, its slope is 0 and not 0 times ∞
    half, tail = _halves(gate)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return jnp.where(bounded < 0, below, above)


@_wide(_mish_slope)
def mish_wide(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t))"""
    return _mish(x)


def mish_stable(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t)), by e^{−|x|/2} twice"""
    return _mish(x)


# --- algebraic ------------------------------------------------------------------------------------


def squareplus_native(x: Array, b: float = 4.0) -> Array:
    """(x + √(x² + b))/2"""
    return jax.nn.squareplus(x, b)


def squareplus_textbook(x: Array, b: float = 4.0) -> Array:
    """(x + √(x² + b))/2"""
    return (x + jnp.sqrt(x * x + b)) / 2


def _half_root(x: Array, b: float) -> Array:
    """√(x² + b)/2 where x² over- or underflows too: beyond 10¹⁰√b, b is far below half an ulp."""
    size = jnp.abs(x)
    return jnp.where(size > 1e10 * math.sqrt(b), 0.5 * size, 0.5 * jnp.sqrt(x * x + b))


def _half_sum(x: Array, b: float) -> tuple[Array, Array]:
    """(√(x² + b) + |x|)/2 and √(x² + b), neither of them 0."""
    half_root, least = _half_root(x, b), jnp.finfo(x.dtype).tiny
    half_sum = half_root + 0.5 * jnp.abs(x)
    return jnp.maximum(half_sum, least), jnp.maximum(2 * half_root, least)


def _squareplus_slope(x: Array, b: float = 4.0) -> Array:
    """½(1 + x/√(x² + b))"""
    half_sum, root = _half_sum(x, b)
    share = 0.5 * math.sqrt(b)
    # Not b/(4·half_sum)/root, which XLA turns into one quotient whose divisor underflows.
    tail = (share / half_sum) * (share / root)
    return jnp.where(x > 0, 1 - tail, tail)


@_wide(_squareplus_slope)
def squareplus_wide(x: Array, b: float = 4.0) -> Array:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    half_sum, _ = _half_sum(x, b)
    return jnp.maximum(x, 0) + 0.25 * b / half_sum


def _hypotenuse(size: Array, b: float) -> Array:
    """√(size² + b) without a square that overflows, for b > 0"""
    least = math.sqrt(b)
    longer = jnp.maximum(size, least)
    share = jnp.minimum(size, least) / longer
    return longer * jnp.sqrt(1 + share * share)


def squareplus_stable(x: Array, b: float = 4.0) -> Array:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    if b == 0:
        return jnp.maximum(x, 0)
    # |x| by its branches: jnp.abs has slope 1 at 0, where max(x, 0) has ½.
    above = jnp.where(x > 0, x, 0)
    # At ∞ the slope of the root would be 0 times ∞.
    size = jnp.minimum(above - jnp.where(x > 0, 0, x), jnp.finfo(x.dtype).max)
    return above + 0.5 * b / (_hypotenuse(size, b) + size)


def softsign_native(x: Array) -> Array:
    """x/(1 + |x|)"""
    return jax.nn.soft_sign(x)


def softsign_textbook(x: Array) -> Array:
    """x/(1 + |x|)"""
    return x / (1 + jnp.abs(x))


@_wide(lambda x: jnp.square(1 / (1 + jnp.abs(x))))
def softsign_wide(x: Array) -> Array:
    """x/(1 + |x|)"""
    bounded = jnp.clip(x, -1e30, 1e30)
    return bounded / (1 + jnp.abs(bounded))


def softsign_stable(x: Array) -> Array:
    """x/(1 + |x|) if |x| < 1, else ±(1 − 1/(1 + |x|))"""
    # By two branches: the slope of the quotient is a difference that cancels far from 0.
    size = jnp.abs(x)
    small = jnp.where(size < 1, x, 0)
    far = 1 - 1 / (1 + size)
    return jnp.where(size < 1, small / (1 + jnp.abs(small)), jnp.where(x < 0, -far, far))


def isru_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x/√(1 + αx²)"""
    return x / jnp.sqrt(1 + alpha * x * x)


def _isru(x: Array, alpha: float) -> Array:
    """x/√(1 + αx²), ±1/√α far from 0"""
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = jnp.clip(x, -far, far)
    return bounded / jnp.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Array, alpha: float = 1.0) -> Array:
    """1/√(1 + αx²)³"""
    inverse = 1 / jnp.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@_wide(_isru_slope)
def isru_wide(x: Array, alpha: float = 1.0) -> Array:
    """x/√(1 + αx²)"""
    return _isru(x, alpha)


def isru_stable(x: Array, alpha: float = 1.0) -> Array:
    """x/√(x² + 1/α)/√α"""
    far = jnp.finfo(x.dtype).max
    bounded = jnp.clip(x, -far, far)
    return bounded / _hypotenuse(jnp.abs(bounded), 1 / alpha) / math.sqrt(alpha)


def isrlu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return jnp.where(x >= 0, x, x / jnp.sqrt(1 + alpha * x * x))


@_wide(lambda x, alpha=1.0: jnp.where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return jnp.where(x >= 0, x, _isru(x, alpha))


def isrlu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(x² + 1/α)/√α"""
    return jnp.where(x >= 0, x, isru_stable(x, alpha))


# --- over rows ------------------------------------------------------------------------------------


def _leading(x: Array, count: int, axis: int) -> Array:
    """The first numbers of each row, where rows lie on the last axis (−1) or on a counted one."""
    first = slice(count)
    return x[..., first] if axis == -1 else x[(*(slice(None) for _ in range(axis)), first)]


def _with_zero(x: Array, with_zero: bool, axis: int = -1) -> Array:
    if not with_zero:
        return x
    zero = jnp.zeros_like(_leading(x, 1, axis))
    return jnp.concatenate([x, zero], axis=axis)


def logsumexp_native(x: Array, with_zero: bool = False) -> Array:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return jax.nn.logsumexp(_with_zero(x, with_zero), axis=-1, keepdims=True)


def logsumexp_textbook(x: Array, with_zero: bool = False) -> Array:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return jnp.log(jnp.exp(_with_zero(x, with_zero)).sum(axis=-1, keepdims=True))


def _shifted_exp(x: Array, with_zero: bool, axis: int = -1) -> tuple[Array, Array, Array]:
    """exp(x − top), their sum less one, and the top of each row; an infinite top counts as exp(0).

    The sum is without one of the largest, so that nothing of the others is lost beside it.
    """
    terms = _with_zero(x, with_zero, axis)
    top = terms.max(axis=axis, keepdims=True)
    largest = terms == top
    powers = jnp.exp(jnp.where(largest, 0, terms - top))
    others = jnp.where(largest, 0, powers).sum(axis=axis, keepdims=True)
    count = largest.sum(axis=axis, keepdims=True)
    return powers, others + (count - 1), top


def _softmax(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ"""
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    return _leading(powers, x.shape[axis], axis) / (1 + rest)


@_wide_gradient(lambda upstream, x, with_zero=False: (upstream * _softmax(x, with_zero),))
def logsumexp_wide(x: Array, with_zero: bool = False) -> Array:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    _, rest, top = _shifted_exp(x, with_zero)
    return top + jnp.log1p(rest)


def _shifted(x: Array, axis: int = -1) -> tuple[Array, Array]:
    """x − top, where ∞ − ∞ counts as 0, and the top of each row, as which nothing moves."""
    top = jax.lax.stop_gradient(x.max(axis=axis, keepdims=True))
    return jnp.where((x == top) & jnp.isinf(top), 0, x - top), top


def _rest(powers: Array, axis: int = -1) -> Array:
    """The sum of each row of exp(x − top) less one, of which the 1 of the top hides nothing."""
    largest = powers == 1
    others = jnp.where(largest, powers - 1, powers).sum(axis=axis, keepdims=True)
    return others + (largest.sum(axis=axis, keepdims=True) - 1)


def logsumexp_stable(x: Array, with_zero: bool = False) -> Array:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    shifted, top = _shifted(_with_zero(x, with_zero))
    return top + jnp.log1p(_rest(jnp.exp(shifted)))


def softmax_native(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    shares = jax.nn.softmax(_with_zero(x, with_zero, axis), axis=axis)
    return _leading(shares, x.shape[axis], axis)


def softmax_textbook(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    powers = jnp.exp(_with_zero(x, with_zero, axis))
    return jnp.exp(x) / powers.sum(axis=axis, keepdims=True)


def _softmax_gradient(
    upstream: Array, x: Array, with_zero: bool = False, axis: int = -1
) -> tuple[Array]:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    shares = powers / (1 + rest)
    pull, largest = _with_zero(upstream, with_zero, axis), powers == 1
    centre = jnp.where(largest, pull, 0).sum(axis=axis, keepdims=True)
    count = largest.sum(axis=axis, keepdims=True)
    apart = pull - centre / count
    gradient = shares * (apart - (shares * apart).sum(axis=axis, keepdims=True))
    return (_leading(gradient, x.shape[axis], axis),)


@_wide_gradient(_softmax_gradient)
def softmax_wide(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    return _softmax(x, with_zero, axis)


def softmax_stable(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    powers = jnp.exp(_shifted(_with_zero(x, with_zero, axis), axis)[0])
    return _leading(powers, x.shape[axis], axis) / powers.sum(axis=axis, keepdims=True)


def log_softmax_native(x: Array) -> Array:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return jax.nn.log_softmax(x, axis=-1)


def log_softmax_textbook(x: Array) -> Array:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return x - jnp.log(jnp.exp(x).sum(axis=-1, keepdims=True))


def _log_softmax_gradient(upstream: Array, x: Array) -> tuple[Array]:
    """g(1 − y) − y Σ g of the others, where of the largest 1 − y is the share of the others"""
    powers, rest, _ = _shifted_exp(x, with_zero=False)
    beside = jnp.where(powers == 1, rest, 1 + rest - powers)
    others = upstream.sum(axis=-1, keepdims=True) - upstream
    return ((upstream * beside - powers * others) / (1 + rest),)


@_wide_gradient(_log_softmax_gradient)
def log_softmax_wide(x: Array) -> Array:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    _, rest, top = _shifted_exp(x, with_zero=False)
    return jnp.where(x == top, 0, x - top) - jnp.log1p(rest)


def log_softmax_stable(x: Array) -> Array:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    shifted, _ = _shifted(x)
    return shifted - jnp.log1p(_rest(jnp.exp(shifted)))


# --- gates ----------------------------------------------------------------------------------------


def _split(x: Array) -> tuple[Array, Array]:
    """The halves of each row."""
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def glu_native(x: Array) -> Array:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    return jax.nn.glu(x, axis=-1)


def glu_textbook(x: Array) -> Array:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a / (1 + jnp.exp(-b))


def _glu_gradient(upstream: Array, x: Array) -> tuple[Array]:
    a, b = _split(x)
    half, tail = _halves(b)
    along_b = (upstream * half) * (a * half) / ((1 + tail) * (1 + tail))
    return (jnp.concatenate([_gated(upstream, b), along_b], axis=-1),)


@_wide_gradient(_glu_gradient)
def glu_wide(x: Array) -> Array:
    """a · sigmoid(b) of the halves a, b of each row"""
    return _gated(*_split(x))


def glu_stable(x: Array) -> Array:
    """a · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    a, b = _split(x)
    half = _tail(0.5 * b)
    share = jnp.where(b < 0, half, 1)
    return a * share * share / (1 + half * half)


def swiglu_textbook(x: Array) -> Array:
    """ab/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a * b / (1 + jnp.exp(-b))


def _swiglu(a: Array, b: Array) -> Array:
    """a · b · sigmoid(b)"""
    b = jnp.maximum(b, -2000)  # where eᵇ times any number is 0
    half, tail = _halves(jnp.where(b > 40, 40, b))  # from where on 1 + e⁻ᵇ is 1
    share = jnp.where(b < 0, half, 1)
    return (a * share) * (b * share / (1 + tail))


def _swiglu_gradient(upstream: Array, x: Array) -> tuple[Array]:
    a, b = _split(x)
    bounded = jnp.clip(b, -1000, 1000)
    half, tail = _halves(bounded)
    pull, rise = upstream * a, 1 + tail + bounded
    below, above = (pull * half) * (rise * half), pull * (1 + tail + bounded * tail)
    along_b = jnp.where(b < 0, below, above) / ((1 + tail) * (1 + tail))
    return (jnp.concatenate([_swiglu(upstream, b), along_b], axis=-1),)


@_wide_gradient(_swiglu_gradient)
def swiglu_wide(x: Array) -> Array:
    """a · b · sigmoid(b) of the halves a, b of each row"""
    return _swiglu(*_split(x))


def swiglu_stable(x: Array) -> Array:
    """a · b · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    return _swiglu(*_split(x))


def geglu_textbook(x: Array) -> Array:
    """a · ½b(1 + erf(b/√2)) of the halves a, b of each row"""
    a, b = _split(x)
    return a * (0.5 * b * (1 + jax.lax.erf(b * _ROOT_HALF)))


def _geglu_gradient(upstream: Array, x: Array) -> tuple[Array]:
    a, b = _split(x)
    return (jnp.concatenate([upstream * _gelu(b), upstream * a * _gelu_slope(b)], axis=-1),)


@_wide_gradient(_geglu_gradient)
def geglu_wide(x: Array) -> Array:
    """a · bΦ(b) of the halves a, b of each row"""
    a, b = _split(x)
    return a * _gelu(b)


def geglu_stable(x: Array) -> Array:
    """a · ½b erfc(−b/√2) of the halves a, b of each row"""
    a, b = _split(x)
    return a * gelu_stable(b)


def reglu_textbook(x: Array) -> Array:
    """a · max(b, 0) of the halves a, b of each row"""
    a, b = _split(x)
    return a * jnp.maximum(b, 0)


def _reglu_wide_gradient(upstream: Array, x: Array) -> tuple[Array]:
    a, b = _split(x)
    gate, slope = _hinge(b, 0, 0, upstream * b), _hinge(b, 0, 0, upstream * a)
    return (jnp.concatenate([gate, slope], axis=-1),)


@_wide_gradient(_reglu_wide_gradient)
def reglu_wide(x: Array) -> Array:
    """ab where b > 0, else 0, of the halves a, b of each row"""
    a, b = _split(x)
    return _hinge(b, 0, 0, a * b)


# --- primitives -----------------------------------------------------------------------------------


def copy_native(x: Array) -> Array:
    """x"""
    return jnp.copy(x)


def add_native(x: Array) -> Array:
    """x + ½"""
    return x + 0.5


def multiply_native(x: Array) -> Array:
    """1.5x"""
    return 1.5 * x


def divide_native(x: Array) -> Array:
    """1/x"""
    return 1 / x


def maximum_native(x: Array) -> Array:
    """max(x, ½)"""
    return jnp.maximum(x, 0.5)


def absolute_native(x: Array) -> Array:
    """|x|"""
    return jnp.abs(x)


def sqrt_native(x: Array) -> Array:
    """√x"""
    return jnp.sqrt(x)


def exp_native(x: Array) -> Array:
    """eˣ"""
    return jnp.exp(x)


def expm1_native(x: Array) -> Array:
    """eˣ − 1"""
    return jnp.expm1(x)


def log1p_native(x: Array) -> Array:
    """ln(1 + x)"""
    return jnp.log1p(x)


def erf_native(x: Array) -> Array:
    """2/√π ∫ e^{−t²} dt from 0 to x"""
    return jax.lax.erf(x)


# --- the adapter ----------------------------------------------------------------------------------

_events: Counter[str] = Counter()


def _count(event: str, **_: str | int) -> None:
    _events[event] += 1


def _count_timed(event: str, duration_secs: float, **_: str | int) -> None:
    _events[event] += 1


jax.monitoring.register_event_listener(_count)
jax.monitoring.register_event_duration_secs_listener(_count_timed)


class Adapter(Contract):
    """JAX on one device. A call returns before its work is done, so every result is waited for."""

    def __init__(self, device: str, threads: int) -> None:
        try:
            self._device = jax.devices(device)[0]
        except RuntimeError as error:
            raise Unsupported(f"JAX sees no {device} device here: {_first_line(error)}") from None
        self._jitted: dict[tuple[Form, str, str], Any] = {}

    def versions(self) -> dict[str, str]:
        return {
            "jax": jax.__version__,
            "jaxlib": jaxlib.version.__version__,
            "device": self._device.device_kind,
        }

    def put(self, bits: Bits, dtype: str) -> Array:
        if not hasattr(jnp, dtype):
            raise Unsupported(f"JAX has no {dtype}")
        return jax.device_put(bits.view(jnp.dtype(dtype)), self._device)

    def get(self, tensor: Array) -> Bits:
        values = np.ascontiguousarray(tensor)
        return values.view(f"uint{8 * values.dtype.itemsize}")

    def step(
        self,
        function: Form,
        arrays: Sequence[Array],
        upstream: Callable[[Array], Array],
        mode: str,
        direction: str,
        slot: list[Array] | None = None,
    ) -> Step:
        if mode == "eager":
            if slot:
                raise Unsupported("JAX gives memory back to a compiled function only (donation)")
            return _step(function, arrays, upstream, direction, lambda _, part: part)

        def compile_(name: str, part: Callable[..., Any]) -> Any:
            key = (function, direction, name)
            if key not in self._jitted:
                self._jitted[key] = jax.jit(_only_traced(part), **_JIT_OPTIONS.get(name, {}))
            return self._jitted[key]

        if slot:
            return _writing_step(function, arrays, slot, compile_)
        return _step(function, arrays, upstream, direction, compile_)

    def wait(self, result: Any) -> None:
        # jax.block_until_ready costs 0.7 µs in walking the tree: a third of the smallest call.
        for array in result if type(result) is tuple else (result,):
            array.block_until_ready()

    def is_ready(self, result: Any) -> bool:
        return all(array.is_ready() for array in (result if type(result) is tuple else (result,)))

    def trace(self, function: Form, arrays: Sequence[Array]) -> None:
        called = _primitives(jax.make_jaxpr(function)(*arrays))
        if names := sorted(_CALLBACKS.intersection(called)):
            raise HostCall(f"calls Python by {', '.join(names)}")

    def guard(self) -> AbstractContextManager[Any]:
        return jax.transfer_guard_device_to_host("disallow_explicit")

    def synchronize(self) -> Callable[[], None] | None:
        if self._device.platform == "cpu":
            return None
        # A device runs its programs in order: one that comes last ends last.
        mark = jax.device_put(np.zeros(1, np.float32), self._device)
        return lambda: (mark + 1).block_until_ready() and None

    def device_elapsed(self, step: Step, loops: int) -> int:
        started = time.perf_counter_ns()
        for _ in repeat(None, loops):
            result = step()
        self.wait(result)
        return time.perf_counter_ns() - started

    def address(self, tensor: Array) -> int:
        return int(tensor.unsafe_buffer_pointer())

    def compilations(self) -> int:
        return _events["/jax/core/compile/backend_compile_duration"]

    def from_cache(self) -> int:
        return _events["/jax/compilation_cache/cache_hits"]


_CALLBACKS = {"pure_callback", "io_callback", "debug_callback"}


def _primitives(jaxpr: Any) -> Iterator[str]:
    """The names of a program's primitives, those of the programs within it included."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for parameter in jax.tree.leaves(equation.params):
            if hasattr(parameter, "eqns"):
                yield from _primitives(parameter)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _only_traced(part: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which raises NotCompiled where it is run on values: jax.jit traces it."""

    def traced(*inputs: Any) -> Any:
        if not isinstance(inputs[-1], jax.core.Tracer):
            raise NotCompiled("jax.jit ran the function eagerly: is JAX_DISABLE_JIT set?")
        return part(*inputs)

    return traced


def _step(
    function: Form,
    arrays: Sequence[Array],
    upstream: Callable[[Array], Array],
    direction: str,
    compile_: Callable[[str, Callable[..., Any]], Any],
) -> Step:
    if direction == "forward":
        forward = compile_("forward", lambda *inputs: function(*inputs))
        return lambda: forward(*arrays)
    if direction == "backward":
        save = compile_("save", lambda *inputs: jax.vjp(function, *inputs))
        output, pull_back = save(*arrays)
        pull = upstream(output)
        backward = compile_("backward", lambda saved, pull: saved(pull))
        return lambda: backward(pull_back, pull)

    def forward_and_backward(pull: Array, *inputs: Array) -> tuple[Array, ...]:
        output, pull_back = jax.vjp(function, *inputs)
        return (output, *pull_back(pull))

    both = compile_("both", forward_and_backward)
    pull = upstream(jax.eval_shape(function, *arrays))
    return lambda: both(pull, *arrays)


_JIT_OPTIONS: dict[str, dict[str, Any]] = {"writing": {"donate_argnums": 0, "keep_unused": True}}


def _writing_step(
    function: Form,
    arrays: Sequence[Array],
    slot: list[Array],
    compile_: Callable[[str, Callable[..., Any]], Any],
) -> Step:
    """A step whose result takes the memory of the last one, which is donated to it."""
    writing = compile_("writing", lambda last, *inputs: function(*inputs))

    def step() -> Array:
        slot[0] = writing(slot[0], *arrays)
        return slot[0]

    return step
