"""NumPy: it has no autodiff, so every form carries its analytic derivative."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ._adapter import Bits, Contract, Step, Unsupported
from ._numpy_kernels import (
    Array,
    Form,
    as_tuple,
    at_least,
    at_most,
    blocked,
    bounded_size,
    by_rows,
    by_sign,
    constant,
    erf,
    horner,
    indicate,
    normal_tail,
    one_plus_exp,
    scalars,
    scratch,
    wide,
    wide_gradient,
    with_gradient,
    with_slope,
)

TITLE = "NumPy"
MODES = ("eager",)
LAYOUTS = ("strided", "channels_last")
ENVIRONMENT: dict[str, str] = {}
SCRIPT = {"tensor": "np.full({copies}, {input}, np.{dtype})", "slope": "with_slope"}

_LN2 = math.log(2)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_ERF_SLOPE_AT_0 = 2 / math.sqrt(math.pi)
_GELU_TANH = math.sqrt(2 / math.pi)
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


# --- max ------------------------------------------------------------------------------------------


@with_slope(lambda x: (x > 0).astype(x.dtype))
def relu_max(x: Array) -> Array:
    """max(x, 0)"""
    return np.maximum(x, 0)


@with_slope(lambda x: (1 + np.sign(x)) / 2)
def relu_abs(x: Array) -> Array:
    """(x + |x|)/2"""
    return (x + np.abs(x)) / 2


@with_slope(lambda x: np.where(x > 0, x.dtype.type(1), 0))
def relu_where(x: Array) -> Array:
    """x if x > 0, else 0"""
    return np.where(x > 0, x, 0)


@blocked(lambda x, out: indicate(x > 0, out))
def relu_blocked(x: Array, *, out: Array) -> Array:
    """max(x, 0)"""
    return np.maximum(x, constant(0, x), out=out)


def _hinge(x: Array, edge: float, below: Any, above: Any) -> Array:
    """`below` up to the edge, `above` beyond it, NaN where x is NaN."""
    return np.where(x > edge, above, np.where(x <= edge, below, x))


@with_slope(lambda x, alpha=0.01: np.where(x > 0, x.dtype.type(1), alpha))
def leaky_relu_where(x: Array, alpha: float = 0.01) -> Array:
    """x if x > 0, else αx"""
    return np.where(x > 0, x, alpha * x)


@with_slope(lambda x, alpha=0.01: np.where(x > alpha * x, x.dtype.type(1), alpha))
def leaky_relu_max(x: Array, alpha: float = 0.01) -> Array:
    """max(x, αx), for α ≤ 1"""
    return np.maximum(x, alpha * x)


@wide(lambda x, alpha=0.01: _hinge(x, 0, alpha, 1))
def leaky_relu_wide(x: Array, alpha: float = 0.01) -> Array:
    """x if x > 0, else αx"""
    return np.where(x > 0, x, alpha * x)


def _leaky_relu_blocked_slope(x: Array, alpha: float = 0.01, *, out: Array) -> Array:
    """α[x ≤ 0] + [x > 0], a sum of which one term is 0."""
    (rising,) = scratch(out, 1)
    indicate(x > 0, rising)
    np.subtract(1, rising, out=out)
    out *= alpha
    out += rising
    return out


@blocked(_leaky_relu_blocked_slope)
def leaky_relu_blocked(x: Array, alpha: float = 0.01, *, out: Array) -> Array:
    """max(x, αx), or min(x, αx) for α > 1"""
    np.multiply(x, alpha, out=out)
    return (np.maximum if alpha <= 1 else np.minimum)(x, out, out=out)


def _along_alpha(upstream: Array, x: Array, alpha: Array) -> Array:
    rest = np.where(x > 0, 0, upstream * x)
    return np.asarray(rest.sum(axis=tuple(range(x.ndim - alpha.ndim))), alpha.dtype)


def _prelu_gradient(upstream: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    """Gradients along x and, summed, along α"""
    return upstream * np.where(x > 0, 1, alpha), _along_alpha(upstream, x, alpha)


@with_gradient(_prelu_gradient)
def prelu_where(x: Array, alpha: Array) -> Array:
    """x if x > 0, else αx, with a learned α"""
    return np.where(x > 0, x, alpha * x)


def _prelu_wide_gradient(upstream: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    return upstream * _hinge(x, 0, alpha, 1), _along_alpha(upstream, x, alpha)


@wide_gradient(_prelu_wide_gradient)
def prelu_wide(x: Array, alpha: Array) -> Array:
    """x if x > 0, else αx, with a learned α"""
    return np.where(x > 0, x, alpha * x)


def _prelu_blocked_gradient(upstream: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    along_alpha = np.zeros(alpha.shape, np.float64)

    def run(pull: Array, block: Array, out: Array) -> Array:
        rest, rising = scratch(out, 2)
        np.minimum(block, constant(0, block), out=rest)
        rest *= pull
        along_alpha[...] += rest.sum(axis=tuple(range(rest.ndim - alpha.ndim)))
        indicate(block > 0, rising)
        np.subtract(1, rising, out=out)
        out *= alpha
        out += rising
        return np.multiply(out, pull, out=out)

    return by_rows(run, (upstream, x), x.shape[-1]), along_alpha.astype(alpha.dtype)


@with_gradient(_prelu_blocked_gradient)
def prelu_blocked(x: Array, alpha: Array, *, out: Array | None = None) -> Array:
    """max(x, 0) + α min(x, 0), with a learned α"""

    def run(block: Array, out: Array) -> Array:
        (rising,) = scratch(out, 1)
        zeros = constant(0, block)
        np.minimum(block, zeros, out=out)
        out *= alpha
        out += np.maximum(block, zeros, out=rising)
        return out

    return by_rows(run, (x,), x.shape[-1], out)


def _crelu_gradient(upstream: Array, x: Array) -> Array:
    up, down = np.split(upstream, 2, axis=-1)
    return np.where(x > 0, up, 0) - np.where(x < 0, down, 0)


@with_gradient(_crelu_gradient)
def crelu_textbook(x: Array) -> Array:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    return np.maximum(np.concatenate([x, -x], axis=-1), 0)


def _crelu_blocked_gradient(upstream: Array, x: Array) -> Array:
    def run(pull: Array, block: Array, out: Array) -> Array:
        up, down = np.split(pull, 2, axis=-1)
        (falling,) = scratch(out, 1)
        indicate(block > 0, out)
        out *= up
        indicate(block < 0, falling)
        falling *= down
        return np.subtract(out, falling, out=out)

    return by_rows(run, (upstream, x), x.shape[-1])


@with_gradient(_crelu_blocked_gradient)
def crelu_blocked(x: Array, *, out: Array | None = None) -> Array:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    length = x.shape[-1]

    def run(block: Array, out: Array) -> Array:
        zeros = constant(0, block)
        np.maximum(block, zeros, out=out[:, :length])
        below = np.negative(block, out=scratch(block, 1)[0])
        np.maximum(below, zeros, out=out[:, length:])
        return out

    return by_rows(run, (x,), 2 * length, out)


def _maxout_gradient(upstream: Array, x: Array, k: int = 2) -> Array:
    groups = x.reshape(*x.shape[:-1], k, -1)
    first = np.expand_dims(groups.argmax(axis=-2), -2)
    chosen = np.arange(k)[:, None] == first
    return np.where(chosen, upstream[..., None, :], 0).reshape(x.shape)


@with_gradient(_maxout_gradient)
def maxout_textbook(x: Array, k: int = 2) -> Array:
    """yⱼ = maxᵢ x[i·n/k + j], over k groups of the n features"""
    return x.reshape(*x.shape[:-1], k, -1).max(axis=-2)


def _maxout_blocked_gradient(upstream: Array, x: Array, k: int = 2) -> Array:
    """The upstream value goes to the first of the largest: to the last if no other is."""

    def run(pull: Array, block: Array, out: Array) -> Array:
        groups, parts = _groups(block, k), _groups(out, k)
        largest = _largest(groups, np.empty_like(pull))
        left = np.ones(pull.shape, bool)
        for group, part in zip(groups[:-1], parts, strict=False):
            chosen = (group == largest) & left
            left ^= chosen
            np.multiply(pull, indicate(chosen, part), out=part)
        np.multiply(pull, indicate(left, parts[-1]), out=parts[-1])
        return out

    return by_rows(run, (upstream, x), x.shape[-1])


def _groups(x: Array, k: int) -> list[Array]:
    groups = x.reshape(len(x), k, x.shape[-1] // k)
    return [groups[:, place] for place in range(k)]


def _largest(groups: list[Array], out: Array) -> Array:
    if len(groups) == 1:
        np.copyto(out, groups[0])
        return out
    np.maximum(groups[0], groups[1], out=out)
    for group in groups[2:]:
        np.maximum(out, group, out=out)
    return out


@with_gradient(_maxout_blocked_gradient)
def maxout_blocked(x: Array, k: int = 2, *, out: Array | None = None) -> Array:
    """yⱼ = maxᵢ x[i·n/k + j], over k groups of the n features"""

    def run(block: Array, out: Array) -> Array:
        return _largest(_groups(block, k), out)

    return by_rows(run, (x,), x.shape[-1] // k, out)


@with_slope(lambda x, alpha=1.0: (x > -alpha).astype(x.dtype))
def shifted_relu_max(x: Array, alpha: float = 1.0) -> Array:
    """max(x, −α)"""
    return np.maximum(x, -alpha)


@wide(lambda x, alpha=1.0: _hinge(x, -alpha, 0, 1))
def shifted_relu_wide(x: Array, alpha: float = 1.0) -> Array:
    """max(x, −α)"""
    return at_least(-alpha, x)


@blocked(lambda x, alpha=1.0, *, out: indicate(x > -alpha, out))
def shifted_relu_blocked(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """max(x, −α)"""
    return np.maximum(x, constant(-alpha, x), out=out)


@with_slope(lambda x: ((x > 0) & (x < 6)).astype(x.dtype))
def relu6_max(x: Array) -> Array:
    """min(max(x, 0), 6)"""
    return np.minimum(np.maximum(x, 0), 6)


@blocked(lambda x, *, out: indicate((x > 0) & (x < 6), out))
def relu6_blocked(x: Array, *, out: Array) -> Array:
    """min(max(x, 0), 6)"""
    np.maximum(x, constant(0, x), out=out)
    return np.minimum(out, constant(6, x), out=out)


@with_slope(lambda x: ((x > -1) & (x < 1)).astype(x.dtype))
def hardtanh_max(x: Array) -> Array:
    """min(max(x, −1), 1)"""
    return np.minimum(np.maximum(x, -1), 1)


@blocked(lambda x, *, out: indicate((x > -1) & (x < 1), out))
def hardtanh_blocked(x: Array, *, out: Array) -> Array:
    """min(max(x, −1), 1)"""
    np.maximum(x, constant(-1, x), out=out)
    return np.minimum(out, constant(1, x), out=out)


@with_slope(lambda x: 2 * np.maximum(x, 0))
def squared_relu_max(x: Array) -> Array:
    """max(x, 0)²"""
    return np.square(np.maximum(x, 0))


def _squared_relu_blocked_slope(x: Array, *, out: Array) -> Array:
    """2 max(x, 0)"""
    np.maximum(x, constant(0, x), out=out)
    out += out
    return out


@blocked(_squared_relu_blocked_slope)
def squared_relu_blocked(x: Array, *, out: Array) -> Array:
    """max(x, 0)²"""
    np.maximum(x, constant(0, x), out=out)
    return np.multiply(out, out, out=out)


@with_slope(lambda x: np.where(np.abs(x) < 3, x.dtype.type(1 / 6), 0))
def hard_sigmoid_textbook(x: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


def _hard_sigmoid_slope(x: Array) -> Array:
    """1/6 where |x| < 3, else 0"""
    outside = np.where(np.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return np.where(np.abs(x) < 3, 1 / 6, outside)


@wide(_hard_sigmoid_slope)
def hard_sigmoid_wide(x: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    return np.clip(x + 3, 0, 6) / 6


def _hard_sigmoid_blocked_slope(x: Array, *, out: Array) -> Array:
    """1/6 where |x| < 3, else 0"""
    np.abs(x, out=out)
    indicate(out < 3, out)
    out *= 1 / 6
    return out


@blocked(_hard_sigmoid_blocked_slope)
def hard_sigmoid_blocked(x: Array, *, out: Array) -> Array:
    """min(max(x + 3, 0), 6)/6"""
    np.add(x, 3, out=out)
    np.maximum(out, constant(0, x), out=out)
    np.minimum(out, constant(6, x), out=out)
    return np.multiply(out, 1 / 6, out=out)


def _hard_swish_slope(x: Array) -> Array:
    """(2x + 3)/6 where |x| ≤ 3, else 0 below and 1 above"""
    inside = (2 * np.clip(x, -3, 3) + 3) / 6
    return np.where(x > 3, 1, np.where(x < -3, 0, inside))


@with_slope(_hard_swish_slope)
def hard_swish_textbook(x: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    return x * np.minimum(np.maximum(x + 3, 0), 6) / 6


@wide(_hard_swish_slope)
def hard_swish_wide(x: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    bounded = np.maximum(x, -1000)
    return bounded * (np.clip(bounded + 3, 0, 6) / 6)


@with_slope(_hard_swish_slope)
def hard_swish_stable(x: Array) -> Array:
    """x · ((min(max(x, −3), 3) + 3)/6)"""
    return at_least(-1000, x) * ((at_most(3, at_least(-3, x)) + 3) / 6)


def _hard_swish_blocked_slope(x: Array, *, out: Array) -> Array:
    """(c + 3 + c·[|c| < 3])/6 with c = min(max(x, −3), 3)"""
    (inside,) = scratch(out, 1)
    np.maximum(x, constant(-3, x), out=out)
    np.minimum(out, constant(3, x), out=out)
    np.abs(out, out=inside)
    indicate(inside < 3, inside)
    inside *= out
    out += 3
    out += inside
    out *= 1 / 6
    return out


@blocked(_hard_swish_blocked_slope)
def hard_swish_blocked(x: Array, *, out: Array) -> Array:
    """x · min(max(x + 3, 0), 6)/6"""
    np.add(x, 3, out=out)
    np.maximum(out, constant(0, x), out=out)
    np.minimum(out, constant(6, x), out=out)
    np.multiply(out, 1 / 6, out=out)
    return np.multiply(out, x, out=out)


# --- exp ------------------------------------------------------------------------------------------


@with_slope(lambda x, alpha=1.0: np.where(x > 0, x.dtype.type(1), alpha * np.exp(x)))
def elu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α(eˣ − 1)"""
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def _elu_slope(x: Array, alpha: float = 1.0) -> Array:
    """1 if x > 0, else αeˣ"""
    # The exponential is 1 above 0, and NaN where x is, whatever its sign bit.
    return by_sign(0 - x, constant(1, x), constant(alpha, x)) * np.exp(at_most(0, x))


