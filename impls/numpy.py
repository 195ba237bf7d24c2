"""NumPy: it has no autodiff, so every form carries its analytic derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._adapter import Step, Unsupported

TITLE = "NumPy"
MODES = ("eager",)
ENVIRONMENT: dict[str, str] = {}

Array = Any

_LN2 = math.log(2)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_ERF_SLOPE_AT_0 = 2 / math.sqrt(math.pi)
_GELU_TANH = math.sqrt(2 / math.pi)
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717
_WIDER = {"float16": np.float32, "float32": np.float64}


# --- how a form gets its derivative ---------------------------------------------------------------


def _differentiable(gradient: Callable[..., Any]) -> Callable[..., Any]:
    """Attach `gradient(upstream, x, *learnable, **parameters)` to a form."""

    def decorate(form: Callable[..., Array]) -> Callable[..., Array]:
        form.gradient = gradient  # type: ignore[attr-defined]
        return form

    return decorate


def _slope(derivative: Callable[..., Array]) -> Callable[..., Any]:
    """Attach the derivative of an elementwise form."""
    return _differentiable(lambda upstream, x, **parameters: upstream * derivative(x, **parameters))


def _stable(derivative: Callable[..., Array]) -> Callable[..., Any]:
    """Compute an elementwise form and its derivative in a wider format and round once."""
    return _stable_gradient(lambda upstream, x, **p: upstream * derivative(x, **p))


def _stable_gradient(gradient: Callable[..., Array]) -> Callable[..., Any]:
    """The same for a form whose gradient needs the whole upstream row."""

    def decorate(form: Callable[..., Array]) -> Callable[..., Array]:
        def rounded(x: Array, **parameters: Any) -> Array:
            return form(_wide(x), **parameters).astype(x.dtype)

        def rounded_gradient(upstream: Array, x: Array, **parameters: Any) -> Array:
            wide = gradient(_wide(upstream), _wide(x), **parameters)
            return wide.astype(x.dtype)

        return _differentiable(rounded_gradient)(rounded)

    return decorate


def _wide(x: Array) -> Array:
    return x.astype(_WIDER.get(x.dtype.name, x.dtype), copy=False)


# --- parts that several forms share ---------------------------------------------------------------

# erfc(z) = exp(−z²) t P(2t − 1) with t = 4/(4 + z), for z ≥ 0. The coefficients of P are the
# Chebyshev interpolant of degree 23 of exp(z²) erfc(z)/t, computed with Arb; the relative error of
# t·P in float64 is below 1e-15 on [0, 27], beyond which erfc is 0 (tests/impls/test_numpy.py).
_ERFCX = (
    0.27399891525012277,
    0.2441371822702205,
    0.19330217556630766,
    0.13521345782830863,
    0.08271289696957897,
    0.043502734309983034,
    0.019095378725927703,
    0.006592513335175785,
    0.001528013927096598,
    7.023971478125185e-05,
    -0.00011376324291423201,
    -4.420319195327721e-05,
    -9.085509537367428e-07,
    4.715163793597607e-06,
    1.1730959784386598e-06,
    -3.5588594522222084e-07,
    -2.1091290301404483e-07,
    1.8600335198289197e-08,
    3.063220517661313e-08,
    6.907073184863086e-11,
    -3.81882222497662e-09,
    -1.7637206400962878e-10,
    3.018454148516381e-10,
    1.9132295878422322e-11,
)


def _erfc(z: Array) -> Array:
    size = np.minimum(np.abs(z), 30)
    t = 4 / (4 + size)
    y = 2 * t - 1
    total = np.full_like(y, _ERFCX[-1])
    for coefficient in _ERFCX[-2::-1]:
        total *= y
        total += coefficient
    tail = np.exp(-size * size) * t * total
    return np.where(z < 0, 2 - tail, tail)


def _erf(z: Array) -> Array:
    return np.copysign(1 - _erfc(np.abs(z)), z)


def _sigmoid(x: Array) -> Array:
    tail = np.exp(-np.abs(x))
    return np.where(x < 0, tail, 1) / (1 + tail)


def _sigmoid_slope(x: Array) -> Array:
    tail = np.exp(-np.abs(x))
    return tail / (1 + tail) ** 2


def _halves(x: Array) -> tuple[Array, Array]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = np.exp(-0.5 * np.abs(x))
    return half, half * half


def _gated(x: Array, gate: Array) -> Array:
    half, tail = _halves(gate)
    return np.where(gate < 0, x * half * half, x) / (1 + tail)


def _gated_slope(x: Array, gate: Array, gate_slope: Any) -> Array:
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return np.where(gate < 0, below, above) / ((1 + tail) * (1 + tail))


def _gelu_tanh_gate(x: Array) -> Array:
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Array) -> Array:
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


def _zero(row: Array) -> Array:
    return np.zeros_like(row[..., :1])


def _with_zero(row: Array, with_zero: bool) -> Array:
    return np.concatenate([row, _zero(row)], axis=-1) if with_zero else row


def _rectify(x: Array, alpha: Array) -> Array:
    return np.where(x > 0, x, alpha * x)


# --- max ------------------------------------------------------------------------------------------


@_slope(lambda x: (x > 0).astype(x.dtype))
def relu_max(x: Array) -> Array:
    return np.maximum(x, 0)


@_slope(lambda x: (1 + np.sign(x)) / 2)
def relu_abs(x: Array) -> Array:
    return (x + np.abs(x)) / 2


@_slope(lambda x: np.where(x > 0, x.dtype.type(1), 0))
def relu_where(x: Array) -> Array:
    return np.where(x > 0, x, 0)


@_slope(lambda x, alpha=0.01: np.where(x > 0, x.dtype.type(1), alpha))
def leaky_relu_where(x: Array, alpha: float = 0.01) -> Array:
    return _rectify(x, alpha)


@_slope(lambda x, alpha=0.01: np.where(x > alpha * x, x.dtype.type(1), alpha))
def leaky_relu_max(x: Array, alpha: float = 0.01) -> Array:
    return np.maximum(x, alpha * x)


def _prelu_gradient(upstream: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    positive = x > 0
    along_alpha = np.where(positive, 0, upstream * x)
    axes = tuple(range(x.ndim - alpha.ndim))
    return upstream * np.where(positive, 1, alpha), along_alpha.sum(axis=axes).astype(alpha.dtype)


@_differentiable(_prelu_gradient)
def prelu_where(x: Array, alpha: Array) -> Array:
    return _rectify(x, alpha)


def _crelu_gradient(upstream: Array, x: Array) -> Array:
    up, down = np.split(upstream, 2, axis=-1)
    return np.where(x > 0, up, 0) - np.where(x < 0, down, 0)


@_differentiable(_crelu_gradient)
def crelu_textbook(x: Array) -> Array:
    return np.maximum(np.concatenate([x, -x], axis=-1), 0)


def _maxout_gradient(upstream: Array, x: Array, k: int = 2) -> Array:
    groups = x.reshape(*x.shape[:-1], k, -1)
    first = np.expand_dims(groups.argmax(axis=-2), -2)
    chosen = np.arange(k)[:, None] == first
    return np.where(chosen, upstream[..., None, :], 0).reshape(x.shape)


@_differentiable(_maxout_gradient)
def maxout_textbook(x: Array, k: int = 2) -> Array:
    return x.reshape(*x.shape[:-1], k, -1).max(axis=-2)


@_slope(lambda x, alpha=1.0: (x > -alpha).astype(x.dtype))
def shifted_relu_max(x: Array, alpha: float = 1.0) -> Array:
    return np.maximum(x, -alpha)


@_slope(lambda x: ((x > 0) & (x < 6)).astype(x.dtype))
def relu6_max(x: Array) -> Array:
    return np.minimum(np.maximum(x, 0), 6)


@_slope(lambda x: 2 * np.maximum(x, 0))
def squared_relu_max(x: Array) -> Array:
    return np.square(np.maximum(x, 0))


@_slope(lambda x: np.where(np.abs(x) < 3, x.dtype.type(1 / 6), 0))
def hard_sigmoid_textbook(x: Array) -> Array:
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


def _hard_sigmoid_slope(x: Array) -> Array:
    outside = np.where(np.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return np.where(np.abs(x) < 3, 1 / 6, outside)


@_stable(_hard_sigmoid_slope)
def hard_sigmoid_stable(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


def _hard_swish_slope(x: Array) -> Array:
    inside = (2 * np.clip(x, -3, 3) + 3) / 6
    return np.where(x > 3, 1, np.where(x < -3, 0, inside))


@_slope(_hard_swish_slope)
def hard_swish_textbook(x: Array) -> Array:
    return x * np.minimum(np.maximum(x + 3, 0), 6) / 6


@_stable(_hard_swish_slope)
def hard_swish_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    return bounded * (np.clip(bounded + 3, 0, 6) / 6)


# --- exp ------------------------------------------------------------------------------------------


@_slope(lambda x, alpha=1.0: np.where(x > 0, x.dtype.type(1), alpha * np.exp(x)))
def elu_textbook(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


@_stable(lambda x, alpha=1.0: np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0))))
def elu_stable(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@_slope(lambda x: _SELU_SCALE * np.where(x > 0, x.dtype.type(1), _SELU_ALPHA * np.exp(x)))
def selu_textbook(x: Array) -> Array:
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * (np.exp(x) - 1))


def _selu_slope(x: Array) -> Array:
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = np.exp(0.5 * np.minimum(x, 0))
    return np.where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@_stable(_selu_slope)
def selu_stable(x: Array) -> Array:
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))


@_slope(lambda x, alpha=1.0: np.where(x > 0, x.dtype.type(1), np.exp(x / alpha)))
def celu_textbook(x: Array, alpha: float = 1.0) -> Array:
    return np.maximum(x, 0) + np.minimum(alpha * (np.exp(x / alpha) - 1), 0)


@_stable(lambda x, alpha=1.0: np.where(x > 0, 1, np.exp(np.minimum(x, 0) / alpha)))
def celu_stable(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@_slope(lambda x: sigmoid_textbook(x) * (1 - sigmoid_textbook(x)))
def sigmoid_textbook(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@_stable(_sigmoid_slope)
def sigmoid_stable(x: Array) -> Array:
    return _sigmoid(x)


@_slope(lambda x: 1 - np.tanh(x) ** 2)
def tanh_native(x: Array) -> Array:
    return np.tanh(x)


@_slope(lambda x: 1 - tanh_textbook(x) ** 2)
def tanh_textbook(x: Array) -> Array:
    up, down = np.exp(x), np.exp(-x)
    return (up - down) / (up + down)


@_slope(lambda x, k=1.0: 1 / (1 + np.exp(-k * x)))
def softplus_textbook(x: Array, k: float = 1.0) -> Array:
    return np.log(1 + np.exp(k * x)) / k


@_stable(lambda x, k=1.0: _sigmoid(k * x))
def softplus_stable(x: Array, k: float = 1.0) -> Array:
    scaled = k * x
    return (np.maximum(scaled, 0) + np.log1p(np.exp(-np.abs(scaled)))) / k


@_slope(lambda x, k=1.0: np.exp(k * x - np.logaddexp(0, k * x)))
def softplus_logaddexp(x: Array, k: float = 1.0) -> Array:
    return np.logaddexp(0, k * x) / k


def _softplus_approximation_textbook_slope(x: Array) -> Array:
    tail = np.exp(-x / _LN2)
    slope = (1 - (1 + x / _LN2) * tail) / (1 - tail) ** 2
    return np.where(x == 0, x.dtype.type(0.5), slope)


@_slope(_softplus_approximation_textbook_slope)
def softplus_approximation_textbook(x: Array) -> Array:
    return np.where(x == 0, x.dtype.type(_LN2), x / (1 - np.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (1 / 6, -1 / 180, 1 / 5040, -1 / 151200, 1 / 4790016, -691 / 108972864000)


def _softplus_approximation_slope(x: Array) -> Array:
    u = np.clip(x, -1000, 1000) / _LN2
    size = np.abs(u)
    square = u * u
    series = np.full_like(u, _NEAR_0[-1])
    for coefficient in _NEAR_0[-2::-1]:
        series = series * square + coefficient
    far = np.maximum(size, 0.5)
    tail, rest = np.exp(-far), -np.expm1(-far)
    slope = np.where(u > 0, rest - far * tail, tail * (far - rest)) / (rest * rest)
    return np.where(size < 0.5, 0.5 + u * series, slope)


@_stable(_softplus_approximation_slope)
def softplus_approximation_stable(x: Array) -> Array:
    size = np.abs(np.maximum(x, -1000))
    tail = np.exp(-size / _LN2)
    rest = -np.expm1(-size / _LN2)
    at_0 = size < 1e-30  # ln 2 to the last bit, and size/ln 2 may be subnormal
    return np.where(at_0, _LN2, size * np.where(x < 0, tail, 1) / np.where(at_0, 1, rest))


@_slope(lambda x: sigmoid_textbook(x) * (1 + x * (1 - sigmoid_textbook(x))))
def silu_textbook(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    bounded = np.clip(x, -1000, 1000)
    return _gated_slope(bounded, bounded, 1)


@_stable(_silu_slope)
def silu_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    return _gated(bounded, bounded)


def _gelu_textbook_slope(x: Array) -> Array:
    return 0.5 * (1 + _erf(x * _ROOT_HALF)) + x * _DENSITY_AT_0 * np.exp(-0.5 * x * x)


@_slope(_gelu_textbook_slope)
def gelu_textbook(x: Array) -> Array:
    return 0.5 * x * (1 + _erf(x * _ROOT_HALF))


def _gelu_slope(x: Array) -> Array:
    bounded = np.clip(x, -1000, 1000)
    density = _DENSITY_AT_0 * np.exp(-0.5 * bounded * bounded)
    return 0.5 * _erfc(-bounded * _ROOT_HALF) + bounded * density


@_stable(_gelu_slope)
def gelu_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    return 0.5 * bounded * _erfc(-bounded * _ROOT_HALF)


def _gelu_tanh_textbook_slope(x: Array) -> Array:
    t = np.tanh(_gelu_tanh_gate(x) / 2)
    return 0.5 * (1 + t) + 0.25 * x * (1 - t * t) * _gelu_tanh_gate_slope(x)


@_slope(_gelu_tanh_textbook_slope)
def gelu_tanh_textbook(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Array) -> Array:
    bounded = np.clip(x, -1000, 1000)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@_stable(_gelu_tanh_slope)
def gelu_tanh_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    return _gated(bounded, _gelu_tanh_gate(bounded))


def _gelu_sigmoid_textbook_slope(x: Array) -> Array:
    s = sigmoid_textbook(1.702 * x)
    return s * (1 + 1.702 * x * (1 - s))


@_slope(_gelu_sigmoid_textbook_slope)
def gelu_sigmoid_textbook(x: Array) -> Array:
    return x / (1 + np.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Array) -> Array:
    bounded = np.clip(x, -1000, 1000)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@_stable(_gelu_sigmoid_slope)
def gelu_sigmoid_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    return _gated(bounded, 1.702 * bounded)


def _mish_textbook_slope(x: Array) -> Array:
    t = np.tanh(np.log(1 + np.exp(x)))
    return t + x * (1 - t * t) * sigmoid_textbook(x)


@_slope(_mish_textbook_slope)
def mish_textbook(x: Array) -> Array:
    return x * np.tanh(np.log(1 + np.exp(x)))


def _mish_slope(x: Array) -> Array:
    bounded = np.clip(x, -1000, 1000)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return np.where(bounded < 0, falling, rising)


@_stable(_mish_slope)
def mish_stable(x: Array) -> Array:
    bounded = np.maximum(x, -1000)
    half, tail = _halves(bounded)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return np.where(bounded < 0, below, above)


# --- algebraic ------------------------------------------------------------------------------------


@_slope(lambda x, b=4.0: (1 + x / np.sqrt(x * x + b)) / 2)
def squareplus_textbook(x: Array, b: float = 4.0) -> Array:
    return (x + np.sqrt(x * x + b)) / 2


def _half_root(x: Array, b: float) -> Array:
    """√(x² + b)/2 where x² over- or underflows too: beyond 10¹⁰√b, b is far below half an ulp."""
    size = np.abs(x)
    return np.where(size > 1e10 * math.sqrt(b), 0.5 * size, 0.5 * np.sqrt(x * x + b))


def _half_sum(x: Array, b: float) -> tuple[Array, Array]:
    """(√(x² + b) + |x|)/2 and √(x² + b), neither of them 0."""
    half_root = _half_root(x, b)
    half_sum = half_root + 0.5 * np.abs(x)
    return np.where(half_sum == 0, 1, half_sum), np.where(half_root == 0, 1, 2 * half_root)


def _squareplus_slope(x: Array, b: float = 4.0) -> Array:
    half_sum, root = _half_sum(x, b)
    tail = 0.25 * b / half_sum / root
    return np.where(x > 0, 1 - tail, tail)


@_stable(_squareplus_slope)
def squareplus_stable(x: Array, b: float = 4.0) -> Array:
    half_sum, _ = _half_sum(x, b)
    return np.where(x > 0, half_sum, 0.25 * b / half_sum)


@_slope(lambda x: 1 / (1 + np.abs(x)) ** 2)
def softsign_textbook(x: Array) -> Array:
    return x / (1 + np.abs(x))


@_stable(lambda x: np.square(1 / (1 + np.abs(x))))
def softsign_stable(x: Array) -> Array:
    bounded = np.clip(x, -1e30, 1e30)
    return bounded / (1 + np.abs(bounded))


def _isru_textbook_slope(x: Array, alpha: float = 1.0) -> Array:
    return 1 / np.sqrt(1 + alpha * x * x) ** 3


@_slope(_isru_textbook_slope)
def isru_textbook(x: Array, alpha: float = 1.0) -> Array:
    return x / np.sqrt(1 + alpha * x * x)


def _isru(x: Array, alpha: float) -> Array:
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = np.clip(x, -far, far)
    return bounded / np.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Array, alpha: float = 1.0) -> Array:
    inverse = 1 / np.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@_stable(_isru_slope)
def isru_stable(x: Array, alpha: float = 1.0) -> Array:
    return _isru(x, alpha)


@_slope(lambda x, alpha=1.0: np.where(x >= 0, x.dtype.type(1), _isru_textbook_slope(x, alpha)))
def isrlu_textbook(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x >= 0, x, x / np.sqrt(1 + alpha * x * x))


@_stable(lambda x, alpha=1.0: np.where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_stable(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x >= 0, x, _isru(x, alpha))


# --- over the last axis ---------------------------------------------------------------------------


def _textbook_exp(x: Array, with_zero: bool) -> Array:
    return np.exp(_with_zero(x, with_zero))


def _logsumexp_textbook_gradient(upstream: Array, x: Array, with_zero: bool = False) -> Array:
    total = _textbook_exp(x, with_zero).sum(axis=-1, keepdims=True)
    return upstream * (np.exp(x) / total)


@_differentiable(_logsumexp_textbook_gradient)
def logsumexp_textbook(x: Array, with_zero: bool = False) -> Array:
    return np.log(_textbook_exp(x, with_zero).sum(axis=-1, keepdims=True))


def _shifted_exp(x: Array, with_zero: bool) -> tuple[Array, Array]:
    """exp(x − top) and the top of each row; an infinite top counts as exp(0)."""
    terms = _with_zero(x, with_zero)
    top = terms.max(axis=-1, keepdims=True)
    return np.exp(np.where(terms == top, 0, terms - top)), top


def _softmax(x: Array, with_zero: bool) -> Array:
    powers, _ = _shifted_exp(x, with_zero)
    return powers[..., : x.shape[-1]] / powers.sum(axis=-1, keepdims=True)


@_stable_gradient(lambda upstream, x, with_zero=False: upstream * _softmax(x, with_zero))
def logsumexp_stable(x: Array, with_zero: bool = False) -> Array:
    powers, top = _shifted_exp(x, with_zero)
    return top + np.log(powers.sum(axis=-1, keepdims=True))


def _pull_softmax(upstream: Array, shares: Array) -> Array:
    return shares * (upstream - (upstream * shares).sum(axis=-1, keepdims=True))


def _softmax_textbook_gradient(upstream: Array, x: Array, with_zero: bool = False) -> Array:
    return _pull_softmax(upstream, softmax_textbook(x, with_zero))


@_differentiable(_softmax_textbook_gradient)
def softmax_textbook(x: Array, with_zero: bool = False) -> Array:
    return np.exp(x) / _textbook_exp(x, with_zero).sum(axis=-1, keepdims=True)


def _softmax_gradient(upstream: Array, x: Array, with_zero: bool = False) -> Array:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, _ = _shifted_exp(x, with_zero)
    shares = powers / powers.sum(axis=-1, keepdims=True)
    pull, largest = _with_zero(upstream, with_zero), powers == 1
    centre = np.where(largest, pull, 0).sum(axis=-1, keepdims=True)
    apart = pull - centre / largest.sum(axis=-1, keepdims=True)
    gradient = shares * (apart - (shares * apart).sum(axis=-1, keepdims=True))
    return gradient[..., : x.shape[-1]]


@_stable_gradient(_softmax_gradient)
def softmax_stable(x: Array, with_zero: bool = False) -> Array:
    return _softmax(x, with_zero)


# --- primitives -----------------------------------------------------------------------------------


@_differentiable(lambda upstream, x: upstream.copy())
def copy_native(x: Array) -> Array:
    return x.copy()


@_differentiable(lambda upstream, x: upstream.copy())
def add_native(x: Array) -> Array:
    return x + 0.5


@_slope(lambda x: 1.5)
def multiply_native(x: Array) -> Array:
    return 1.5 * x


@_slope(lambda x: -1 / (x * x))
def divide_native(x: Array) -> Array:
    return 1 / x


@_slope(lambda x: (x > 0.5).astype(x.dtype))
def maximum_native(x: Array) -> Array:
    return np.maximum(x, 0.5)


@_slope(np.sign)
def absolute_native(x: Array) -> Array:
    return np.abs(x)


@_slope(lambda x: 0.5 / np.sqrt(x))
def sqrt_native(x: Array) -> Array:
    return np.sqrt(x)


@_slope(np.exp)
def exp_native(x: Array) -> Array:
    return np.exp(x)


@_slope(np.exp)
def expm1_native(x: Array) -> Array:
    return np.expm1(x)


@_slope(lambda x: 1 / (1 + x))
def log1p_native(x: Array) -> Array:
    return np.log1p(x)


@_slope(lambda x: _ERF_SLOPE_AT_0 * np.exp(-x * x))
def erf_textbook(x: Array) -> Array:
    return _erf(x)


# --- the adapter ----------------------------------------------------------------------------------


class Adapter:
    """NumPy on the CPU: everything is done when a call returns."""

    def __init__(self, device: str, threads: int) -> None:
        if device != "cpu":
            raise Unsupported(f"NumPy has no {device} device")
        np.seterr(all="ignore")

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def put(self, bits: np.ndarray, dtype: str) -> Array:
        if dtype == "bfloat16":
            raise Unsupported("NumPy has no bfloat16")
        return bits.view(dtype).copy()

    def get(self, tensor: Array) -> np.ndarray:
        return np.ascontiguousarray(tensor).view(f"uint{8 * tensor.dtype.itemsize}")

    def step(
        self,
        function: Callable[..., Array],
        arrays: Sequence[Array],
        upstream: Callable[[Array], Array],
        mode: str,
        direction: str,
    ) -> Step:
        if mode != "eager":
            raise Unsupported(f"NumPy has no {mode} mode")
        if direction == "forward":
            return lambda: function(*arrays)
        pull = upstream(function(*arrays))
        if direction == "backward":
            return lambda: _as_tuple(_gradient(function, pull, arrays))
        return lambda: (function(*arrays), *_as_tuple(_gradient(function, pull, arrays)))

    def wait(self, result: Any) -> None:
        return None

    def compilations(self) -> int:
        return 0


def _gradient(function: Any, pull: Array, arrays: Sequence[Array]) -> Any:
    """Call the gradient that a form carries; `function` may be a partial with its parameters."""
    form = getattr(function, "func", function)
    return form.gradient(pull, *arrays, **getattr(function, "keywords", {}))


def _as_tuple(gradients: Any) -> tuple[Array, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)
