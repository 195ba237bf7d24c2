"""TensorFlow: gradients by tape, except for the wide forms, which carry their derivative."""

from __future__ import annotations

import math
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial, wraps
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.util._pywrap_util_port import IsMklEnabled

from ._adapter import Bits, Contract, HostCall, NotCompiled, Step, Unsupported

TITLE = "TensorFlow"
MODES = ("eager", "compiled")
PACKAGES = ("keras",)
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_XLA_FLAGS": "--tf_xla_persistent_cache_directory={cache} "
    "--tf_xla_persistent_cache_device_types=CPU --tf_xla_persistent_cache_read_only=false",
}
VARIANTS = {"onednn=0": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
SCRIPT = {
    "tensor": "tf.constant({input}, tf.{dtype}, [{copies}])",
    "compiled": "tf.function({f}, jit_compile=True)",
    "gradient": "with tf.GradientTape() as tape: "
    "x = {tensor}; tape.watch(x); print(float(tape.gradient({f}(x), x)[0]))",
}

Tensor = Any
Form = Callable[..., Tensor]
Gradient = Callable[..., tuple[Tensor, ...]]

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
        @wraps(form)
        def bound(*arrays: Tensor, **parameters: Any) -> Tensor:
            @tf.custom_gradient
            def rounded(*arrays: Tensor) -> Any:
                def pull(upstream: Tensor) -> list[Tensor]:
                    gradients = gradient(*_widened((upstream, *arrays)), **parameters)
                    return [tf.cast(array, upstream.dtype) for array in gradients]

                return tf.cast(form(*_widened(arrays), **parameters), arrays[0].dtype), pull

            return rounded(*arrays)

        return bound

    return decorate


def _widened(arrays: Sequence[Tensor]) -> list[Tensor]:
    """Arrays in the format to compute in: float32 for 16 bits, float64 for more."""
    return [tf.cast(array, tf.float32 if array.dtype.size <= 2 else tf.float64) for array in arrays]


# --- choices that keep NaN ------------------------------------------------------------------------


def _where(condition: Tensor, yes: Any, no: Any) -> Tensor:
    """tf.where, which in a graph takes its dtype from the first value, for a number first."""
    return tf.where(condition, tf.convert_to_tensor(yes, no.dtype), no)


def _at_least(x: Tensor, low: float) -> Tensor:
    # XLA's maximum and minimum drop NaN here (tensorflow#116992): a comparison keeps it.
    return _where(x < low, low, x)


def _at_most(x: Tensor, high: float) -> Tensor:
    return _where(x > high, high, x)


# --- max ------------------------------------------------------------------------------------------


def relu_native(x: Tensor) -> Tensor:
    """max(0, x)"""
    return tf.nn.relu(x)


def relu_max(x: Tensor) -> Tensor:
    """max(x, 0)"""
    return tf.maximum(x, 0)


def relu_abs(x: Tensor) -> Tensor:
    """(x + |x|)/2"""
    return (x + tf.abs(x)) / 2


def relu_where(x: Tensor) -> Tensor:
    """x if x > 0, else 0"""
    return tf.where(x > 0, x, 0)


def _hinge(x: Tensor, edge: float, below: Any, above: Any) -> Tensor:
    """`below` up to the edge, `above` beyond it, NaN where x is NaN."""
    return _where(x > edge, above, _where(x <= edge, below, x))


def leaky_relu_native(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return tf.nn.leaky_relu(x, alpha)


def leaky_relu_where(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return tf.where(x > 0, x, alpha * x)


def leaky_relu_max(x: Tensor, alpha: float = 0.01) -> Tensor:
    """max(x, αx), for α ≤ 1"""
    return tf.maximum(x, alpha * x)


@_wide(lambda x, alpha=0.01: _hinge(x, 0, alpha, 1))
def leaky_relu_wide(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return tf.where(x > 0, x, alpha * x)


def prelu_where(x: Tensor, alpha: Tensor) -> Tensor:
    """x if x > 0, else αx, with a learned α"""
    return tf.where(x > 0, x, alpha * x)


def _prelu_gradient(upstream: Tensor, x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients along x and, summed, along α"""
    along_alpha = _where(x > 0, 0, upstream * x)
    sums = tf.reduce_sum(along_alpha, axis=list(range(x.shape.rank - alpha.shape.rank)))
    return upstream * _hinge(x, 0, alpha, 1), sums


@_wide_gradient(_prelu_gradient)
def prelu_wide(x: Tensor, alpha: Tensor) -> Tensor:
    """x if x > 0, else αx, with a learned α"""
    return tf.where(x > 0, x, alpha * x)


def crelu_native(x: Tensor) -> Tensor:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    return tf.nn.crelu(x, axis=-1)


def crelu_textbook(x: Tensor) -> Tensor:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    return tf.nn.relu(tf.concat([x, -x], axis=-1))


def maxout_textbook(x: Tensor, k: int = 2) -> Tensor:
    """yⱼ = maxᵢ x[i·n/k + j], over k groups of the n features"""
    groups = tf.reshape(x, [*x.shape[:-1], k, x.shape[-1] // k])
    return tf.reduce_max(groups, axis=-2)


def shifted_relu_max(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, −α)"""
    return _at_least(x, -alpha)


@_wide(lambda x, alpha=1.0: _hinge(x, -alpha, 0, 1))
def shifted_relu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, −α)"""
    return _at_least(x, -alpha)


def relu6_native(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)"""
    return tf.nn.relu6(x)


def relu6_max(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)"""
    return tf.minimum(tf.maximum(x, 0), 6)


def hardtanh_max(x: Tensor) -> Tensor:
    """min(max(x, −1), 1)"""
    return tf.minimum(tf.maximum(x, -1), 1)


def squared_relu_max(x: Tensor) -> Tensor:
    """max(x, 0)²"""
    return tf.square(tf.maximum(x, 0))


def hard_sigmoid_textbook(x: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6)/6"""
    return tf.minimum(tf.maximum(x + 3, 0), 6) / 6


def _hard_sigmoid_slope(x: Tensor) -> Tensor:
    """1/6 where |x| < 3, else 0"""
    outside = _where(tf.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return _where(tf.abs(x) < 3, 1 / 6, outside)


@_wide(_hard_sigmoid_slope)
def hard_sigmoid_wide(x: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6)/6"""
    return _at_most(_at_least(x + 3, 0), 6) / 6


def hard_swish_textbook(x: Tensor) -> Tensor:
    """x · min(max(x + 3, 0), 6)/6"""
    return x * tf.minimum(tf.maximum(x + 3, 0), 6) / 6


def _hard_swish_slope(x: Tensor) -> Tensor:
    """(2x + 3)/6 where |x| ≤ 3, else 0 below and 1 above"""
    inside = (2 * _at_most(_at_least(x, -3), 3) + 3) / 6
    return _where(x > 3, 1, _where(x < -3, 0, inside))


@_wide(_hard_swish_slope)
def hard_swish_wide(x: Tensor) -> Tensor:
    """x · min(max(x + 3, 0), 6)/6"""
    bounded = _at_least(x, -1000)
    return bounded * (_at_most(_at_least(bounded + 3, 0), 6) / 6)


def hard_swish_stable(x: Tensor) -> Tensor:
    """x · ((min(max(x, −3), 3) + 3)/6)"""
    # Bounds of x: x + 3 is 6 for some x above 3.
    return _at_least(x, -1000) * ((_at_most(_at_least(x, -3), 3) + 3) / 6)


# --- exp ------------------------------------------------------------------------------------------


def elu_native(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α(eˣ − 1)"""
    if alpha != 1:
        raise Unsupported("tf.nn.elu has alpha 1 only")
    return tf.nn.elu(x)


def elu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α(eˣ − 1)"""
    return tf.where(x > 0, x, alpha * (tf.exp(x) - 1))


def _elu_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    """1 if x > 0, else αeˣ"""
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = tf.exp(0.5 * _at_most(x, 0))
    return _where(x > 0, 1, alpha * half * half)


@_wide(_elu_slope)
def elu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0))"""
    return tf.where(x > 0, x, alpha * tf.math.expm1(_at_most(x, 0)))


def elu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0))"""
    return tf.where(x > 0, x, alpha * tf.math.expm1(_at_most(x, 0)))


def selu_native(x: Tensor) -> Tensor:
    """λx if x > 0, else λα(eˣ − 1)"""
    return tf.nn.selu(x)


def selu_textbook(x: Tensor) -> Tensor:
    """λx if x > 0, else λα(eˣ − 1)"""
    return _SELU_SCALE * tf.where(x > 0, x, _SELU_ALPHA * (tf.exp(x) - 1))


def _selu_slope(x: Tensor) -> Tensor:
    """λ if x > 0, else λαeˣ"""
    half = tf.exp(0.5 * _at_most(x, 0))
    return _where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@_wide(_selu_slope)
def selu_wide(x: Tensor) -> Tensor:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * tf.where(x > 0, x, _SELU_ALPHA * tf.math.expm1(_at_most(x, 0)))


def selu_stable(x: Tensor) -> Tensor:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * elu_stable(x, _SELU_ALPHA)


def celu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return tf.maximum(x, 0) + tf.minimum(alpha * (tf.exp(x / alpha) - 1), 0)


@_wide(lambda x, alpha=1.0: _where(x > 0, 1, tf.exp(_at_most(x, 0) / alpha)))
def celu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    near = -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return tf.where(x > near, x, alpha * tf.math.expm1(_at_most(x, 0) / alpha))


def celu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    is_near = x > -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return tf.where(is_near, x, alpha * tf.math.expm1(_where(is_near, 0, x) / alpha))


def _sigmoid(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ), of e^{−|x|} alone"""
    tail = tf.exp(-tf.abs(x))
    return tf.where(x < 0, tail, 1) / (1 + tail)


def _sigmoid_slope(x: Tensor) -> Tensor:
    """t/(1 + t)² with t = e^{−|x|}"""
    tail = tf.exp(-tf.abs(x))
    return tail / (1 + tail) ** 2


def sigmoid_native(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ)"""
    return tf.sigmoid(x)


def sigmoid_textbook(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ)"""
    return 1 / (1 + tf.exp(-x))


@_wide(_sigmoid_slope)
def sigmoid_wide(x: Tensor) -> Tensor:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    return _sigmoid(x)


def _tail(x: Tensor) -> Tensor:
    """e^{−|x|}, of which the slope at 0 is that from above: the slope of |x| there may be 0."""
    return tf.exp(tf.where(x < 0, x, -x))


def sigmoid_stable(x: Tensor) -> Tensor:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    tail = _tail(x)
    return tf.where(x < 0, tail, 1) / (1 + tail)


def tanh_native(x: Tensor) -> Tensor:
    """tanh x"""
    return tf.tanh(x)


def tanh_textbook(x: Tensor) -> Tensor:
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)"""
    up, down = tf.exp(x), tf.exp(-x)
    return (up - down) / (up + down)


def _tanh_slope(x: Tensor) -> Tensor:
    """1/cosh(x)², which no rounding of tanh(x) takes part in"""
    tail = tf.exp(-tf.abs(x))
    return tf.square(2 * tail / (1 + tail * tail))


@_wide(_tanh_slope)
def tanh_wide(x: Tensor) -> Tensor:
    """tanh x"""
    return tf.tanh(x)


# tanh x = x + x³P(x²) for |x| < 0.625: Moshier 1992 and 2000, Cephes, tanhf.c (a polynomial, which
# serves 16 bits as well) and tanh.c (a quotient, for float64). Taken up to 0.55: beyond, the slope
# of the polynomial leaves that of tanh by up to 9 ulp.
_TANH_SINGLE = (
    *(-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3),
)
_TANH_ABOVE = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
_TANH_BELOW = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)


def _horner(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """Σ cᵢxⁱ"""
    total: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def tanh_stable(x: Tensor) -> Tensor:
    """x + x³P(x²) if |x| < 0.55, else ±(1 − t²)/(1 + t²) with t = e^{−|x|}"""
    is_near = tf.abs(x) < 0.55
    small = tf.where(is_near, x, 0)  # beyond, the slope of a power would be 0 times ∞
    square = small * small
    if x.dtype == tf.float64:
        share = _horner(_TANH_ABOVE, square) / _horner(_TANH_BELOW, square)
    else:
        share = _horner(_TANH_SINGLE, square)
    tail = tf.square(_tail(x))
    far = (1 - tail) / (1 + tail)
    # A sum of x and the rest would lose the sign of −0.
    return tf.where(is_near, small * (1 + square * share), tf.where(x < 0, -far, far))


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = tf.exp(-0.5 * tf.abs(x))
    return half, half * half


def softplus_native(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(1 + e^{kx})/k"""
    return tf.nn.softplus(k * x) / k


def softplus_textbook(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(1 + e^{kx})/k"""
    return tf.math.log(1 + tf.exp(k * x)) / k


def _softplus_tail(half: Tensor, k: float) -> Tensor:
    """ln(1 + half²)/k, where the square may be subnormal and the quotient not."""
    tail = half * half
    # Below, ln(1 + t) is t to the last bit.
    return tf.where(tail < 1e-20, half / k * half, tf.math.log1p(tail) / k)


@_wide(lambda x, k=1.0: _sigmoid(k * x))
def softplus_wide(x: Tensor, k: float = 1.0) -> Tensor:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    half, _ = _halves(k * x)
    return _at_least(x, 0) + _softplus_tail(half, k)


def softplus_stable(x: Tensor, k: float = 1.0) -> Tensor:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    # Not the larger of x and 0: where they are equal its slope is 1, 0 or ½ as the framework likes.
    return _where(x < 0, 0, x) + _softplus_tail(_tail(0.5 * k * x), k)


def softplus_logaddexp(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(e⁰ + e^{kx})/k"""
    if x.dtype == tf.bfloat16:
        raise Unsupported("tf.experimental.numpy.logaddexp has no bfloat16")
    return tf.experimental.numpy.logaddexp(tf.zeros_like(x), k * x) / k


def logsigmoid_native(x: Tensor) -> Tensor:
    """ln(1/(1 + e⁻ˣ))"""
    return tf.math.log_sigmoid(x)


def logsigmoid_textbook(x: Tensor) -> Tensor:
    """ln(1/(1 + e⁻ˣ))"""
    return tf.math.log(1 / (1 + tf.exp(-x)))


@_wide(lambda x: _sigmoid(-x))
def logsigmoid_wide(x: Tensor) -> Tensor:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return _at_most(x, 0) - tf.math.log1p(tf.exp(-tf.abs(x)))


def logsigmoid_stable(x: Tensor) -> Tensor:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return tf.where(x < 0, x, 0) - tf.math.log1p(_tail(x))


def softplus_approximation_textbook(x: Tensor) -> Tensor:
    """x/(1 − e^{−x/ln 2}), ln 2 at 0"""
    return _where(x == 0, _LN2, x / (1 - tf.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (
    *(1 / 6, -1 / 180, 1 / 5040, -1 / 151200, 1 / 4790016, -691 / 108972864000),
    *(1 / 5337446400, -3617 / 666913927680000),
)
_VALUE_NEAR_0 = tuple(slope / (2 * i + 2) for i, slope in enumerate(_NEAR_0))


def _softplus_approximation_slope(x: Tensor) -> Tensor:
    """(1 − (1 + u)e⁻ᵘ)/(1 − e⁻ᵘ)² with u = x/ln 2; its series near 0"""
    u = _at_most(_at_least(x, -1000), 1000) / _LN2
    size = tf.abs(u)
    series = _horner(_NEAR_0, u * u)
    far = _at_least(size, 0.5)
    half, tail = _halves(far)
    rest = -tf.math.expm1(-far)
    below, above = (far - rest) * half * half, rest - far * tail
    slope = tf.where(u > 0, above, below) / (rest * rest)
    return tf.where(size < 0.5, 0.5 + u * series, slope)


@_wide(_softplus_approximation_slope)
def softplus_approximation_wide(x: Tensor) -> Tensor:
    """|x| e^{min(x, 0)/ln 2}/(1 − e^{−|x|/ln 2}), ln 2 at 0"""
    size = tf.abs(_at_least(x, -1000))
    half, _ = _halves(size / _LN2)
    rest = -tf.math.expm1(-size / _LN2)
    at_0 = size < 1e-30  # ln 2 to the last bit, and size/ln 2 may be subnormal
    value = tf.where(x < 0, size * half * half, size) / _where(at_0, 1, rest)
    return _where(at_0, _LN2, value)


def softplus_approximation_stable(x: Tensor) -> Tensor:
    """x/(1 − e^{−x/ln 2}), by its series near 0, by e^{−|x|/(2 ln 2)} twice for x < 0"""
    bounded = _at_least(x, -1000)
    u = _at_most(bounded, 1000) / _LN2  # beyond, its slope is 0 and not 0 times ∞
    is_near = tf.abs(u) < 0.5
    small = tf.where(is_near, u, 0)
    series = _horner(_VALUE_NEAR_0[: None if x.dtype == tf.float64 else 4], small * small)
    near = _LN2 * (1 + small * (0.5 + small * series))
    half, tail = _halves(_where(is_near, 1, u))
    far = tf.where(x < 0, -bounded * half * half, bounded) / (1 - tail)
    return tf.where(is_near, near, far)


def _gated(x: Tensor, gate: Tensor) -> Tensor:
    """x · sigmoid(gate)"""
    half, tail = _halves(gate)
    return tf.where(gate < 0, x * half * half, x) / (1 + tail)


def _gated_slope(x: Tensor, gate: Tensor, gate_slope: Any) -> Tensor:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return tf.where(gate < 0, below, above) / ((1 + tail) * (1 + tail))


def silu_native(x: Tensor) -> Tensor:
    """x · sigmoid(x)"""
    return tf.nn.silu(x)


def silu_textbook(x: Tensor) -> Tensor:
    """x/(1 + e⁻ˣ)"""
    return x / (1 + tf.exp(-x))


def _silu_slope(x: Tensor) -> Tensor:
    """s(1 + x(1 − s)) with s = sigmoid(x)"""
    bounded = _at_most(_at_least(x, -1000), 1000)
    return _gated_slope(bounded, bounded, 1)


@_wide(_silu_slope)
def silu_wide(x: Tensor) -> Tensor:
    """x e^{min(x, 0)}/(1 + e^{−|x|})"""
    bounded = _at_least(x, -1000)
    return _gated(bounded, bounded)


def silu_stable(x: Tensor) -> Tensor:
    """x e^{min(x, 0)}/(1 + e^{−|x|}), by e^{−|x|/2} twice"""
    bounded = _at_least(x, -1000)
    gate = _at_most(bounded, 1000)  # beyond, its slope is 0 and not 0 times ∞
    return _gated(bounded, gate)


def gelu_native(x: Tensor) -> Tensor:
    """x · Φ(x)"""
    return tf.nn.gelu(x)


def gelu_textbook(x: Tensor) -> Tensor:
    """½x(1 + erf(x/√2))"""
    return 0.5 * x * (1 + tf.math.erf(x * _ROOT_HALF))


def _mills(size: Tensor) -> Tensor:
    """Φ(−a)/φ(a) from a = 12 on, to 6e-11: a convergent of Laplace's continued fraction."""
    square = size * size
    above = size * ((square + 14) * square + 33)
    return above / (((square + 15) * square + 45) * square + 15)


def _far(x: Tensor) -> float:
    """The edge of the tail: from a little below on, erfc(−x/√2) is subnormal."""
    # Of bfloat16 NumPy does not know the smallest normal number: four over the largest.
    return 1 - math.sqrt(2 * math.log(float(x.dtype.max) / 4))


def _by_tail(x: Tensor, near: Tensor, factor: Tensor) -> Tensor:
    """`near`, and factor·φ(x) where erfc(−x/√2) underflows, or nearly so."""
    half, _ = _halves(0.5 * x * x)
    return tf.where(x < _far(x), _DENSITY_AT_0 * factor * half * half, near)


def _gelu_slope(x: Tensor) -> Tensor:
    """Φ(x) + xφ(x)"""
    bounded = _at_most(_at_least(x, -1000), 1000)
    density = _DENSITY_AT_0 * tf.exp(-0.5 * bounded * bounded)
    near = 0.5 * tf.math.erfc(-bounded * _ROOT_HALF) + bounded * density
    return _by_tail(bounded, near, _mills(-bounded) + bounded)


def _gelu(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    bounded = _at_least(x, -1000)
    near = 0.5 * bounded * tf.math.erfc(-bounded * _ROOT_HALF)
    return _by_tail(bounded, near, bounded * _mills(-bounded))


@_wide(_gelu_slope)
def gelu_wide(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    return _gelu(x)


def gelu_stable(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    # By Mills' ratio where the framework may flush erfc.
    bounded = _at_least(x, -1000)
    gate = _at_most(bounded, 1000)  # beyond, its slope is 0 and not 0 times ∞
    near = 0.5 * bounded * tf.math.erfc(-_ROOT_HALF * gate)
    far = _far(x)
    deep = _at_most(_at_least(x, far - 2.5), far)  # below, it is 0
    return _by_tail(deep, near, deep * _mills(-deep))


def _gelu_tanh_gate(x: Tensor) -> Tensor:
    """2√(2/π)(x + 0.044715x³)"""
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Tensor) -> Tensor:
    """2√(2/π)(1 + 0.134145x²)"""
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


def gelu_tanh_native(x: Tensor) -> Tensor:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return tf.nn.gelu(x, approximate=True)


def gelu_tanh_textbook(x: Tensor) -> Tensor:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return 0.5 * x * (1 + tf.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Tensor) -> Tensor:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    bounded = _at_most(_at_least(x, -1000), 1000)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@_wide(_gelu_tanh_slope)
def gelu_tanh_wide(x: Tensor) -> Tensor:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = _at_least(x, -1000)
    return _gated(bounded, _gelu_tanh_gate(bounded))


def gelu_tanh_stable(x: Tensor) -> Tensor:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = _at_least(x, -50)  # where it is 0
    inner = _at_most(bounded, 50)  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, _gelu_tanh_gate(inner))


def gelu_sigmoid_textbook(x: Tensor) -> Tensor:
    """x/(1 + e^{−1.702x})"""
    return x / (1 + tf.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Tensor) -> Tensor:
    """s(1 + 1.702x(1 − s)) with s = sigmoid(1.702x)"""
    bounded = _at_most(_at_least(x, -1000), 1000)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@_wide(_gelu_sigmoid_slope)
def gelu_sigmoid_wide(x: Tensor) -> Tensor:
    """x · sigmoid(1.702x)"""
    bounded = _at_least(x, -1000)
    return _gated(bounded, 1.702 * bounded)


def gelu_sigmoid_stable(x: Tensor) -> Tensor:
    """x · sigmoid(1.702x)"""
    bounded = _at_least(x, -1000)
    inner = _at_most(bounded, 1000)  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, 1.702 * inner)


def mish_textbook(x: Tensor) -> Tensor:
    """x · tanh(ln(1 + eˣ))"""
    return x * tf.tanh(tf.math.log(1 + tf.exp(x)))


def _mish_slope(x: Tensor) -> Tensor:
    """n/(n + 2) + 4xt(t + 1)/(n + 2)² with n = t(t + 2), t = eˣ"""
    bounded = _at_most(_at_least(x, -1000), 1000)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return tf.where(bounded < 0, falling, rising)


def _mish(x: Tensor) -> Tensor:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ"""
    bounded = _at_least(x, -1000)
    gate = _at_most(bounded, 1000)  # beyond, its slope is 0 and not 0 times ∞
    half, tail = _halves(gate)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return tf.where(bounded < 0, below, above)


@_wide(_mish_slope)
def mish_wide(x: Tensor) -> Tensor:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t))"""
    return _mish(x)


def mish_stable(x: Tensor) -> Tensor:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t)), by e^{−|x|/2} twice"""
    return _mish(x)


# --- algebraic ------------------------------------------------------------------------------------


def squareplus_textbook(x: Tensor, b: float = 4.0) -> Tensor:
    """(x + √(x² + b))/2"""
    return (x + tf.sqrt(x * x + b)) / 2


def _half_root(x: Tensor, b: float) -> Tensor:
    """√(x² + b)/2 where x² over- or underflows too: beyond 10¹⁰√b, b is far below half an ulp."""
    size = tf.abs(x)
    return tf.where(size > 1e10 * math.sqrt(b), 0.5 * size, 0.5 * tf.sqrt(x * x + b))


def _half_sum(x: Tensor, b: float) -> tuple[Tensor, Tensor]:
    """(√(x² + b) + |x|)/2 and √(x² + b), neither of them 0."""
    half_root, least = _half_root(x, b), np.finfo(x.dtype.as_numpy_dtype).tiny
    half_sum = half_root + 0.5 * tf.abs(x)
    return _at_least(half_sum, least), _at_least(2 * half_root, least)


def _squareplus_slope(x: Tensor, b: float = 4.0) -> Tensor:
    """½(1 + x/√(x² + b))"""
    half_sum, root = _half_sum(x, b)
    share = 0.5 * math.sqrt(b)
    # Not b/(4·half_sum)/root, which XLA turns into one quotient whose divisor underflows.
    tail = (share / half_sum) * (share / root)
    return tf.where(x > 0, 1 - tail, tail)


@_wide(_squareplus_slope)
def squareplus_wide(x: Tensor, b: float = 4.0) -> Tensor:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    half_sum, _ = _half_sum(x, b)
    return _at_least(x, 0) + 0.25 * b / half_sum


def _hypotenuse(size: Tensor, b: float) -> Tensor:
    """√(size² + b) without a square that overflows, for b > 0"""
    least = math.sqrt(b)
    longer, shorter = tf.where(size > least, size, least), _where(size > least, least, size)
    share = shorter / longer
    return longer * tf.sqrt(1 + share * share)


def squareplus_stable(x: Tensor, b: float = 4.0) -> Tensor:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    if b == 0:
        return _at_least(x, 0)
    # |x| by its branches, so that its slope at 0 is the one that belongs to max(x, 0) = 0.
    above = tf.where(x > 0, x, 0)
    # At ∞ the slope of the root would be 0 times ∞.
    size = _at_most(above - _where(x > 0, 0, x), x.dtype.max)
    return above + 0.5 * b / (_hypotenuse(size, b) + size)


def softsign_native(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    return tf.nn.softsign(x)


def softsign_textbook(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    return x / (1 + tf.abs(x))


@_wide(lambda x: tf.square(1 / (1 + tf.abs(x))))
def softsign_wide(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    bounded = _at_most(_at_least(x, -1e30), 1e30)
    return bounded / (1 + tf.abs(bounded))


def softsign_stable(x: Tensor) -> Tensor:
    """x/(1 + |x|) if |x| < 1, else ±(1 − 1/(1 + |x|))"""
    # By two branches: the slope of the quotient is a difference that cancels far from 0.
    size = tf.abs(x)
    small = tf.where(size < 1, x, 0)
    far = 1 - 1 / (1 + size)
    return tf.where(size < 1, small / (1 + tf.abs(small)), tf.where(x < 0, -far, far))


def isru_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(1 + αx²)"""
    return x / tf.sqrt(1 + alpha * x * x)


def _isru(x: Tensor, alpha: float) -> Tensor:
    """x/√(1 + αx²), ±1/√α far from 0"""
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = _at_most(_at_least(x, -far), far)
    return bounded / tf.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    """1/√(1 + αx²)³"""
    inverse = 1 / tf.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@_wide(_isru_slope)
def isru_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(1 + αx²)"""
    return _isru(x, alpha)


def isru_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(x² + 1/α)/√α"""
    far = x.dtype.max
    bounded = _at_most(_at_least(x, -far), far)
    return bounded / _hypotenuse(tf.abs(bounded), 1 / alpha) / math.sqrt(alpha)


def isrlu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return tf.where(x >= 0, x, x / tf.sqrt(1 + alpha * x * x))


@_wide(lambda x, alpha=1.0: _where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return tf.where(x >= 0, x, _isru(x, alpha))


def isrlu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(x² + 1/α)/√α"""
    return tf.where(x >= 0, x, isru_stable(x, alpha))


# --- over rows ------------------------------------------------------------------------------------


def _leading(x: Tensor, count: int, axis: int) -> Tensor:
    """The first numbers of each row, where rows lie on the last axis (−1) or on a counted one."""
    first = slice(count)
    return x[..., first] if axis == -1 else x[(*(slice(None) for _ in range(axis)), first)]


def _with_zero(x: Tensor, with_zero: bool, axis: int = -1) -> Tensor:
    if not with_zero:
        return x
    zero = tf.zeros_like(_leading(x, 1, axis))
    return tf.concat([x, zero], axis=axis)


def logsumexp_native(x: Tensor, with_zero: bool = False) -> Tensor:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return tf.reduce_logsumexp(_with_zero(x, with_zero), axis=-1, keepdims=True)


def logsumexp_textbook(x: Tensor, with_zero: bool = False) -> Tensor:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return tf.math.log(tf.reduce_sum(tf.exp(_with_zero(x, with_zero)), axis=-1, keepdims=True))


def _shifted_exp(x: Tensor, with_zero: bool, axis: int = -1) -> tuple[Tensor, Tensor, Tensor]:
    """exp(x − top), their sum less one, and the top of each row; an infinite top counts as exp(0).

    The sum is without one of the largest, so that nothing of the others is lost beside it.
    """
    terms = _with_zero(x, with_zero, axis)
    top = tf.reduce_max(terms, axis=axis, keepdims=True)
    largest = tf.equal(terms, top)  # == compares names while a graph is traced
    powers = tf.exp(_where(largest, 0, terms - top))
    others = tf.reduce_sum(_where(largest, 0, powers), axis=axis, keepdims=True)
    count = tf.reduce_sum(tf.cast(largest, powers.dtype), axis=axis, keepdims=True)
    return powers, others + (count - 1), top


def _softmax(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ"""
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    return _leading(powers, x.shape[axis], axis) / (1 + rest)


@_wide_gradient(lambda upstream, x, with_zero=False: (upstream * _softmax(x, with_zero),))
def logsumexp_wide(x: Tensor, with_zero: bool = False) -> Tensor:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    _, rest, top = _shifted_exp(x, with_zero)
    return top + tf.math.log1p(rest)


def _shifted(x: Tensor, axis: int = -1) -> tuple[Tensor, Tensor]:
    """x − top, where ∞ − ∞ counts as 0, and the top of each row, as which nothing moves."""
    top = tf.stop_gradient(tf.reduce_max(x, axis=axis, keepdims=True))
    return _where(tf.equal(x, top) & tf.math.is_inf(top), 0, x - top), top


def _rest(powers: Tensor, axis: int = -1) -> Tensor:
    """The sum of each row of exp(x − top) less one, of which the 1 of the top hides nothing."""
    largest = tf.equal(powers, 1)
    others = tf.reduce_sum(tf.where(largest, powers - 1, powers), axis=axis, keepdims=True)
    return others + (tf.reduce_sum(tf.cast(largest, powers.dtype), axis=axis, keepdims=True) - 1)


def logsumexp_stable(x: Tensor, with_zero: bool = False) -> Tensor:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    shifted, top = _shifted(_with_zero(x, with_zero))
    return top + tf.math.log1p(_rest(tf.exp(shifted)))


def softmax_native(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    shares = tf.nn.softmax(_with_zero(x, with_zero, axis), axis=axis)
    return _leading(shares, x.shape[axis], axis)


def softmax_textbook(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    powers = tf.exp(_with_zero(x, with_zero, axis))
    return tf.exp(x) / tf.reduce_sum(powers, axis=axis, keepdims=True)


def _softmax_gradient(
    upstream: Tensor, x: Tensor, with_zero: bool = False, axis: int = -1
) -> tuple[Tensor]:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    shares = powers / (1 + rest)
    pull, largest = _with_zero(upstream, with_zero, axis), tf.equal(powers, 1)
    centre = tf.reduce_sum(tf.where(largest, pull, 0), axis=axis, keepdims=True)
    count = tf.reduce_sum(tf.cast(largest, pull.dtype), axis=axis, keepdims=True)
    apart = pull - centre / count
    gradient = shares * (apart - tf.reduce_sum(shares * apart, axis=axis, keepdims=True))
    return (_leading(gradient, x.shape[axis], axis),)


@_wide_gradient(_softmax_gradient)
def softmax_wide(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    return _softmax(x, with_zero, axis)


def softmax_stable(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    powers = tf.exp(_shifted(_with_zero(x, with_zero, axis), axis)[0])
    return _leading(powers, x.shape[axis], axis) / tf.reduce_sum(powers, axis=axis, keepdims=True)


def log_softmax_native(x: Tensor) -> Tensor:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return tf.nn.log_softmax(x, axis=-1)


def log_softmax_textbook(x: Tensor) -> Tensor:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return x - tf.math.log(tf.reduce_sum(tf.exp(x), axis=-1, keepdims=True))


def _log_softmax_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    """g(1 − y) − y Σ g of the others, where of the largest 1 − y is the share of the others"""
    powers, rest, _ = _shifted_exp(x, with_zero=False)
    beside = tf.where(powers == 1, rest, 1 + rest - powers)
    others = tf.reduce_sum(upstream, axis=-1, keepdims=True) - upstream
    return ((upstream * beside - powers * others) / (1 + rest),)


@_wide_gradient(_log_softmax_gradient)
def log_softmax_wide(x: Tensor) -> Tensor:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    _, rest, top = _shifted_exp(x, with_zero=False)
    return _where(x == top, 0, x - top) - tf.math.log1p(rest)


def log_softmax_stable(x: Tensor) -> Tensor:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    shifted, _ = _shifted(x)
    return shifted - tf.math.log1p(_rest(tf.exp(shifted)))


# --- gates ----------------------------------------------------------------------------------------


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    """The halves of each row."""
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def glu_textbook(x: Tensor) -> Tensor:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a / (1 + tf.exp(-b))


def _glu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    half, tail = _halves(b)
    along_b = (upstream * half) * (a * half) / ((1 + tail) * (1 + tail))
    return (tf.concat([_gated(upstream, b), along_b], axis=-1),)


@_wide_gradient(_glu_gradient)
def glu_wide(x: Tensor) -> Tensor:
    """a · sigmoid(b) of the halves a, b of each row"""
    return _gated(*_split(x))


def glu_stable(x: Tensor) -> Tensor:
    """a · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    a, b = _split(x)
    half = _tail(0.5 * b)
    share = tf.where(b < 0, half, 1)
    return a * share * share / (1 + half * half)


def swiglu_textbook(x: Tensor) -> Tensor:
    """ab/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a * b / (1 + tf.exp(-b))


def _swiglu(a: Tensor, b: Tensor) -> Tensor:
    """a · b · sigmoid(b)"""
    b = _at_least(b, -2000)  # where eᵇ times any number is 0
    half, tail = _halves(_at_most(b, 40))  # from where on 1 + e⁻ᵇ is 1
    share = tf.where(b < 0, half, 1)
    return (a * share) * (b * share / (1 + tail))


def _swiglu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    bounded = _at_most(_at_least(b, -1000), 1000)
    half, tail = _halves(bounded)
    pull, rise = upstream * a, 1 + tail + bounded
    below, above = (pull * half) * (rise * half), pull * (1 + tail + bounded * tail)
    along_b = tf.where(b < 0, below, above) / ((1 + tail) * (1 + tail))
    return (tf.concat([_swiglu(upstream, b), along_b], axis=-1),)


@_wide_gradient(_swiglu_gradient)
def swiglu_wide(x: Tensor) -> Tensor:
    """a · b · sigmoid(b) of the halves a, b of each row"""
    return _swiglu(*_split(x))


def swiglu_stable(x: Tensor) -> Tensor:
    """a · b · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    return _swiglu(*_split(x))


def geglu_textbook(x: Tensor) -> Tensor:
    """a · ½b(1 + erf(b/√2)) of the halves a, b of each row"""
    a, b = _split(x)
    return a * (0.5 * b * (1 + tf.math.erf(b * _ROOT_HALF)))


def _geglu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    return (tf.concat([upstream * _gelu(b), upstream * a * _gelu_slope(b)], axis=-1),)


@_wide_gradient(_geglu_gradient)
def geglu_wide(x: Tensor) -> Tensor:
    """a · bΦ(b) of the halves a, b of each row"""
    a, b = _split(x)
    return a * _gelu(b)


def geglu_stable(x: Tensor) -> Tensor:
    """a · ½b erfc(−b/√2) of the halves a, b of each row"""
    a, b = _split(x)
    return a * gelu_stable(b)


def reglu_textbook(x: Tensor) -> Tensor:
    """a · max(b, 0) of the halves a, b of each row"""
    a, b = _split(x)
    return a * tf.maximum(b, 0)


def _reglu_wide_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    gate, slope = _hinge(b, 0, 0, upstream * b), _hinge(b, 0, 0, upstream * a)
    return (tf.concat([gate, slope], axis=-1),)


@_wide_gradient(_reglu_wide_gradient)
def reglu_wide(x: Tensor) -> Tensor:
    """ab where b > 0, else 0, of the halves a, b of each row"""
    a, b = _split(x)
    return _hinge(b, 0, 0, a * b)


# --- primitives -----------------------------------------------------------------------------------


def _copy_gradient(_: Any, upstream: Tensor) -> Tensor:
    return tf.raw_ops.Snapshot(input=upstream)


with suppress(KeyError):  # TensorFlow takes one a process, from whichever version comes first.
    tf.RegisterGradient("Snapshot")(_copy_gradient)


def copy_native(x: Tensor) -> Tensor:
    """x"""
    # tf.identity hands the same memory on.
    return tf.raw_ops.Snapshot(input=x)


def add_native(x: Tensor) -> Tensor:
    """x + ½"""
    return x + 0.5


def multiply_native(x: Tensor) -> Tensor:
    """1.5x"""
    return 1.5 * x


def divide_native(x: Tensor) -> Tensor:
    """1/x"""
    return 1 / x


def maximum_native(x: Tensor) -> Tensor:
    """max(x, ½)"""
    return tf.maximum(x, 0.5)


def absolute_native(x: Tensor) -> Tensor:
    """|x|"""
    return tf.abs(x)


def sqrt_native(x: Tensor) -> Tensor:
    """√x"""
    return tf.sqrt(x)


def exp_native(x: Tensor) -> Tensor:
    """eˣ"""
    return tf.exp(x)


def expm1_native(x: Tensor) -> Tensor:
    """eˣ − 1"""
    return tf.math.expm1(x)


def log1p_native(x: Tensor) -> Tensor:
    """ln(1 + x)"""
    return tf.math.log1p(x)


def erf_native(x: Tensor) -> Tensor:
    """2/√π ∫ e^{−t²} dt from 0 to x"""
    return tf.math.erf(x)


# --- the adapter ----------------------------------------------------------------------------------


class Adapter(Contract):
    """TensorFlow on one device. On the CPU a call returns with its result."""

    def __init__(self, device: str, threads: int) -> None:
        gpus = tf.config.list_physical_devices("GPU")
        if device == "cuda" and not gpus:
            raise Unsupported(
                "TensorFlow sees no GPU here: take --device cpu, or a build with CUDA"
            )
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._asynchronous = device == "cuda"
        self._place = "/GPU:0" if self._asynchronous else "/CPU:0"
        self._functions: dict[tuple[Any, ...], Any] = {}
        flag = re.search(r"cache_directory=(\S+)", os.environ.get("TF_XLA_FLAGS", ""))
        self._cache = Path(flag[1]) if flag else None
        self._listed = (0, 0)
        self._loaded = 0

    def versions(self) -> dict[str, str]:
        return {"tensorflow": tf.__version__, "oneDNN": "on" if IsMklEnabled() else "off"}

    def put(self, bits: Bits, dtype: str) -> Tensor:
        if not hasattr(tf, dtype):
            raise Unsupported(f"TensorFlow has no {dtype}")
        with tf.device(self._place):
            return tf.identity(_as(tf.constant(bits), tf.as_dtype(dtype)))

    def get(self, tensor: Tensor) -> Bits:
        unsigned = tf.as_dtype(f"uint{8 * tensor.dtype.size}")
        with tf.device("/CPU:0"):
            return np.array(_as(tf.identity(tensor), unsigned).numpy())

    def step(
        self,
        function: Form,
        arrays: Sequence[Tensor],
        upstream: Callable[[Tensor], Tensor],
        mode: str,
        direction: str,
        slot: list[Tensor] | None = None,
    ) -> Step:
        if slot:
            raise Unsupported("TensorFlow writes to no given tensor; its allocator keeps memory")
        if mode == "eager":
            return _step(function, arrays, upstream, direction, lambda part: part)
        key = (function, direction, *((array.dtype, tuple(array.shape)) for array in arrays))
        known = key in self._functions

        def compile_(part: Callable[..., Any]) -> Any:
            if not known:
                called = _only_traced(part)
                self._functions[key] = tf.function(called, jit_compile=True, autograph=False)
            return self._functions[key]

        with nullcontext() if known else _named(key):
            stored = self._files()
            step = _step(function, arrays, upstream, direction, compile_)
            if not known:
                step()
                self._loaded += bool(self._cache) and self._files() == stored
        _check_for_xla(self._functions[key])
        return step

    def wait(self, result: Any) -> None:
        if self._asynchronous:
            tf.test.experimental.sync_devices()

    def is_ready(self, result: Any) -> bool | None:
        # It says no more than whether a call runs its operations or puts them in a queue.
        if not tf.config.experimental.get_synchronous_execution():
            return False
        return None if self._asynchronous else True

    def trace(self, function: Form, arrays: Sequence[Tensor]) -> None:
        graph = tf.Graph()
        with graph.as_default():
            function(*(tf.compat.v1.placeholder(array.dtype, array.shape) for array in arrays))
        program = graph.as_graph_def()
        nodes = chain(program.node, *(function.node_def for function in program.library.function))
        if names := sorted(_CALLBACKS.intersection(node.op for node in nodes)):
            raise HostCall(f"calls Python by {', '.join(names)}")

    def guard(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def synchronize(self) -> Callable[[], None] | None:
        return tf.test.experimental.sync_devices if self._asynchronous else None

    def device_elapsed(self, step: Step, loops: int) -> int:
        started = time.perf_counter_ns()
        for _ in repeat(None, loops):
            step()
        tf.test.experimental.sync_devices()
        return time.perf_counter_ns() - started

    def address(self, tensor: Tensor) -> int:
        # A scalar has no memory that could be seen: a look at it is a copy.
        return int(np.asarray(tensor).ctypes.data) if tensor.ndim else id(tensor)

    def compilations(self) -> int:
        counts = (part.experimental_get_tracing_count() for part in self._functions.values())
        return sum(counts)

    def from_cache(self) -> int:
        # XLA stores what it compiles, in a file per program, and says nothing of what it loads.
        return self._loaded

    def _files(self) -> int:
        if not self._cache or not self._cache.is_dir():
            return 0
        changed = self._cache.stat().st_mtime_ns
        if changed != self._listed[0]:
            self._listed = changed, len(os.listdir(self._cache))
        return self._listed[1]


def _as(tensor: Tensor, dtype: Any) -> Tensor:
    """The bits of a tensor as those of another dtype; truth values have none of their own."""
    change = tf.cast if tf.bool in (tensor.dtype, dtype) else tf.bitcast
    return change(tensor, dtype)


_CALLBACKS = {"PyFunc", "EagerPyFunc", "PyFuncStateless"}


_NAMED = ("inference", "forward", "backward")
"""The kinds of functions of a graph that TensorFlow names."""
_names: Counter[str] = Counter()


@contextmanager
def _named(key: tuple[Any, ...]) -> Iterator[None]:
    """Give functions that are traced meanwhile the names that another process gives them.

    XLA's cache knows a program by its name, in which TensorFlow puts a number that depends on all
    that ran before: nothing would ever be found, least of all the two programs of a gradient. Two
    versions of this module in one process have names of their own.
    """
    function, *others = key
    form = getattr(getattr(function, "func", function), "__name__", "function")
    parameters = getattr(function, "keywords", {})
    label = re.sub(r"\W+", "_", f"{__name__} {form} {parameters} {others}")

    def name(prefix: str, graph: str) -> str:
        text = f"__{prefix}_{graph}_{label}"
        _names[text] += 1
        return f"{text}_{_names[text]}"

    before = {kind: getattr(concrete_function, f"_{kind}_name") for kind in _NAMED}
    for kind in _NAMED:
        setattr(concrete_function, f"_{kind}_name", partial(name, kind))
    try:
        yield
    finally:
        for kind, usual in before.items():
            setattr(concrete_function, f"_{kind}_name", usual)


def _only_traced(part: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which raises NotCompiled where it is run eagerly: tf.function traces it."""

    def traced(*inputs: Tensor) -> Any:
        if tf.executing_eagerly():
            raise NotCompiled("tf.function ran eagerly: is run_functions_eagerly on?")
        return part(*inputs)

    return traced


def _check_for_xla(function: Any) -> None:
    """Raise NotCompiled where the function was traced for another compiler than XLA."""
    for concrete in function._list_all_concrete_functions():
        if not concrete.function_def.attr["_XlaMustCompile"].b:
            raise NotCompiled("tf.function ran as a graph without XLA")


def _step(
    function: Form,
    arrays: Sequence[Tensor],
    upstream: Callable[[Tensor], Tensor],
    direction: str,
    compile_: Callable[[Callable[..., Any]], Any],
) -> Step:
    if direction == "forward":
        called = compile_(lambda *inputs: function(*inputs))
        return lambda: called(*arrays)
    if direction == "backward":
        called = compile_(lambda *inputs: function(*inputs))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(arrays)
            output = called(*arrays)
        pull = upstream(output)
        return lambda: tuple(tape.gradient(output, arrays, output_gradients=pull))

    def forward_and_backward(pull: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = function(*inputs)
        return (output, *tape.gradient(output, inputs, output_gradients=pull))

    both = compile_(forward_and_backward)
    pull = upstream(function(*arrays))
    return lambda: both(pull, *arrays)