@wide(_elu_slope)
def elu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0))"""
    return by_sign(x, alpha * np.expm1(at_most(0, x)), x)


@with_slope(_elu_slope)
def elu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0))"""
    return by_sign(x, alpha * np.expm1(at_most(0, x)), x)


def _elu_blocked_slope(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """α exp(min(x, 0)) + (1 − α)[x > 0]"""
    np.minimum(x, constant(0, x), out=out)
    np.exp(out, out=out)
    if alpha != 1:
        (rest,) = scratch(out, 1)
        indicate(x > 0, rest)
        rest *= 1 - alpha
        out *= alpha
        out += rest
    return out


@blocked(_elu_blocked_slope)
def elu_blocked(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """max(x, α expm1(min(x, 0))), or max(x, 0) + α expm1(min(x, 0)) for α > 1"""
    np.minimum(x, constant(0, x), out=out)
    np.expm1(out, out=out)
    if alpha != 1:
        out *= alpha
    if alpha <= 1:
        return np.maximum(x, out, out=out)
    (rising,) = scratch(out, 1)
    out += np.maximum(x, constant(0, x), out=rising)
    return out


@with_slope(lambda x: _SELU_SCALE * np.where(x > 0, x.dtype.type(1), _SELU_ALPHA * np.exp(x)))
def selu_textbook(x: Array) -> Array:
    """λx if x > 0, else λα(eˣ − 1)"""
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * (np.exp(x) - 1))


def _selu_slope(x: Array) -> Array:
    """λ if x > 0, else λαeˣ"""
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = np.exp(0.5 * np.minimum(x, 0))
    return np.where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@wide(_selu_slope)
def selu_wide(x: Array) -> Array:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))


