"""PyTorch: gradients by autograd, except for the stable forms, which carry their derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from itertools import repeat
from typing import Any

import numpy as np
import torch
import torch._dynamo
import torch._functorch.config
import torch.fx.experimental._config as shapes
from torch.nn import functional

from ._adapter import NotCompiled, Step, Unsupported

TITLE = "PyTorch"
MODES = ("eager", "compiled")
ENVIRONMENT = {"TORCHINDUCTOR_CACHE_DIR": "{cache}"}

Tensor = torch.Tensor

_LN2 = math.log(2)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_GELU_TANH = math.sqrt(2 / math.pi)
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717
_WIDER = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.float32: torch.float64,
}


# --- how a stable form gets its derivative --------------------------------------------------------


def _stable(derivative: Callable[..., Tensor]) -> Callable[..., Any]:
    """Compute an elementwise form and its derivative in a wider format and round once."""
    return _stable_gradient(lambda upstream, x, **p: (upstream * derivative(x, **p),))


def _stable_gradient(gradient: Callable[..., tuple[Tensor, ...]]) -> Callable[..., Any]:
    """The same for a form whose gradient needs the whole upstream row, or its learned arrays."""

    def wide(arrays: Sequence[Tensor]) -> list[Tensor]:
        return [each.to(_WIDER.get(each.dtype, each.dtype)) for each in arrays]

    def decorate(form: Callable[..., Tensor]) -> Callable[..., Tensor]:
        class Rounded(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, named: dict[str, Any], x: Tensor, *rest: Tensor) -> Tensor:
                # Not *arrays: Dynamo takes a forward that names as many parameters as it is given
                # for one without a context.
                context.save_for_backward(x, *rest)
                context.parameters = named
                return form(*wide((x, *rest)), **named).to(x.dtype)

            @staticmethod
            def backward(context: Any, upstream: Tensor) -> Any:
                arrays = (upstream, *context.saved_tensors)
                found = gradient(*wide(arrays), **context.parameters)
                return None, *(each.to(upstream.dtype) for each in found)

        @wraps(form)
        def rounded(*arrays: Tensor, **parameters: Any) -> Tensor:
            return Rounded.apply(parameters, *arrays)

        return rounded

    return decorate


# --- parts that several forms share ---------------------------------------------------------------


def _sigmoid(x: Tensor) -> Tensor:
    tail = torch.exp(-torch.abs(x))
    return torch.where(x < 0, tail, 1) / (1 + tail)


def _sigmoid_slope(x: Tensor) -> Tensor:
    tail = torch.exp(-torch.abs(x))
    return tail / (1 + tail) ** 2


def _expm1(x: Tensor) -> Tensor:
    # Inductor's vector code replaces expm1 by exp(x) − 1, which cancels: a detour by tanh.
    return torch.tanh(0.5 * x) * (torch.exp(x) + 1)


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = torch.exp(-0.5 * torch.abs(x))
    return half, half * half


def _gated(x: Tensor, gate: Tensor) -> Tensor:
    half, tail = _halves(gate)
    return torch.where(gate < 0, x * half * half, x) / (1 + tail)


def _gated_slope(x: Tensor, gate: Tensor, gate_slope: Any) -> Tensor:
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return torch.where(gate < 0, below, above) / ((1 + tail) * (1 + tail))


def _gelu_tanh_gate(x: Tensor) -> Tensor:
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Tensor) -> Tensor:
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


def _zero(row: Tensor) -> Tensor:
    return torch.zeros_like(row[..., :1])


def _with_zero(row: Tensor, with_zero: bool) -> Tensor:
    return torch.cat([row, _zero(row)], dim=-1) if with_zero else row


def _hinge(x: Tensor, edge: float, below: Any, above: float) -> Tensor:
    """`below` up to the edge, `above` beyond it, NaN where x is NaN."""
    return torch.where(x > edge, above, torch.where(x <= edge, below, x))


# --- max ------------------------------------------------------------------------------------------


def relu_native(x: Tensor) -> Tensor:
    return functional.relu(x)


def relu_max(x: Tensor) -> Tensor:
    return torch.maximum(x, x.new_zeros(()))


def relu_abs(x: Tensor) -> Tensor:
    return (x + torch.abs(x)) / 2


def relu_where(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0)


def leaky_relu_native(x: Tensor, alpha: float = 0.01) -> Tensor:
    return functional.leaky_relu(x, alpha)


def leaky_relu_where(x: Tensor, alpha: float = 0.01) -> Tensor:
    return torch.where(x > 0, x, alpha * x)


def leaky_relu_max(x: Tensor, alpha: float = 0.01) -> Tensor:
    return torch.maximum(x, alpha * x)


@_stable(lambda x, alpha=0.01: _hinge(x, 0, alpha, 1))
def leaky_relu_stable(x: Tensor, alpha: float = 0.01) -> Tensor:
    return torch.where(x > 0, x, alpha * x)


def prelu_native(x: Tensor, alpha: Tensor) -> Tensor:
    return functional.prelu(x, alpha.reshape(-1))


def prelu_where(x: Tensor, alpha: Tensor) -> Tensor:
    return torch.where(x > 0, x, alpha * x)


def _prelu_gradient(upstream: Tensor, x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    along_alpha = torch.where(x > 0, 0, upstream * x)
    return upstream * _hinge(x, 0, alpha, 1), along_alpha.sum_to_size(alpha.shape)


@_stable_gradient(_prelu_gradient)
def prelu_stable(x: Tensor, alpha: Tensor) -> Tensor:
    return torch.where(x > 0, x, alpha * x)


def crelu_textbook(x: Tensor) -> Tensor:
    return functional.relu(torch.cat([x, -x], dim=-1))


def maxout_textbook(x: Tensor, k: int = 2) -> Tensor:
    return x.reshape(*x.shape[:-1], k, x.shape[-1] // k).amax(dim=-2)


def shifted_relu_max(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.clamp(x, min=-alpha)


@_stable(lambda x, alpha=1.0: _hinge(x, -alpha, 0, 1))
def shifted_relu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.clamp(x, min=-alpha)


def relu6_native(x: Tensor) -> Tensor:
    return functional.relu6(x)


def relu6_max(x: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x, x.new_zeros(())), x.new_full((), 6))


def squared_relu_max(x: Tensor) -> Tensor:
    return torch.square(torch.maximum(x, x.new_zeros(())))


def hard_sigmoid_native(x: Tensor) -> Tensor:
    return functional.hardsigmoid(x)


def hard_sigmoid_textbook(x: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x + 3, x.new_zeros(())), x.new_full((), 6)) / 6


def _hard_sigmoid_slope(x: Tensor) -> Tensor:
    outside = torch.where(torch.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return torch.where(torch.abs(x) < 3, 1 / 6, outside)


@_stable(_hard_sigmoid_slope)
def hard_sigmoid_stable(x: Tensor) -> Tensor:
    return torch.clamp(x + 3, 0, 6) / 6


def hard_swish_native(x: Tensor) -> Tensor:
    return functional.hardswish(x)


def hard_swish_textbook(x: Tensor) -> Tensor:
    return x * torch.minimum(torch.maximum(x + 3, x.new_zeros(())), x.new_full((), 6)) / 6


def _hard_swish_slope(x: Tensor) -> Tensor:
    inside = (2 * torch.clamp(x, -3, 3) + 3) / 6
    return torch.where(x > 3, 1, torch.where(x < -3, 0, inside))


@_stable(_hard_swish_slope)
def hard_swish_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    return bounded * (torch.clamp(bounded + 3, 0, 6) / 6)


# --- exp ------------------------------------------------------------------------------------------


def elu_native(x: Tensor, alpha: float = 1.0) -> Tensor:
    return functional.elu(x, alpha)


def elu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x > 0, x, alpha * (torch.exp(x) - 1))


def _elu_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = torch.exp(0.5 * torch.clamp(x, max=0))
    return torch.where(x > 0, 1, alpha * half * half)


@_stable(_elu_slope)
def elu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x > 0, x, alpha * _expm1(torch.clamp(x, max=0)))


def selu_native(x: Tensor) -> Tensor:
    return functional.selu(x)


def selu_textbook(x: Tensor) -> Tensor:
    return _SELU_SCALE * torch.where(x > 0, x, _SELU_ALPHA * (torch.exp(x) - 1))


def _selu_slope(x: Tensor) -> Tensor:
    half = torch.exp(0.5 * torch.clamp(x, max=0))
    return torch.where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@_stable(_selu_slope)
def selu_stable(x: Tensor) -> Tensor:
    return _SELU_SCALE * torch.where(x > 0, x, _SELU_ALPHA * _expm1(torch.clamp(x, max=0)))


def celu_native(x: Tensor, alpha: float = 1.0) -> Tensor:
    return functional.celu(x, alpha)


def celu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.maximum(x, x.new_zeros(())) + torch.minimum(
        alpha * (torch.exp(x / alpha) - 1), x.new_zeros(())
    )


@_stable(lambda x, alpha=1.0: torch.where(x > 0, 1, torch.exp(torch.clamp(x, max=0) / alpha)))
def celu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x > 0, x, alpha * _expm1(torch.clamp(x, max=0) / alpha))


def sigmoid_native(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def sigmoid_textbook(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


@_stable(_sigmoid_slope)
def sigmoid_stable(x: Tensor) -> Tensor:
    return _sigmoid(x)


def tanh_native(x: Tensor) -> Tensor:
    return torch.tanh(x)


def tanh_textbook(x: Tensor) -> Tensor:
    up, down = torch.exp(x), torch.exp(-x)
    return (up - down) / (up + down)


def _tanh_slope(x: Tensor) -> Tensor:
    """1/cosh(x)², which no rounding of tanh(x) takes part in"""
    tail = torch.exp(-torch.abs(x))
    return torch.square(2 * tail / (1 + tail * tail))


@_stable(_tanh_slope)
def tanh_stable(x: Tensor) -> Tensor:
    return torch.tanh(x)


def softplus_native(x: Tensor, k: float = 1.0) -> Tensor:
    return functional.softplus(x, beta=k)


def softplus_textbook(x: Tensor, k: float = 1.0) -> Tensor:
    return torch.log(1 + torch.exp(k * x)) / k


@_stable(lambda x, k=1.0: _sigmoid(k * x))
def softplus_stable(x: Tensor, k: float = 1.0) -> Tensor:
    half, tail = _halves(k * x)
    # ln(1 + t) is t to the last bit, which may be subnormal where the quotient is not.
    rest = torch.where(tail < 1e-20, half / k * half, torch.log1p(tail) / k)
    return torch.clamp(x, min=0) + rest


def softplus_logaddexp(x: Tensor, k: float = 1.0) -> Tensor:
    return torch.logaddexp(x.new_zeros(()), k * x) / k


def softplus_approximation_textbook(x: Tensor) -> Tensor:
    return torch.where(x == 0, _LN2, x / (1 - torch.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (1 / 6, -1 / 180, 1 / 5040, -1 / 151200, 1 / 4790016, -691 / 108972864000)


def _softplus_approximation_slope(x: Tensor) -> Tensor:
    u = torch.clamp(x, -1000, 1000) / _LN2
    size = torch.abs(u)
    square = u * u
    series = torch.full_like(u, _NEAR_0[-1])
    for coefficient in _NEAR_0[-2::-1]:
        series = series * square + coefficient
    far = torch.clamp(size, min=0.5)
    half, tail = _halves(far)
    rest = -_expm1(-far)
    below, above = (far - rest) * half * half, rest - far * tail
    slope = torch.where(u > 0, above, below) / (rest * rest)
    return torch.where(size < 0.5, 0.5 + u * series, slope)


@_stable(_softplus_approximation_slope)
def softplus_approximation_stable(x: Tensor) -> Tensor:
    size = torch.abs(torch.clamp(x, min=-1000))
    half, _ = _halves(size / _LN2)
    rest = -_expm1(-size / _LN2)
    at_0 = size < 1e-30  # ln 2 to the last bit, and size/ln 2 may be subnormal
    value = torch.where(x < 0, size * half * half, size) / torch.where(at_0, 1, rest)
    return torch.where(at_0, _LN2, value)


def silu_native(x: Tensor) -> Tensor:
    return functional.silu(x)


def silu_textbook(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def _silu_slope(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, bounded, 1)


@_stable(_silu_slope)
def silu_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, bounded)


def gelu_native(x: Tensor) -> Tensor:
    return functional.gelu(x)


def gelu_textbook(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x * _ROOT_HALF))


def _gelu_slope(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1000, 1000)
    density = _DENSITY_AT_0 * torch.exp(-0.5 * bounded * bounded)
    return 0.5 * torch.erfc(-bounded * _ROOT_HALF) + bounded * density


@_stable(_gelu_slope)
def gelu_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    return 0.5 * bounded * torch.erfc(-bounded * _ROOT_HALF)


def gelu_tanh_native(x: Tensor) -> Tensor:
    return functional.gelu(x, approximate="tanh")


def gelu_tanh_textbook(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@_stable(_gelu_tanh_slope)
def gelu_tanh_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, _gelu_tanh_gate(bounded))


def gelu_sigmoid_textbook(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@_stable(_gelu_sigmoid_slope)
def gelu_sigmoid_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, 1.702 * bounded)


def mish_native(x: Tensor) -> Tensor:
    return functional.mish(x)


def mish_textbook(x: Tensor) -> Tensor:
    return x * torch.tanh(torch.log(1 + torch.exp(x)))


def _mish_slope(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1000, 1000)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return torch.where(bounded < 0, falling, rising)


@_stable(_mish_slope)
def mish_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, min=-1000)
    half, tail = _halves(bounded)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return torch.where(bounded < 0, below, above)


# --- algebraic ------------------------------------------------------------------------------------


def squareplus_textbook(x: Tensor, b: float = 4.0) -> Tensor:
    return (x + torch.sqrt(x * x + b)) / 2


def _half_root(x: Tensor, b: float) -> Tensor:
    """√(x² + b)/2 where x² over- or underflows too: beyond 10¹⁰√b, b is far below half an ulp."""
    size = torch.abs(x)
    return torch.where(size > 1e10 * math.sqrt(b), 0.5 * size, 0.5 * torch.sqrt(x * x + b))


def _half_sum(x: Tensor, b: float) -> tuple[Tensor, Tensor]:
    """(√(x² + b) + |x|)/2 and √(x² + b), neither of them 0."""
    half_root, least = _half_root(x, b), torch.finfo(x.dtype).tiny
    half_sum = half_root + 0.5 * torch.abs(x)
    return torch.clamp(half_sum, min=least), torch.clamp(2 * half_root, min=least)


def _squareplus_slope(x: Tensor, b: float = 4.0) -> Tensor:
    half_sum, root = _half_sum(x, b)
    tail = 0.25 * b / half_sum / root
    return torch.where(x > 0, 1 - tail, tail)


@_stable(_squareplus_slope)
def squareplus_stable(x: Tensor, b: float = 4.0) -> Tensor:
    half_sum, _ = _half_sum(x, b)
    return torch.clamp(x, min=0) + 0.25 * b / half_sum


def softsign_native(x: Tensor) -> Tensor:
    return functional.softsign(x)


def softsign_textbook(x: Tensor) -> Tensor:
    return x / (1 + torch.abs(x))


@_stable(lambda x: torch.square(1 / (1 + torch.abs(x))))
def softsign_stable(x: Tensor) -> Tensor:
    bounded = torch.clamp(x, -1e30, 1e30)
    return bounded / (1 + torch.abs(bounded))


def isru_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    return x / torch.sqrt(1 + alpha * x * x)


def _isru(x: Tensor, alpha: float) -> Tensor:
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = torch.clamp(x, -far, far)
    return bounded / torch.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    inverse = 1 / torch.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@_stable(_isru_slope)
def isru_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    return _isru(x, alpha)


def isrlu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x >= 0, x, x / torch.sqrt(1 + alpha * x * x))


@_stable(lambda x, alpha=1.0: torch.where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x >= 0, x, _isru(x, alpha))


# --- over the last axis ---------------------------------------------------------------------------


def logsumexp_native(x: Tensor, with_zero: bool = False) -> Tensor:
    return torch.logsumexp(_with_zero(x, with_zero), dim=-1, keepdim=True)


def logsumexp_textbook(x: Tensor, with_zero: bool = False) -> Tensor:
    return torch.log(torch.exp(_with_zero(x, with_zero)).sum(dim=-1, keepdim=True))


def _shifted_exp(x: Tensor, with_zero: bool) -> tuple[Tensor, Tensor]:
    """exp(x − top) and the top of each row; an infinite top counts as exp(0)."""
    terms = _with_zero(x, with_zero)
    top = terms.amax(dim=-1, keepdim=True)
    return torch.exp(torch.where(terms == top, 0, terms - top)), top


def _softmax(x: Tensor, with_zero: bool = False) -> Tensor:
    powers, _ = _shifted_exp(x, with_zero)
    return powers[..., : x.shape[-1]] / powers.sum(dim=-1, keepdim=True)


@_stable_gradient(lambda upstream, x, with_zero=False: (upstream * _softmax(x, with_zero),))
def logsumexp_stable(x: Tensor, with_zero: bool = False) -> Tensor:
    powers, top = _shifted_exp(x, with_zero)
    return top + torch.log(powers.sum(dim=-1, keepdim=True))


def softmax_native(x: Tensor, with_zero: bool = False) -> Tensor:
    return torch.softmax(_with_zero(x, with_zero), dim=-1)[..., : x.shape[-1]]


def softmax_textbook(x: Tensor, with_zero: bool = False) -> Tensor:
    return torch.exp(x) / torch.exp(_with_zero(x, with_zero)).sum(dim=-1, keepdim=True)


def _softmax_gradient(upstream: Tensor, x: Tensor, with_zero: bool = False) -> tuple[Tensor]:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, _ = _shifted_exp(x, with_zero)
    shares = powers / powers.sum(dim=-1, keepdim=True)
    pull, largest = _with_zero(upstream, with_zero), powers == 1
    centre = torch.where(largest, pull, 0).sum(dim=-1, keepdim=True)
    apart = pull - centre / largest.sum(dim=-1, keepdim=True)
    gradient = shares * (apart - (shares * apart).sum(dim=-1, keepdim=True))
    return (gradient[..., : x.shape[-1]],)


@_stable_gradient(_softmax_gradient)
def softmax_stable(x: Tensor, with_zero: bool = False) -> Tensor:
    return _softmax(x, with_zero)


# --- primitives -----------------------------------------------------------------------------------


def copy_native(x: Tensor) -> Tensor:
    return torch.clone(x)


def add_native(x: Tensor) -> Tensor:
    return x + 0.5


def multiply_native(x: Tensor) -> Tensor:
    return 1.5 * x


def divide_native(x: Tensor) -> Tensor:
    # 1 / x is two operations here: the reciprocal, and a product by 1.
    return torch.reciprocal(x)


def maximum_native(x: Tensor) -> Tensor:
    return torch.clamp(x, min=0.5)


def absolute_native(x: Tensor) -> Tensor:
    return torch.abs(x)


def sqrt_native(x: Tensor) -> Tensor:
    return torch.sqrt(x)


def exp_native(x: Tensor) -> Tensor:
    return torch.exp(x)


def expm1_native(x: Tensor) -> Tensor:
    return torch.expm1(x)


def log1p_native(x: Tensor) -> Tensor:
    return torch.log1p(x)


def erf_native(x: Tensor) -> Tensor:
    return torch.erf(x)


# --- the adapter ----------------------------------------------------------------------------------


class Adapter:
    """PyTorch on one device. Compiled functions are shared by all sizes of a dtype."""

    def __init__(self, device: str, threads: int) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise Unsupported(
                "PyTorch sees no CUDA device here: take --device cpu, or a CUDA build"
            )
        self._device = torch.device(device)
        self._asynchronous = device == "cuda"
        self._compiled: dict[Any, Callable[..., Tensor]] = {}
        self._writers: dict[Callable[..., Tensor], Callable[..., Tensor]] = {}
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:  # it can be set once a process
            torch.set_num_interop_threads(1)
        # A backward pass that is timed runs many times over the values of one forward pass.
        torch._functorch.config.donated_buffer = False
        # Two sides that happen to be equal must not become one: another size would compile again.
        shapes.use_duck_shape = False

    def versions(self) -> dict[str, str]:
        found = {
            "torch": torch.__version__,
            "cpu capability": torch.backends.cpu.get_cpu_capability(),
        }
        if self._asynchronous:
            found["cuda"] = str(torch.version.cuda)
            found["device"] = torch.cuda.get_device_name()
        return found

    def put(self, bits: np.ndarray, dtype: str) -> Tensor:
        signed = torch.from_numpy(bits.view(bits.dtype.name.removeprefix("u")).copy())
        return signed.view(getattr(torch, dtype)).to(self._device)

    def get(self, tensor: Tensor) -> np.ndarray:
        signed = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
        bits = tensor.detach().contiguous().cpu().view(signed).numpy()
        return bits.view(f"uint{8 * tensor.element_size()}")

    def step(
        self,
        function: Callable[..., Tensor],
        arrays: Sequence[Tensor],
        upstream: Callable[[Tensor], Tensor],
        mode: str,
        direction: str,
        slot: list[Tensor] | None = None,
    ) -> Step:
        if mode == "eager":
            if slot:
                return _writing_step(function, arrays, slot)
            return _step(function, arrays, upstream, direction)
        if slot:
            function = self._writing(function)
            arrays = [slot[0], *arrays]
        called = self._compile(function, arrays)
        try:
            step = _step(called, arrays, upstream, direction)
            _check_compiled(step if direction != "backward" else lambda: called(*_leaves(arrays)))
        except RuntimeError as error:
            if "InvalidCxxCompiler" in str(error):
                raise Unsupported("PyTorch finds no C++ compiler: install g++ or set CXX") from None
            raise
        return step

    def wait(self, result: Any) -> None:
        if self._asynchronous:
            torch.cuda.synchronize()

    def is_ready(self, result: Any) -> bool | None:
        # A thread or another stream may still write to it.
        busy = self._asynchronous and not torch.cuda.current_stream().query()
        return False if busy else None

    def trace(self, function: Callable[..., Tensor], arrays: Sequence[Tensor]) -> None:
        function(*(each.to("meta") for each in arrays))

    def guard(self) -> AbstractContextManager[Any]:
        return _no_synchronization() if self._asynchronous else nullcontext()

    def synchronize(self) -> Callable[[], None] | None:
        return torch.cuda.synchronize if self._asynchronous else None

    def device_elapsed(self, step: Step, loops: int) -> int:
        started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        started.record()
        for _ in repeat(None, loops):
            step()
        ended.record()
        ended.synchronize()
        return round(started.elapsed_time(ended) * 1e6)

    def address(self, tensor: Tensor) -> int:
        return int(tensor.data_ptr())

    def _writing(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """The function followed by a copy into its first argument, which compiles to one pass."""
        if function not in self._writers:

            def write(out: Tensor, *arrays: Tensor) -> Tensor:
                return out.copy_(function(*arrays))

            self._writers[function] = write
        return self._writers[function]

    def compilations(self) -> int:
        return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])

    def from_cache(self) -> int:
        return int(torch._dynamo.utils.counters["inductor"]["fxgraph_cache_hit"])

    def _compile(
        self, function: Callable[..., Tensor], arrays: Sequence[Tensor]
    ) -> Callable[..., Tensor]:
        key = (function, arrays[0].dtype)
        if key not in self._compiled:
            self._compiled[key] = torch.compile(_alone(function), fullgraph=True, dynamic=True)
        return self._compiled[key]


@contextmanager
def _no_synchronization() -> Iterator[None]:
    """Raise where the host waits for the device, as every copy of values to it does."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _alone(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under a code object of its own.

    Dynamo counts recompilations by code object and runs eagerly, in silence, after eight: functions
    made by one factory would share that count.
    """

    def root(*arrays: Tensor) -> Tensor:
        return function(*arrays)

    root.__code__ = root.__code__.replace(co_name=f"root_{id(root)}")
    return root


def _check_compiled(step: Step) -> None:
    """Raise NotCompiled unless running the step enters a compiled graph."""
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        step()
    names = [event.name for event in profile.events()]
    if not any("CompiledFxGraph" in name for name in names):
        ran = ", ".join(dict.fromkeys(names[:4])) or "nothing"
        raise NotCompiled(f"torch.compile ran the function eagerly ({ran})")


_ATEN = torch.ops.aten
# The kernels of native forms that can write to a given tensor.
_INTO: dict[str, Callable[..., Tensor]] = {
    "relu_native": lambda x, out: torch.clamp_min(x, 0, out=out),
    "leaky_relu_native": lambda x, out, alpha=0.01: _ATEN.leaky_relu.out(x, alpha, out=out),
    "shifted_relu_max": lambda x, out, alpha=1.0: torch.clamp_min(x, -alpha, out=out),
    "relu6_native": lambda x, out: torch.clamp(x, 0, 6, out=out),
    "hard_sigmoid_native": lambda x, out: _ATEN.hardsigmoid.out(x, out=out),
    "hard_swish_native": lambda x, out: _ATEN.hardswish.out(x, out=out),
    "elu_native": lambda x, out, alpha=1.0: _ATEN.elu.out(x, alpha, out=out),
    "celu_native": lambda x, out, alpha=1.0: _ATEN.elu.out(x, alpha, 1, 1 / alpha, out=out),
    "sigmoid_native": lambda x, out: torch.sigmoid(x, out=out),
    "tanh_native": lambda x, out: torch.tanh(x, out=out),
    "softplus_native": lambda x, out, k=1.0: _ATEN.softplus.out(x, k, out=out),
    "silu_native": lambda x, out: _ATEN.silu.out(x, out=out),
    "gelu_native": lambda x, out: _ATEN.gelu.out(x, out=out),
    "gelu_tanh_native": lambda x, out: _ATEN.gelu.out(x, approximate="tanh", out=out),
    "mish_native": lambda x, out: _ATEN.mish.out(x, out=out),
    "copy_native": lambda x, out: out.copy_(x),
    "add_native": lambda x, out: torch.add(x, 0.5, out=out),
    "multiply_native": lambda x, out: torch.mul(x, 1.5, out=out),
    "divide_native": lambda x, out: torch.reciprocal(x, out=out),
    "maximum_native": lambda x, out: torch.clamp_min(x, 0.5, out=out),
    "absolute_native": lambda x, out: torch.abs(x, out=out),
    "sqrt_native": lambda x, out: torch.sqrt(x, out=out),
    "exp_native": lambda x, out: torch.exp(x, out=out),
    "expm1_native": lambda x, out: torch.expm1(x, out=out),
    "log1p_native": lambda x, out: torch.log1p(x, out=out),
    "erf_native": lambda x, out: torch.erf(x, out=out),
}


def _writing_step(function: Any, arrays: Sequence[Tensor], slot: list[Tensor]) -> Step:
    form = getattr(function, "func", function)
    into = _INTO.get(form.__name__)
    if into is None:
        raise Unsupported("this form has no out=: every pass returns a new tensor")
    parameters = getattr(function, "keywords", {})
    return lambda: into(*arrays, out=slot[0], **parameters)


def _leaves(arrays: Sequence[Tensor]) -> list[Tensor]:
    return [array.detach().requires_grad_() for array in arrays]


def _step(
    function: Callable[..., Tensor],
    arrays: Sequence[Tensor],
    upstream: Callable[[Tensor], Tensor],
    direction: str,
) -> Step:
    if direction == "forward":
        return lambda: function(*arrays)
    leaves = _leaves(arrays)
    output = function(*leaves)
    pull = upstream(output)
    if direction == "backward":
        return lambda: torch.autograd.grad(output, leaves, pull, retain_graph=True)

    def both() -> tuple[Tensor, ...]:
        result = function(*leaves)
        return (result, *torch.autograd.grad(result, leaves, pull))

    return both