@with_slope(_selu_slope)
def selu_stable(x: Array) -> Array:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * elu_stable(x, _SELU_ALPHA)


def _selu_blocked_slope(x: Array, *, out: Array) -> Array:
    """λα exp(min(x, 0)) + λ(1 − α)[x > 0]"""
    (rest,) = scratch(out, 1)
    np.minimum(x, constant(0, x), out=out)
    np.exp(out, out=out)
    out *= _SELU_SCALE * _SELU_ALPHA
    indicate(x > 0, rest)
    rest *= _SELU_SCALE * (1 - _SELU_ALPHA)
    out += rest
    return out


@blocked(_selu_blocked_slope)
def selu_blocked(x: Array, *, out: Array) -> Array:
    """λ max(x, 0) + λα expm1(min(x, 0)), of which one is 0"""
    (rising,) = scratch(out, 1)
    zeros = constant(0, x)
    np.minimum(x, zeros, out=out)
    np.expm1(out, out=out)
    out *= _SELU_SCALE * _SELU_ALPHA
    np.maximum(x, zeros, out=rising)
    rising *= _SELU_SCALE
    return np.add(out, rising, out=out)


@with_slope(lambda x, alpha=1.0: np.where(x > 0, x.dtype.type(1), np.exp(x / alpha)))
def celu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return np.maximum(x, 0) + np.minimum(alpha * (np.exp(x / alpha) - 1), 0)


@wide(lambda x, alpha=1.0: np.where(x > 0, 1, np.exp(np.minimum(x, 0) / alpha)))
def celu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def _celu_stable_slope(x: Array, alpha: float = 1.0) -> Array:
    """e^{min(x, 0)/α}"""
    return np.exp(at_most(0, x) / alpha)


@with_slope(_celu_stable_slope)
def celu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    near = -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return np.where(x > near, x, alpha * np.expm1(at_most(0, x) / alpha))


def _celu_blocked_slope(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """e^{min(x, 0)/α}"""
    np.minimum(x, constant(0, x), out=out)
    if alpha != 1:
        out /= alpha
    return np.exp(out, out=out)


@blocked(_celu_blocked_slope)
def celu_blocked(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """max(x, α expm1(min(x, 0)/α)), because expm1(u) ≥ u"""
    np.minimum(x, constant(0, x), out=out)
    if alpha != 1:
        out /= alpha
    np.expm1(out, out=out)
    if alpha != 1:
        out *= alpha
    return np.maximum(x, out, out=out)


def _sigmoid(x: Array) -> Array:
    """1/(1 + e⁻ˣ), of e^{−|x|} alone"""
    tail = np.exp(-np.abs(x))
    return by_sign(x, tail, constant(1, x)) / (1 + tail)


def _sigmoid_slope(x: Array) -> Array:
    """t/(1 + t)² with t = e^{−|x|}"""
    tail = np.exp(-np.abs(x))
    return tail / (1 + tail) ** 2


@with_slope(lambda x: sigmoid_textbook(x) * (1 - sigmoid_textbook(x)))
def sigmoid_textbook(x: Array) -> Array:
    """1/(1 + e⁻ˣ)"""
    return 1 / (1 + np.exp(-x))


@wide(_sigmoid_slope)
def sigmoid_wide(x: Array) -> Array:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    return _sigmoid(x)


@with_slope(_sigmoid_slope)
def sigmoid_stable(x: Array) -> Array:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    return _sigmoid(x)


def _sigmoid_blocked_slope(x: Array, *, out: Array) -> Array:
    """t/(1 + t)² with t = exp(−|x|)"""
    (tail,) = scratch(out, 1)
    np.abs(x, out=tail)
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.add(tail, 1, out=out)
    np.multiply(out, out, out=out)
    return np.divide(tail, out, out=out)


@blocked(_sigmoid_blocked_slope)
def sigmoid_blocked(x: Array, *, out: Array) -> Array:
    """1/(1 + e⁻ˣ)"""
    np.negative(x, out=out)
    return np.divide(1, one_plus_exp(out), out=out)


@with_slope(lambda x: 1 - np.tanh(x) ** 2)
def tanh_native(x: Array, *, out: Array | None = None) -> Array:
    """tanh x"""
    return np.tanh(x, out=out)


@with_slope(lambda x: 1 - tanh_textbook(x) ** 2)
def tanh_textbook(x: Array) -> Array:
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)"""
    up, down = np.exp(x), np.exp(-x)
    return (up - down) / (up + down)


def _tanh_slope(x: Array) -> Array:
    """1/cosh(x)², which no rounding of tanh(x) takes part in"""
    tail = np.exp(-np.abs(x))
    return np.square(2 * tail / (1 + tail * tail))


@wide(_tanh_slope)
def tanh_wide(x: Array) -> Array:
    """tanh x"""
    return np.tanh(x)


# tanh x = x + x³P(x²) for |x| < 0.625: Moshier 1992 and 2000, Cephes, tanhf.c (a polynomial, which
# serves 16 bits as well) and tanh.c (a quotient, for float64). Taken up to 0.55: beyond, the slope
# of the polynomial leaves that of tanh by up to 9 ulp.
_TANH_SINGLE = (
    *(-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3),
)
_TANH_ABOVE = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
_TANH_BELOW = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)


def _tanh_near(size: Array) -> Array:
    """tanh of 0 ≤ size ≤ 0.55"""
    square, share = size * size, np.empty_like(size)
    if size.dtype == np.float64:
        below = np.empty_like(size)
        horner(_TANH_ABOVE, square, share)
        horner(_TANH_BELOW, square, below)
        share /= below
    else:
        horner(_TANH_SINGLE, square, share)
    return size * (1 + square * share)


@with_slope(_tanh_slope)
def tanh_stable(x: Array) -> Array:
    """x + x³P(x²) if |x| < 0.55, else ±(1 − t²)/(1 + t²) with t = e^{−|x|}"""
    size = np.abs(x)
    tail = np.square(np.exp(-size))
    near, far = _tanh_near(at_most(0.55, size)), (1 - tail) / (1 + tail)
    return np.copysign(by_sign(size - 0.55, near, far), x)


@with_slope(lambda x, k=1.0: 1 / (1 + np.exp(-k * x)))
def softplus_textbook(x: Array, k: float = 1.0) -> Array:
    """ln(1 + e^{kx})/k"""
    return np.log(1 + np.exp(k * x)) / k


@wide(lambda x, k=1.0: _sigmoid(k * x))
def softplus_wide(x: Array, k: float = 1.0) -> Array:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    return at_least(0, x) + np.log1p(np.exp(-np.abs(k * x))) / k


@with_slope(lambda x, k=1.0: _sigmoid(k * x))
def softplus_stable(x: Array, k: float = 1.0) -> Array:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    return at_least(0, x) + np.log1p(np.exp(-np.abs(k * x))) / k


@with_slope(lambda x, k=1.0: np.exp(k * x - np.logaddexp(0, k * x)))
def softplus_logaddexp(x: Array, k: float = 1.0) -> Array:
    """ln(e⁰ + e^{kx})/k"""
    return np.logaddexp(0, k * x) / k


def _softplus_blocked_slope(x: Array, k: float = 1.0, *, out: Array) -> Array:
    """1/(1 + e^{−kx})"""
    np.multiply(x, -k, out=out)
    return np.divide(1, one_plus_exp(out), out=out)


@blocked(_softplus_blocked_slope)
def softplus_blocked(x: Array, k: float = 1.0, *, out: Array) -> Array:
    """max(kx, ln(1 + e^{min(kx, 40)}))/k, where from 40 on kx is the larger"""
    if k != 1:
        x = np.multiply(x, k, out=scratch(out, 1)[0])
    np.minimum(x, constant(40, x), out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    np.maximum(out, x, out=out)
    if k != 1:
        out /= k
    return out


@with_slope(lambda x: 1 / (1 + np.exp(x)))
def logsigmoid_textbook(x: Array) -> Array:
    """ln(1/(1 + e⁻ˣ))"""
    return np.log(1 / (1 + np.exp(-x)))


@wide(lambda x: _sigmoid(-x))
def logsigmoid_wide(x: Array) -> Array:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return at_most(0, x) - np.log1p(np.exp(-np.abs(x)))


@with_slope(lambda x: _sigmoid(-x))
def logsigmoid_stable(x: Array) -> Array:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return at_most(0, x) - np.log1p(np.exp(-np.abs(x)))


@blocked(lambda x, *, out: np.divide(1, one_plus_exp(np.positive(x, out=out)), out=out))
def logsigmoid_blocked(x: Array, *, out: Array) -> Array:
    """min(x, −ln(1 + e^{−max(x, −40)})), where up to −40 x is the smaller"""
    np.maximum(x, constant(-40, x), out=out)
    np.exp(np.negative(out, out=out), out=out)
    np.negative(np.log1p(out, out=out), out=out)
    return np.minimum(out, x, out=out)


def _softplus_approximation_textbook_slope(x: Array) -> Array:
    """(1 − (1 + u)e⁻ᵘ)/(1 − e⁻ᵘ)² with u = x/ln 2, ½ at 0"""
    tail = np.exp(-x / _LN2)
    slope = (1 - (1 + x / _LN2) * tail) / (1 - tail) ** 2
    return np.where(x == 0, x.dtype.type(0.5), slope)


@with_slope(_softplus_approximation_textbook_slope)
def softplus_approximation_textbook(x: Array) -> Array:
    """x/(1 − e^{−x/ln 2}), ln 2 at 0"""
    return np.where(x == 0, x.dtype.type(_LN2), x / (1 - np.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (
    1 / 6,
    -1 / 180,
    1 / 5040,
    -1 / 151200,
    1 / 4790016,
    -691 / 108972864000,
    1 / 5337446400,
    -3617 / 666913927680000,
)
_VALUE_NEAR_0 = tuple(slope / (2 * i + 2) for i, slope in enumerate(_NEAR_0))
_NEAR_0_OF = {"f": scalars("f", *_NEAR_0[:3]), "d": scalars("d", *_NEAR_0)}
_SERIES_AT_HALF = sum(coefficient * 0.5 ** (2 * i + 1) for i, coefficient in enumerate(_NEAR_0))


def _softplus_approximation_slope(x: Array) -> Array:
    """(1 − (1 + u)e⁻ᵘ)/(1 − e⁻ᵘ)² with u = x/ln 2; its series near 0"""
    u = _bounded(x) / _LN2
    size = np.abs(u)
    series = np.empty_like(u)
    horner(_NEAR_0, u * u, series)
    far = at_least(0.5, size)
    half, tail = _halves(far)
    rest = -np.expm1(-far)
    slope = by_sign(u, (far - rest) * half * half, rest - far * tail) / (rest * rest)
    return by_sign(size - 0.5, 0.5 + u * series, slope)


@wide(_softplus_approximation_slope)
def softplus_approximation_wide(x: Array) -> Array:
    """|x| e^{min(x, 0)/ln 2}/(1 − e^{−|x|/ln 2}), ln 2 at 0"""
    bounded = np.abs(at_least(-1000, x))
    size = at_least(1e-30, bounded)  # nearer to 0 it is ln 2 to the last bit
    tail = np.exp(-size / _LN2)
    rest = -np.expm1(-size / _LN2)
    return size * by_sign(x, tail, constant(1, x)) / rest


@with_slope(_softplus_approximation_slope)
def softplus_approximation_stable(x: Array) -> Array:
    """x/(1 − e^{−x/ln 2}), by its series near 0, by e^{−|x|/(2 ln 2)} twice for x < 0"""
    bounded, u = at_least(-1000, x), _bounded(x) / _LN2
    size = np.abs(u)
    small, series = np.copysign(at_most(0.5, size), u), np.empty_like(u)
    horner(_VALUE_NEAR_0[: None if x.dtype == np.float64 else 4], small * small, series)
    near = _LN2 * (1 + small * (0.5 + small * series))
    half, tail = _halves(at_least(0.5, size))
    far = by_sign(x, -bounded * half * half, bounded) / (1 - tail)
    return by_sign(size - 0.5, near, far)


def _softplus_approximation_blocked_slope(x: Array, *, out: Array) -> Array:
    """f′(−s) = (u − 1 + u/v)/v with u = s/ln 2, v = expm1(u), from u = ½ on; below, its series.

    One of the two is evaluated at ½, where they are equal, and taken off.
    """
    near, far, rest = scratch(out, 3)
    half = constant(0.5, out)
    np.abs(x, out=far)
    far *= 1 / _LN2
    np.minimum(far, half, out=near)
    np.maximum(far, half, out=far)
    np.expm1(far, out=rest)
    np.divide(far, rest, out=out)
    out += far
    out -= 1
    out /= rest
    np.multiply(near, near, out=far)
    horner(_NEAR_0_OF[out.dtype.char], far, rest)
    rest *= near
    out -= rest
    out += _SERIES_AT_HALF
    np.subtract(1, out, out=rest)
    return by_sign(x, out, rest)


@blocked(_softplus_approximation_blocked_slope)
def softplus_approximation_blocked(x: Array, *, out: Array) -> Array:
    """max(x, 0) + s/expm1(s/ln 2), s = |x|, away from 0/0 and ∞/∞"""
    (rest,) = scratch(out, 1)
    np.abs(x, out=out)
    np.maximum(out, constant(1e-30, out), out=out)
    np.minimum(out, constant(1000, out), out=out)
    np.multiply(out, 1 / _LN2, out=rest)
    out /= np.expm1(rest, out=rest)
    out += np.maximum(x, constant(0, out), out=rest)
    return out


def _halves(x: Array) -> tuple[Array, Array]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = np.exp(-0.5 * np.abs(x))
    return half, half * half


def _gated(x: Array, gate: Array) -> Array:
    """x · sigmoid(gate)"""
    half, tail = _halves(gate)
    return by_sign(gate, x * half * half, x) / (1 + tail)


def _gated_slope(x: Array, gate: Array, gate_slope: Any) -> Array:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return by_sign(gate, below, above) / ((1 + tail) * (1 + tail))


def _bounded(x: Array) -> Array:
    """min(max(x, −1000), 1000)"""
    return at_most(1000, at_least(-1000, x))


@with_slope(lambda x: sigmoid_textbook(x) * (1 + x * (1 - sigmoid_textbook(x))))
def silu_textbook(x: Array) -> Array:
    """x/(1 + e⁻ˣ)"""
    return x / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    """s(1 + x(1 − s)) with s = sigmoid(x)"""
    bounded = _bounded(x)
    return _gated_slope(bounded, bounded, 1)


@wide(_silu_slope)
def silu_wide(x: Array) -> Array:
    """x e^{min(x, 0)}/(1 + e^{−|x|})"""
    bounded = at_least(-1000, x)
    return _gated(bounded, bounded)


@with_slope(_silu_slope)
def silu_stable(x: Array) -> Array:
    """x e^{min(x, 0)}/(1 + e^{−|x|}), by e^{−|x|/2} twice"""
    bounded = at_least(-1000, x)
    return _gated(bounded, bounded)


def _gated_blocked_slope(x: Array, rise: Array, out: Array) -> Array:
    """s(1 + x·rise·(1 − s)), where `out` holds 1/s and `rise` the slope of the gate."""
    np.divide(1, out, out=out)
    (rest,) = scratch(out, 1)
    np.subtract(1, out, out=rest)
    rest *= x
    rest *= rise
    rest += 1
    out *= rest
    return out


def _silu_blocked_slope(x: Array, *, out: Array) -> Array:
    """s(1 + x(1 − s)) with s = 1/(1 + e⁻ˣ)"""
    np.negative(x, out=out)
    return _gated_blocked_slope(x, scalars(out.dtype.char, 1)[0], one_plus_exp(out))


@blocked(_silu_blocked_slope)
def silu_blocked(x: Array, *, out: Array) -> Array:
    """x/(1 + e⁻ˣ)"""
    np.negative(x, out=out)
    return np.divide(x, one_plus_exp(out), out=out)


def _gelu_textbook_slope(x: Array) -> Array:
    """½(1 + erf(x/√2)) + xφ(x)"""
    return 0.5 * (1 + erf(x * _ROOT_HALF)) + x * _DENSITY_AT_0 * np.exp(-0.5 * x * x)


@with_slope(_gelu_textbook_slope)
def gelu_textbook(x: Array) -> Array:
    """½x(1 + erf(x/√2))"""
    return 0.5 * x * (1 + erf(x * _ROOT_HALF))


def _gelu_slope(x: Array) -> Array:
    """Φ(x) + xφ(x), with Φ(x) = 1 − Φ(−x) above 0"""
    out, size, density, spare = scratch(x, 4)
    bounded_size(x, out=size)
    normal_tail(size, density, out, spare)
    density *= _DENSITY_AT_0
    out -= np.multiply(density, size, out=density)
    return by_sign(x, out, np.subtract(1, out, out=spare))


@wide(_gelu_slope)
def gelu_wide(x: Array) -> Array:
    """max(x, 0) − |x|Φ(−|x|)"""
    return _gelu(x, np.empty_like(x))


def _gelu(x: Array, out: Array) -> Array:
    """max(x, 0) − |x|Φ(−|x|)"""
    size, density, spare = scratch(out, 3)
    bounded_size(x, out=size)
    normal_tail(size, density, out, spare)
    out *= size
    return np.subtract(np.maximum(x, constant(0, x), out=spare), out, out=out)


@blocked(lambda x, *, out: _gelu_slope(x))
def gelu_stable(x: Array, *, out: Array) -> Array:
    """½x erfc(−x/√2)"""
    return _gelu(x, out)


@blocked(lambda x, *, out: _gelu_slope(x))
def gelu_blocked(x: Array, *, out: Array) -> Array:
    """max(x, 0) − |x|Φ(−|x|)"""
    return _gelu(x, out)


def _gelu_tanh_gate(x: Array) -> Array:
    """2√(2/π)(x + 0.044715x³)"""
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Array) -> Array:
    """2√(2/π)(1 + 0.134145x²)"""
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


def _gelu_tanh_textbook_slope(x: Array) -> Array:
    """½(1 + t) + ¼x(1 − t²) · gate′ with t = tanh(gate/2)"""
    t = np.tanh(_gelu_tanh_gate(x) / 2)
    return 0.5 * (1 + t) + 0.25 * x * (1 - t * t) * _gelu_tanh_gate_slope(x)


@with_slope(_gelu_tanh_textbook_slope)
def gelu_tanh_textbook(x: Array) -> Array:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return 0.5 * x * (1 + np.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Array) -> Array:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    bounded = _bounded(x)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@wide(_gelu_tanh_slope)
def gelu_tanh_wide(x: Array) -> Array:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = at_least(-1000, x)
    return _gated(bounded, _gelu_tanh_gate(bounded))


@with_slope(_gelu_tanh_slope)
def gelu_tanh_stable(x: Array) -> Array:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = at_least(-50, x)  # where it is 0
    return _gated(bounded, _gelu_tanh_gate(at_most(50, bounded)))


def _exp_of_gelu_tanh_gate(x: Array, out: Array) -> Array:
    """1 + exp(−2√(2/π)(x + 0.044715x³)): ½(1 + tanh(u)) is 1/(1 + exp(−2u))."""
    np.multiply(x, x, out=out)
    out *= -2 * _GELU_TANH * 0.044715
    out -= 2 * _GELU_TANH
    out *= x
    return one_plus_exp(out)


def _gelu_tanh_blocked_slope(x: Array, *, out: Array) -> Array:
    """s(1 + x · gate′ · (1 − s)) with s = 1/(1 + exp(−gate))"""
    _, rise = scratch(out, 2)
    np.multiply(x, x, out=rise)
    rise *= 2 * _GELU_TANH * 0.134145
    rise += 2 * _GELU_TANH
    return _gated_blocked_slope(x, rise, _exp_of_gelu_tanh_gate(x, out))


@blocked(_gelu_tanh_blocked_slope)
def gelu_tanh_blocked(x: Array, *, out: Array) -> Array:
    """x/(1 + exp(−2√(2/π)(x + 0.044715x³)))"""
    return np.divide(x, _exp_of_gelu_tanh_gate(x, out), out=out)


def _gelu_sigmoid_textbook_slope(x: Array) -> Array:
    """s(1 + 1.702x(1 − s)) with s = 1/(1 + e^{−1.702x})"""
    s = sigmoid_textbook(1.702 * x)
    return s * (1 + 1.702 * x * (1 - s))


@with_slope(_gelu_sigmoid_textbook_slope)
def gelu_sigmoid_textbook(x: Array) -> Array:
    """x/(1 + e^{−1.702x})"""
    return x / (1 + np.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Array) -> Array:
    """s(1 + 1.702x(1 − s)) with s = sigmoid(1.702x)"""
    bounded = _bounded(x)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@wide(_gelu_sigmoid_slope)
def gelu_sigmoid_wide(x: Array) -> Array:
    """x · sigmoid(1.702x)"""
    bounded = at_least(-1000, x)
    return _gated(bounded, 1.702 * bounded)


def _gelu_sigmoid_blocked_slope(x: Array, *, out: Array) -> Array:
    """s(1 + 1.702x(1 − s)) with s = 1/(1 + e^{−1.702x})"""
    np.multiply(x, -1.702, out=out)
    return _gated_blocked_slope(x, scalars(out.dtype.char, 1.702)[0], one_plus_exp(out))


@with_slope(_gelu_sigmoid_slope)
def gelu_sigmoid_stable(x: Array) -> Array:
    """x · sigmoid(1.702x)"""
    bounded = at_least(-1000, x)
    return _gated(bounded, 1.702 * bounded)


@blocked(_gelu_sigmoid_blocked_slope)
def gelu_sigmoid_blocked(x: Array, *, out: Array) -> Array:
    """x/(1 + e^{−1.702x})"""
    np.multiply(x, -1.702, out=out)
    return np.divide(x, one_plus_exp(out), out=out)


def _mish_textbook_slope(x: Array) -> Array:
    """t + x(1 − t²)/(1 + e⁻ˣ) with t = tanh(ln(1 + eˣ))"""
    t = np.tanh(np.log(1 + np.exp(x)))
    return t + x * (1 - t * t) * sigmoid_textbook(x)


@with_slope(_mish_textbook_slope)
def mish_textbook(x: Array) -> Array:
    """x · tanh(ln(1 + eˣ))"""
    return x * np.tanh(np.log(1 + np.exp(x)))


def _mish_slope(x: Array) -> Array:
    """n/(n + 2) + 4xt(t + 1)/(n + 2)² with n = t(t + 2), t = eˣ"""
    bounded = _bounded(x)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return by_sign(bounded, falling, rising)


def _mish(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ"""
    bounded = at_least(-1000, x)
    half, tail = _halves(bounded)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return by_sign(bounded, below, above)


@wide(_mish_slope)
def mish_wide(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t))"""
    return _mish(x)


@with_slope(_mish_slope)
def mish_stable(x: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t)), by e^{−|x|/2} twice"""
    return _mish(x)


def _mish_blocked_slope(x: Array, *, out: Array) -> Array:
    """t(((t + 4)t + 4x + 6)t + 4x + 4)/(t(t + 2) + 2)² with t = exp(x), which is 1 from 20 on."""
    bounded, power, fourfold = scratch(out, 3)
    np.minimum(x, constant(20, x), out=bounded)
    np.maximum(bounded, constant(-1000, x), out=bounded)
    np.exp(bounded, out=power)
    np.multiply(bounded, 4, out=fourfold)
    fourfold += 4
    np.add(power, 4, out=out)
    out *= power
    out += fourfold
    out += 2
    out *= power
    out += fourfold
    out *= power
    np.add(power, 2, out=bounded)
    bounded *= power
    bounded += 2
    bounded *= bounded
    out /= bounded
    return out


@blocked(_mish_blocked_slope)
def mish_blocked(x: Array, *, out: Array) -> Array:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ: tanh(ln(1 + t)), which is 1 from 20 on"""
    (spare,) = scratch(out, 1)
    np.minimum(x, constant(20, x), out=out)
    np.exp(out, out=out)
    out *= np.add(out, 2, out=spare)
    out /= np.add(out, 2, out=spare)
    out *= x
    return out


# --- algebraic ------------------------------------------------------------------------------------


@with_slope(lambda x, b=4.0: (1 + x / np.sqrt(x * x + b)) / 2)
def squareplus_textbook(x: Array, b: float = 4.0) -> Array:
    """(x + √(x² + b))/2"""
    return (x + np.sqrt(x * x + b)) / 2


def _root(x: Array, b: float) -> Array:
    """√(x² + b) where x² over- or underflows too: beyond 10¹⁵⁰ b is far below half an ulp."""
    size = np.abs(x)
    bounded = at_most(1e150, size)
    return np.maximum(size, np.sqrt(bounded * bounded + b))


def _half_sum(x: Array, b: float) -> tuple[Array, Array]:
    """(√(x² + b) + |x|)/2 and √(x² + b), neither of them 0."""
    root, least = _root(x, b), np.finfo(x.dtype).tiny
    half_sum = 0.5 * root + 0.5 * np.abs(x)
    return at_least(least, half_sum), at_least(least, root)


def _squareplus_slope(x: Array, b: float = 4.0) -> Array:
    """½(1 + x/√(x² + b))"""
    half_sum, root = _half_sum(x, b)
    tail = 0.25 * b / half_sum / root
    return by_sign(0 - x, 1 - tail, tail)


@wide(_squareplus_slope)
def squareplus_wide(x: Array, b: float = 4.0) -> Array:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    half_sum, _ = _half_sum(x, b)
    return at_least(0, x) + 0.25 * b / half_sum


def _hypotenuse(size: Array, b: float) -> Array:
    """√(size² + b) without a square that overflows, for b > 0"""
    least = math.sqrt(b)
    longer = at_least(least, size)
    share = at_most(least, size) / longer
    return longer * np.sqrt(1 + share * share)


def _squareplus_stable_slope(x: Array, b: float = 4.0) -> Array:
    """½(1 + x/√(x² + b)), which is [x > 0] for b = 0"""
    if b == 0:
        return indicate(x > 0, np.empty_like(x))
    size = np.abs(x)
    root = _hypotenuse(size, b)
    tail = 0.25 * b / root / (0.5 * root + 0.5 * size)
    return by_sign(0 - x, 1 - tail, tail)


@with_slope(_squareplus_stable_slope)
def squareplus_stable(x: Array, b: float = 4.0) -> Array:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    if b == 0:
        return at_least(0, x)
    size = np.abs(x)
    return at_least(0, x) + 0.5 * b / (_hypotenuse(size, b) + size)


def _squareplus_blocked_slope(x: Array, b: float = 4.0, *, out: Array) -> Array:
    """½(1 + x/√(x² + b))"""
    np.multiply(x, x, out=out)
    out += b
    np.sqrt(out, out=out)
    np.divide(x, out, out=out)
    out += 1
    out *= 0.5
    return out


@blocked(_squareplus_blocked_slope)
def squareplus_blocked(x: Array, b: float = 4.0, *, out: Array) -> Array:
    """(x + √(x² + b))/2"""
    np.multiply(x, x, out=out)
    out += b
    np.sqrt(out, out=out)
    out += x
    out *= 0.5
    return out


@with_slope(lambda x: 1 / (1 + np.abs(x)) ** 2)
def softsign_textbook(x: Array) -> Array:
    """x/(1 + |x|)"""
    return x / (1 + np.abs(x))


@wide(lambda x: np.square(1 / (1 + np.abs(x))))
def softsign_wide(x: Array) -> Array:
    """x/(1 + |x|)"""
    bounded = np.clip(x, -1e30, 1e30)
    return bounded / (1 + np.abs(bounded))


@with_slope(lambda x: np.square(1 / (1 + np.abs(x))))
def softsign_stable(x: Array) -> Array:
    """x/(1 + |x|) if |x| < 1, else ±(1 − 1/(1 + |x|))"""
    size = np.abs(x)
    far = 1 - 1 / (1 + size)
    return np.copysign(by_sign(size - 1, size / (1 + size), far), x)


def _softsign_blocked_slope(x: Array, *, out: Array) -> Array:
    """1/(1 + |x|)²"""
    np.abs(x, out=out)
    out += 1
    np.divide(1, out, out=out)
    return np.multiply(out, out, out=out)


@blocked(_softsign_blocked_slope)
def softsign_blocked(x: Array, *, out: Array) -> Array:
    """x/(1 + |x|)"""
    np.abs(x, out=out)
    out += 1
    return np.divide(x, out, out=out)


def _isru_textbook_slope(x: Array, alpha: float = 1.0) -> Array:
    """1/√(1 + αx²)³"""
    return 1 / np.sqrt(1 + alpha * x * x) ** 3


@with_slope(_isru_textbook_slope)
def isru_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x/√(1 + αx²)"""
    return x / np.sqrt(1 + alpha * x * x)


def _isru(x: Array, alpha: float) -> Array:
    """x/√(1 + αx²), ±1/√α far from 0"""
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = np.clip(x, -far, far)
    return bounded / np.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Array, alpha: float = 1.0) -> Array:
    """1/√(1 + αx²)³"""
    inverse = 1 / np.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@wide(_isru_slope)
def isru_wide(x: Array, alpha: float = 1.0) -> Array:
    """x/√(1 + αx²)"""
    return _isru(x, alpha)


@with_slope(_isru_slope)
def isru_stable(x: Array, alpha: float = 1.0) -> Array:
    """x/√(x² + 1/α)/√α"""
    far = np.finfo(x.dtype).max
    bounded = np.clip(x, -far, far)
    return bounded / _hypotenuse(np.abs(bounded), 1 / alpha) / math.sqrt(alpha)


def _isru_root(x: Array, alpha: float, out: Array) -> Array:
    """√(1 + αx²), where x may be `out`."""
    np.multiply(x, x, out=out)
    if alpha != 1:
        out *= alpha
    out += 1
    return np.sqrt(out, out=out)


def _inverse_cube(root: Array) -> Array:
    """Replace the root by its inverse cube, in place."""
    (square,) = scratch(root, 1)
    np.divide(1, root, out=root)
    np.multiply(root, root, out=square)
    return np.multiply(root, square, out=root)


@blocked(lambda x, alpha=1.0, *, out: _inverse_cube(_isru_root(x, alpha, out)))
def isru_blocked(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """x/√(1 + αx²)"""
    return np.divide(x, _isru_root(x, alpha, out), out=out)


@with_slope(lambda x, alpha=1.0: np.where(x >= 0, x.dtype.type(1), _isru_textbook_slope(x, alpha)))
def isrlu_textbook(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return np.where(x >= 0, x, x / np.sqrt(1 + alpha * x * x))


@wide(lambda x, alpha=1.0: np.where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_wide(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return np.where(x >= 0, x, _isru(x, alpha))


@with_slope(lambda x, alpha=1.0: np.where(x >= 0, x.dtype.type(1), _isru_slope(x, alpha)))
def isrlu_stable(x: Array, alpha: float = 1.0) -> Array:
    """x if x ≥ 0, else x/√(x² + 1/α)/√α"""
    return np.where(x >= 0, x, isru_stable(x, alpha))


def _isrlu_root(x: Array, alpha: float, out: Array) -> Array:
    """√(1 + α min(x, 0)²), which is 1 from 0 on."""
    return _isru_root(np.minimum(x, constant(0, x), out=out), alpha, out)


@blocked(lambda x, alpha=1.0, *, out: _inverse_cube(_isrlu_root(x, alpha, out)))
def isrlu_blocked(x: Array, alpha: float = 1.0, *, out: Array) -> Array:
    """x/√(1 + α min(x, 0)²)"""
    return np.divide(x, _isrlu_root(x, alpha, out), out=out)


# --- over rows ------------------------------------------------------------------------------------


def _leading(x: Array, count: int, axis: int) -> Array:
    """The first numbers of each row, where rows lie on the last axis (−1) or on a counted one."""
    first = slice(count)
    return x[..., first] if axis == -1 else x[(*(slice(None) for _ in range(axis)), first)]


def _with_zero(x: Array, with_zero: bool, axis: int = -1) -> Array:
    if not with_zero:
        return x
    return np.concatenate([x, np.zeros_like(_leading(x, 1, axis))], axis=axis)


def _textbook_exp(x: Array, with_zero: bool, axis: int = -1) -> Array:
    return np.exp(_with_zero(x, with_zero, axis))


def _logsumexp_textbook_gradient(upstream: Array, x: Array, with_zero: bool = False) -> Array:
    total = _textbook_exp(x, with_zero).sum(axis=-1, keepdims=True)
    return upstream * (np.exp(x) / total)


@with_gradient(_logsumexp_textbook_gradient)
def logsumexp_textbook(x: Array, with_zero: bool = False) -> Array:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return np.log(_textbook_exp(x, with_zero).sum(axis=-1, keepdims=True))


def _shifted_exp(x: Array, with_zero: bool, axis: int = -1) -> tuple[Array, Array, Array]:
    """exp(x − top), their sum less one, and the top of each row; an infinite top counts as exp(0).

    The sum is without one of the largest, so that nothing of the others is lost beside it.
    """
    terms = _with_zero(x, with_zero, axis)
    top = terms.max(axis=axis, keepdims=True)
    largest = terms == top
    powers = np.exp(np.where(largest, 0, terms - top))
    others = np.where(largest, 0, powers).sum(axis=axis, keepdims=True)
    count = largest.sum(axis=axis, keepdims=True, dtype=x.dtype)
    return powers, others + (count - 1), top


def _softmax(x: Array, with_zero: bool, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ"""
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    return _leading(powers, x.shape[axis], axis) / (1 + rest)


@wide_gradient(lambda upstream, x, with_zero=False: upstream * _softmax(x, with_zero))
def logsumexp_wide(x: Array, with_zero: bool = False) -> Array:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    _, rest, top = _shifted_exp(x, with_zero)
    return top + np.log1p(rest)


@with_gradient(lambda upstream, x, with_zero=False: upstream * _softmax(x, with_zero))
def logsumexp_stable(x: Array, with_zero: bool = False) -> Array:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    _, rest, top = _shifted_exp(x, with_zero)
    return top + np.log1p(rest)


def _blocked_powers(x: Array, with_zero: bool, out: Array) -> tuple[Array, Array | float]:
    """exp(x − shift) of rows in `out`; their sums and shifts, shape (rows, 1).

    Rows are shifted by their largest value only where a sum of the block overflows or is so small
    that terms of it may have vanished. np.vecdot adds a row with vectors, np.sum in pairs: 0.06
    against 0.18 ns per element.
    """
    np.exp(x, out=out)
    ones = np.ones(x.shape[-1], x.dtype)
    total = np.vecdot(out, ones)[:, None]
    if not x.size or (total.max() < math.inf and total.min() > 1e-6):
        return (total + 1 if with_zero else total), 0.0
    top = x.max(axis=-1, keepdims=True)
    top = at_least(0, top) if with_zero else top
    shift = np.where(np.isfinite(top), top, 0)
    np.exp(np.subtract(x, shift, out=out), out=out)
    total = np.vecdot(out, ones)[:, None]
    return (total + np.exp(-shift) if with_zero else total), shift


def _logsumexp_blocked_gradient(upstream: Array, x: Array, with_zero: bool = False) -> Array:
    def run(pull: Array, block: Array, out: Array) -> Array:
        total, _ = _blocked_powers(block, with_zero, out)
        return np.multiply(out, pull / total, out=out)

    return by_rows(run, (upstream, x), x.shape[-1])


@with_gradient(_logsumexp_blocked_gradient)
def logsumexp_blocked(x: Array, with_zero: bool = False, *, out: Array | None = None) -> Array:
    """m + ln Σ exp(xᵢ − m) with m = max xᵢ, or m = 0 where no sum overflows or vanishes"""

    def run(block: Array, out: Array) -> Array:
        total, shift = _blocked_powers(block, with_zero, scratch(block, 1)[0])
        return np.add(np.log(total), shift, out=out)

    return by_rows(run, (x,), 1, out)


def _softmax_textbook_gradient(
    upstream: Array, x: Array, with_zero: bool = False, axis: int = -1
) -> Array:
    """y(g − Σ y·g)"""
    shares = softmax_textbook(x, with_zero, axis)
    return shares * (upstream - (upstream * shares).sum(axis=axis, keepdims=True))


@with_gradient(_softmax_textbook_gradient)
def softmax_textbook(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    return np.exp(x) / _textbook_exp(x, with_zero, axis).sum(axis=axis, keepdims=True)


def _softmax_gradient(upstream: Array, x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    shares = powers / (1 + rest)
    pull, largest = _with_zero(upstream, with_zero, axis), powers == 1
    centre = np.where(largest, pull, 0).sum(axis=axis, keepdims=True)
    apart = pull - centre / largest.sum(axis=axis, keepdims=True, dtype=x.dtype)
    gradient = shares * (apart - (shares * apart).sum(axis=axis, keepdims=True))
    return _leading(gradient, x.shape[axis], axis)


@wide_gradient(_softmax_gradient)
def softmax_wide(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    return _softmax(x, with_zero, axis)


@with_gradient(_softmax_gradient)
def softmax_stable(x: Array, with_zero: bool = False, axis: int = -1) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    return _softmax(x, with_zero, axis)


def _turned(x: Array, axis: int) -> Array:
    """An array with an axis and its last one exchanged, in memory as well."""
    return np.ascontiguousarray(np.swapaxes(x, axis, -1))


def _softmax_blocked_gradient(
    upstream: Array, x: Array, with_zero: bool = False, axis: int = -1
) -> Array:
    if axis != -1:
        pull, turned = _turned(upstream, axis), _turned(x, axis)
        return _turned(_softmax_blocked_gradient(pull, turned, with_zero), axis)

    def run(pull: Array, block: Array, out: Array) -> Array:
        (apart,) = scratch(out, 1)
        total, _ = _blocked_powers(block, with_zero, out)
        np.divide(out, total, out=out)
        np.subtract(pull, np.vecdot(pull, out)[:, None], out=apart)
        return np.multiply(out, apart, out=out)

    return by_rows(run, (upstream, x), x.shape[-1])


@with_gradient(_softmax_blocked_gradient)
def softmax_blocked(
    x: Array, with_zero: bool = False, axis: int = -1, *, out: Array | None = None
) -> Array:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, or m = 0 where no sum overflows or vanishes"""
    if axis != -1:
        result = np.swapaxes(softmax_blocked(_turned(x, axis), with_zero), axis, -1)
        target = np.empty_like(x, order="C") if out is None else out
        np.copyto(target, result)
        return target

    def run(block: Array, out: Array) -> Array:
        total, _ = _blocked_powers(block, with_zero, out)
        return np.divide(out, total, out=out)

    return by_rows(run, (x,), x.shape[-1], out)


def _log_softmax_textbook_gradient(upstream: Array, x: Array) -> Array:
    powers = np.exp(x)
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return upstream - shares * upstream.sum(axis=-1, keepdims=True)


@with_gradient(_log_softmax_textbook_gradient)
def log_softmax_textbook(x: Array) -> Array:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _log_softmax_gradient(upstream: Array, x: Array) -> Array:
    """g(1 − y) − y Σ g of the others, where of the largest 1 − y is the share of the others"""
    powers, rest, _ = _shifted_exp(x, with_zero=False)
    beside = np.where(powers == 1, rest, 1 + rest - powers)
    others = upstream.sum(axis=-1, keepdims=True) - upstream
    return (upstream * beside - powers * others) / (1 + rest)


@wide_gradient(_log_softmax_gradient)
def log_softmax_wide(x: Array) -> Array:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    _, rest, top = _shifted_exp(x, with_zero=False)
    return np.where(x == top, 0, x - top) - np.log1p(rest)


@with_gradient(_log_softmax_gradient)
def log_softmax_stable(x: Array) -> Array:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    _, rest, top = _shifted_exp(x, with_zero=False)
    return np.where(x == top, 0, x - top) - np.log1p(rest)


def _log_softmax_blocked_gradient(upstream: Array, x: Array) -> Array:
    def run(pull: Array, block: Array, out: Array) -> Array:
        total, _ = _blocked_powers(block, False, out)
        out *= pull.sum(axis=-1, keepdims=True) / total
        return np.subtract(pull, out, out=out)

    return by_rows(run, (upstream, x), x.shape[-1])


@with_gradient(_log_softmax_blocked_gradient)
def log_softmax_blocked(x: Array, *, out: Array | None = None) -> Array:
    """xᵢ − m − ln Σ exp(xⱼ − m) with m = max xⱼ, or m = 0 where no sum overflows or vanishes"""

    def run(block: Array, out: Array) -> Array:
        total, shift = _blocked_powers(block, False, scratch(block, 1)[0])
        np.subtract(block, shift, out=out)
        return np.subtract(out, np.log(total), out=out)

    return by_rows(run, (x,), x.shape[-1], out)


# --- gates ----------------------------------------------------------------------------------------


def _split(x: Array) -> tuple[Array, Array]:
    """The halves of each row."""
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def _pull_gated(upstream: Array, a: Array, gate: Array, slope: Array) -> Array:
    """The gradient of a · gate along both halves."""
    return np.concatenate([upstream * gate, upstream * a * slope], axis=-1)


def _glu_textbook_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    share = 1 / (1 + np.exp(-b))
    return _pull_gated(upstream, a, share, share * (1 - share))


@with_gradient(_glu_textbook_gradient)
def glu_textbook(x: Array) -> Array:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a / (1 + np.exp(-b))


def _glu_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    half, tail = _halves(b)
    along_b = (upstream * half) * (a * half) / ((1 + tail) * (1 + tail))
    return np.concatenate([_gated(upstream, b), along_b], axis=-1)


@wide_gradient(_glu_gradient)
def glu_wide(x: Array) -> Array:
    """a · sigmoid(b) of the halves a, b of each row"""
    return _gated(*_split(x))


@with_gradient(_glu_gradient)
def glu_stable(x: Array) -> Array:
    """a · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    return _gated(*_split(x))


def _swiglu_textbook_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    share = 1 / (1 + np.exp(-b))
    return _pull_gated(upstream, a, b * share, share * (1 + b * (1 - share)))


@with_gradient(_swiglu_textbook_gradient)
def swiglu_textbook(x: Array) -> Array:
    """ab/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a * b / (1 + np.exp(-b))


def _swiglu(a: Array, b: Array) -> Array:
    """a · b · sigmoid(b)"""
    b = at_least(-2000, b)  # where eᵇ times any number is 0
    half, tail = _halves(b)
    share = np.where(b < 0, half, 1)
    return (a * share) * (b * share / (1 + tail))


def _swiglu_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    bounded = _bounded(b)
    half, tail = _halves(bounded)
    pull, rise = upstream * a, 1 + tail + bounded
    share = np.where(b < 0, half, 1)
    along_b = np.where(b < 0, rise, 1 + tail + bounded * tail) * share / ((1 + tail) * (1 + tail))
    along_b *= pull * share
    return np.concatenate([_swiglu(upstream, b), along_b], axis=-1)


@wide_gradient(_swiglu_gradient)
def swiglu_wide(x: Array) -> Array:
    """a · b · sigmoid(b) of the halves a, b of each row"""
    return _swiglu(*_split(x))


@with_gradient(_swiglu_gradient)
def swiglu_stable(x: Array) -> Array:
    """a · b · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    return _swiglu(*_split(x))


def _geglu_textbook_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    gate = 0.5 * b * (1 + erf(b * _ROOT_HALF))
    return _pull_gated(upstream, a, gate, _gelu_textbook_slope(b))


@with_gradient(_geglu_textbook_gradient)
def geglu_textbook(x: Array) -> Array:
    """a · ½b(1 + erf(b/√2)) of the halves a, b of each row"""
    a, b = _split(x)
    return a * (0.5 * b * (1 + erf(b * _ROOT_HALF)))


def _geglu_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    return _pull_gated(upstream, a, _gelu(b, np.empty_like(b)), _gelu_slope(b))


@wide_gradient(_geglu_gradient)
def geglu_wide(x: Array) -> Array:
    """a(max(b, 0) − |b|Φ(−|b|)) of the halves a, b of each row"""
    a, b = _split(x)
    return a * _gelu(b, np.empty_like(b))


def _geglu_stable_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    along_b = _gradient(gelu_stable, upstream * a, (b,))
    return np.concatenate([upstream * gelu_stable(b), along_b], axis=-1)


@with_gradient(_geglu_stable_gradient)
def geglu_stable(x: Array) -> Array:
    """a · ½b erfc(−b/√2) of the halves a, b of each row"""
    a, b = _split(x)
    return a * gelu_stable(b)


def _reglu_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    return _pull_gated(upstream, a, np.maximum(b, 0), (b > 0).astype(b.dtype))


@with_gradient(_reglu_gradient)
def reglu_textbook(x: Array) -> Array:
    """a · max(b, 0) of the halves a, b of each row"""
    a, b = _split(x)
    return a * np.maximum(b, 0)


def _reglu_wide_gradient(upstream: Array, x: Array) -> Array:
    a, b = _split(x)
    gate, slope = _hinge(b, 0, 0, upstream * b), _hinge(b, 0, 0, upstream * a)
    return np.concatenate([gate, slope], axis=-1)


@wide_gradient(_reglu_wide_gradient)
def reglu_wide(x: Array) -> Array:
    """ab where b > 0, else 0, of the halves a, b of each row"""
    a, b = _split(x)
    return _hinge(b, 0, 0, a * b)


# --- primitives -----------------------------------------------------------------------------------


@with_gradient(lambda upstream, x: upstream.copy())
def copy_native(x: Array) -> Array:
    """x"""
    return x.copy()


@with_gradient(lambda upstream, x: upstream.copy())
def add_native(x: Array) -> Array:
    """x + ½"""
    return x + 0.5


@with_slope(lambda x: 1.5)
def multiply_native(x: Array) -> Array:
    """1.5x"""
    return 1.5 * x


@with_slope(lambda x: -1 / (x * x))
def divide_native(x: Array) -> Array:
    """1/x"""
    return 1 / x


@with_slope(lambda x: (x > 0.5).astype(x.dtype))
def maximum_native(x: Array) -> Array:
    """max(x, ½)"""
    return np.maximum(x, 0.5)


@with_slope(np.sign)
def absolute_native(x: Array) -> Array:
    """|x|"""
    return np.abs(x)


@with_slope(lambda x: 0.5 / np.sqrt(x))
def sqrt_native(x: Array) -> Array:
    """√x"""
    return np.sqrt(x)


@with_slope(np.exp)
def exp_native(x: Array) -> Array:
    """eˣ"""
    return np.exp(x)


@with_slope(np.exp)
def expm1_native(x: Array) -> Array:
    """eˣ − 1"""
    return np.expm1(x)


@with_slope(lambda x: 1 / (1 + x))
def log1p_native(x: Array) -> Array:
    """ln(1 + x)"""
    return np.log1p(x)


@with_slope(lambda x: _ERF_SLOPE_AT_0 * np.exp(-x * x))
def erf_textbook(x: Array) -> Array:
    """2/√π ∫ e^{−t²} dt from 0 to x"""
    return erf(x)


# --- the adapter ----------------------------------------------------------------------------------


class Adapter(Contract):
    """NumPy on the CPU: everything is done when a call returns."""

    def __init__(self, device: str, threads: int) -> None:
        if device != "cpu":
            raise Unsupported(f"NumPy has no {device} device")
        np.seterr(all="ignore")

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def put(self, bits: Bits, dtype: str) -> Array:
        if not hasattr(np, dtype):
            raise Unsupported(f"NumPy has no {dtype}")
        return bits.view(dtype).copy()

    def get(self, tensor: Array) -> Bits:
        return np.ascontiguousarray(tensor).view(f"uint{8 * tensor.dtype.itemsize}")

    def step(
        self,
        function: Form,
        arrays: Sequence[Array],
        upstream: Callable[[Array], Array],
        mode: str,
        direction: str,
        slot: list[Array] | None = None,
    ) -> Step:
        if mode != "eager":
            raise Unsupported(f"NumPy has no {mode} mode")
        if slot:
            if "out" not in inspect.signature(function).parameters:
                raise Unsupported("this form has no out=: every pass returns a new array")
            return lambda: function(*arrays, out=slot[0])
        if direction == "forward":
            return lambda: function(*arrays)
        pull = upstream(function(*arrays))
        if direction == "backward":
            return lambda: as_tuple(_gradient(function, pull, arrays))
        return lambda: (function(*arrays), *as_tuple(_gradient(function, pull, arrays)))

    def wait(self, result: Any) -> None:
        return None

    def is_ready(self, result: Any) -> None:
        return None  # a thread may still write to it

    def trace(self, function: Form, arrays: Sequence[Array]) -> None:
        return None  # NumPy is on the host

    def guard(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def synchronize(self) -> None:
        return None

    def device_elapsed(self, step: Step, loops: int) -> int:
        raise Unsupported("NumPy has no device")

    def address(self, tensor: Array) -> int:
        # A scalar has no memory that could be seen: a look at it is a copy.
        return int(np.asarray(tensor).ctypes.data) if tensor.ndim else id(tensor)

    def compilations(self) -> int:
        return 0

    def from_cache(self) -> int:
        return 0


def _gradient(function: Any, pull: Array, arrays: Sequence[Array]) -> Any:
    """Call the gradient that a form carries; `function` may be a partial with its parameters."""
    form = getattr(function, "func", function)
    return form.gradient(pull, *arrays, **getattr(function, "keywords", {}))
