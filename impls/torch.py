"""PyTorch: gradients by autograd, except for the wide forms, which carry their derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from itertools import repeat
from typing import Any

import torch
import torch._dynamo
import torch._functorch.config
from torch.nn import functional

from ._adapter import Bits, Contract, NotCompiled, Step, Unsupported

TITLE = "PyTorch"
MODES = ("eager", "compiled")
LAYOUTS = ("strided", "channels_last")
ENVIRONMENT = {"TORCHINDUCTOR_CACHE_DIR": "{cache}"}
# Compiled code is for the CPU that is there: valgrind's has AVX2.
EMULATED = {
    "x86_64": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "TORCHINDUCTOR_CPP_MARCH": "haswell",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
}
SCRIPT = {
    "tensor": "torch.full(({copies},), {input}, dtype=torch.{dtype})",
    "compiled": "torch.compile({f})",
    "gradient": "x = {tensor}.requires_grad_(); "
    "print(float(torch.autograd.grad({f}(x), x, torch.ones_like(x))[0][0]))",
    "beside": "_into",
}

Tensor = torch.Tensor
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
        class Rounded(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, named: dict[str, Any], x: Tensor, *rest: Tensor) -> Tensor:
                # Not *arrays: Dynamo takes a forward that names as many parameters as it is given
                # for one without a context.
                context.save_for_backward(x, *rest)
                context.parameters = named
                return form(*_widened((x, *rest)), **named).to(x.dtype)

            @staticmethod
            def backward(context: Any, upstream: Tensor) -> Any:
                arrays = _widened((upstream, *context.saved_tensors))
                gradients = gradient(*arrays, **context.parameters)
                return None, *(array.to(upstream.dtype) for array in gradients)

        @wraps(form)
        def rounded(*arrays: Tensor, **parameters: Any) -> Tensor:
            return Rounded.apply(parameters, *arrays)  # type: ignore[no-untyped-call]

        return rounded

    return decorate


def _widened(arrays: Sequence[Tensor]) -> list[Tensor]:
    """Arrays in the format to compute in: float32 for 16 bits, float64 for more."""
    return [
        array.to(torch.float32 if array.element_size() <= 2 else torch.float64) for array in arrays
    ]


# --- how a form writes to a given tensor ----------------------------------------------------------

_ATEN = torch.ops.aten


def _into(kernel: Callable[..., Tensor]) -> Callable[[Form], Form]:
    """Attach a form's kernel that writes to a given tensor: `kernel(x, **parameters, out=)`."""

    def decorate(form: Form) -> Form:
        form.into = kernel  # type: ignore[attr-defined]
        return form

    return decorate


# --- max ------------------------------------------------------------------------------------------


@_into(lambda x, out: torch.clamp_min(x, 0, out=out))
def relu_native(x: Tensor) -> Tensor:
    """max(0, x)"""
    return functional.relu(x)


def relu_max(x: Tensor) -> Tensor:
    """max(x, 0)"""
    return torch.maximum(x, x.new_zeros(()))


def relu_abs(x: Tensor) -> Tensor:
    """(x + |x|)/2"""
    return (x + torch.abs(x)) / 2


def relu_where(x: Tensor) -> Tensor:
    """x if x > 0, else 0"""
    return torch.where(x > 0, x, 0)


def _hinge(x: Tensor, edge: float, below: Any, above: Any) -> Tensor:
    """`below` up to the edge, `above` beyond it, NaN where x is NaN."""
    return torch.where(x > edge, above, torch.where(x <= edge, below, x))


@_into(lambda x, alpha=0.01, *, out: _ATEN.leaky_relu.out(x, alpha, out=out))
def leaky_relu_native(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return functional.leaky_relu(x, alpha)


def leaky_relu_where(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return torch.where(x > 0, x, alpha * x)


def leaky_relu_max(x: Tensor, alpha: float = 0.01) -> Tensor:
    """max(x, αx), for α ≤ 1"""
    return torch.maximum(x, alpha * x)


@_wide(lambda x, alpha=0.01: _hinge(x, 0, alpha, 1))
def leaky_relu_wide(x: Tensor, alpha: float = 0.01) -> Tensor:
    """x if x > 0, else αx"""
    return torch.where(x > 0, x, alpha * x)


def prelu_native(x: Tensor, alpha: Tensor) -> Tensor:
    """x if x > 0, else αx, with a learned α"""
    return functional.prelu(x, alpha.reshape(-1))


def prelu_where(x: Tensor, alpha: Tensor) -> Tensor:
    """x if x > 0, else αx, with a learned α"""
    return torch.where(x > 0, x, alpha * x)


def _prelu_gradient(upstream: Tensor, x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients along x and, summed, along α"""
    along_alpha = torch.where(x > 0, 0, upstream * x)
    return upstream * _hinge(x, 0, alpha, 1), along_alpha.sum_to_size(alpha.shape)


@_wide_gradient(_prelu_gradient)
def prelu_wide(x: Tensor, alpha: Tensor) -> Tensor:
    """x if x > 0, else αx, with a learned α"""
    return torch.where(x > 0, x, alpha * x)


def crelu_textbook(x: Tensor) -> Tensor:
    """[max(x, 0), max(−x, 0)] on the last axis"""
    return functional.relu(torch.cat([x, -x], dim=-1))


def maxout_textbook(x: Tensor, k: int = 2) -> Tensor:
    """yⱼ = maxᵢ x[i·n/k + j], over k groups of the n features"""
    return x.reshape(*x.shape[:-1], k, x.shape[-1] // k).amax(dim=-2)


@_into(lambda x, alpha=1.0, *, out: torch.clamp_min(x, -alpha, out=out))
def shifted_relu_max(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, −α)"""
    return torch.clamp(x, min=-alpha)


@_wide(lambda x, alpha=1.0: _hinge(x, -alpha, 0, 1))
def shifted_relu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, −α)"""
    return torch.clamp(x, min=-alpha)


@_into(lambda x, out: torch.clamp(x, 0, 6, out=out))
def relu6_native(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)"""
    return functional.relu6(x)


def relu6_max(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)"""
    return torch.minimum(torch.maximum(x, x.new_zeros(())), x.new_full((), 6))


@_into(lambda x, out: torch.clamp(x, -1, 1, out=out))
def hardtanh_native(x: Tensor) -> Tensor:
    """min(max(x, −1), 1)"""
    return functional.hardtanh(x)


def hardtanh_max(x: Tensor) -> Tensor:
    """min(max(x, −1), 1)"""
    return torch.minimum(torch.maximum(x, x.new_full((), -1)), x.new_ones(()))


def squared_relu_max(x: Tensor) -> Tensor:
    """max(x, 0)²"""
    return torch.square(torch.maximum(x, x.new_zeros(())))


@_into(_ATEN.hardsigmoid.out)
def hard_sigmoid_native(x: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6)/6"""
    return functional.hardsigmoid(x)


def hard_sigmoid_textbook(x: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6)/6"""
    return torch.minimum(torch.maximum(x + 3, x.new_zeros(())), x.new_full((), 6)) / 6


def _hard_sigmoid_slope(x: Tensor) -> Tensor:
    """1/6 where |x| < 3, else 0"""
    outside = torch.where(torch.abs(x) >= 3, 0, x)  # NaN is neither and stays
    return torch.where(torch.abs(x) < 3, 1 / 6, outside)


@_wide(_hard_sigmoid_slope)
def hard_sigmoid_wide(x: Tensor) -> Tensor:
    """min(max(x + 3, 0), 6)/6"""
    return torch.clamp(x + 3, 0, 6) / 6


@_into(_ATEN.hardswish.out)
def hard_swish_native(x: Tensor) -> Tensor:
    """x · min(max(x + 3, 0), 6)/6"""
    return functional.hardswish(x)


def hard_swish_textbook(x: Tensor) -> Tensor:
    """x · min(max(x + 3, 0), 6)/6"""
    return x * torch.minimum(torch.maximum(x + 3, x.new_zeros(())), x.new_full((), 6)) / 6


def _hard_swish_slope(x: Tensor) -> Tensor:
    """(2x + 3)/6 where |x| ≤ 3, else 0 below and 1 above"""
    inside = (2 * torch.clamp(x, -3, 3) + 3) / 6
    return torch.where(x > 3, 1, torch.where(x < -3, 0, inside))


@_wide(_hard_swish_slope)
def hard_swish_wide(x: Tensor) -> Tensor:
    """x · min(max(x + 3, 0), 6)/6"""
    bounded = torch.clamp(x, min=-1000)
    return bounded * (torch.clamp(bounded + 3, 0, 6) / 6)


def hard_swish_stable(x: Tensor) -> Tensor:
    """x · ((min(max(x, −3), 3) + 3)/6)"""
    # Bounds of x: x + 3 is 6 for some x above 3.
    return torch.clamp(x, min=-1000) * ((torch.clamp(x, -3, 3) + 3) / 6)


# --- exp ------------------------------------------------------------------------------------------


def _expm1(x: Tensor) -> Tensor:
    """eˣ − 1"""
    # Inductor's vector code replaces expm1 by exp(x) − 1, which cancels: a detour by tanh.
    return torch.tanh(0.5 * x) * (torch.exp(x) + 1)


@_into(lambda x, alpha=1.0, *, out: _ATEN.elu.out(x, alpha, out=out))
def elu_native(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α(eˣ − 1)"""
    return functional.elu(x, alpha)


def elu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α(eˣ − 1)"""
    return torch.where(x > 0, x, alpha * (torch.exp(x) - 1))


def _elu_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    """1 if x > 0, else αeˣ"""
    # By the half twice: eˣ itself may be subnormal where the slope is not.
    half = torch.exp(0.5 * torch.clamp(x, max=0))
    return torch.where(x > 0, 1, alpha * half * half)


@_wide(_elu_slope)
def elu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0))"""
    return torch.where(x > 0, x, alpha * _expm1(torch.clamp(x, max=0)))


def elu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0))"""
    return torch.where(x > 0, x, alpha * _expm1(torch.clamp(x, max=0)))


def selu_native(x: Tensor) -> Tensor:
    """λx if x > 0, else λα(eˣ − 1)"""
    return functional.selu(x)


def selu_textbook(x: Tensor) -> Tensor:
    """λx if x > 0, else λα(eˣ − 1)"""
    return _SELU_SCALE * torch.where(x > 0, x, _SELU_ALPHA * (torch.exp(x) - 1))


def _selu_slope(x: Tensor) -> Tensor:
    """λ if x > 0, else λαeˣ"""
    half = torch.exp(0.5 * torch.clamp(x, max=0))
    return torch.where(x > 0, _SELU_SCALE, _SELU_SCALE * _SELU_ALPHA * half * half)


@_wide(_selu_slope)
def selu_wide(x: Tensor) -> Tensor:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * torch.where(x > 0, x, _SELU_ALPHA * _expm1(torch.clamp(x, max=0)))


def selu_stable(x: Tensor) -> Tensor:
    """λx if x > 0, else λα expm1(min(x, 0))"""
    return _SELU_SCALE * elu_stable(x, _SELU_ALPHA)


@_into(lambda x, alpha=1.0, *, out: _ATEN.elu.out(x, alpha, 1, 1 / alpha, out=out))
def celu_native(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return functional.celu(x, alpha)


def celu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(α(e^{x/α} − 1), 0)"""
    return torch.maximum(x, x.new_zeros(())) + torch.minimum(
        alpha * (torch.exp(x / alpha) - 1), x.new_zeros(())
    )


@_wide(lambda x, alpha=1.0: torch.where(x > 0, 1, torch.exp(torch.clamp(x, max=0) / alpha)))
def celu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    return torch.where(x > 0, x, alpha * _expm1(torch.clamp(x, max=0) / alpha))


def celu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x > 0, else α expm1(min(x, 0)/α)"""
    is_near = x > -1e-30 * alpha  # from here on it is x to the last bit, and x/α may be subnormal
    return torch.where(is_near, x, alpha * _expm1(torch.where(is_near, 0, x) / alpha))


def _sigmoid(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ), of e^{−|x|} alone"""
    tail = torch.exp(-torch.abs(x))
    return torch.where(x < 0, tail, 1) / (1 + tail)


def _sigmoid_slope(x: Tensor) -> Tensor:
    """t/(1 + t)² with t = e^{−|x|}"""
    tail = torch.exp(-torch.abs(x))
    return tail / (1 + tail) ** 2


@_into(torch.sigmoid)
def sigmoid_native(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ)"""
    return torch.sigmoid(x)


def sigmoid_textbook(x: Tensor) -> Tensor:
    """1/(1 + e⁻ˣ)"""
    return 1 / (1 + torch.exp(-x))


@_wide(_sigmoid_slope)
def sigmoid_wide(x: Tensor) -> Tensor:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    return _sigmoid(x)


def _tail(x: Tensor) -> Tensor:
    """e^{−|x|}, of which the slope at 0 is that from above: the slope of |x| there may be 0."""
    return torch.exp(torch.where(x < 0, x, -x))


def sigmoid_stable(x: Tensor) -> Tensor:
    """e^{min(x, 0)}/(1 + e^{−|x|})"""
    tail = _tail(x)
    return torch.where(x < 0, tail, 1) / (1 + tail)


@_into(torch.tanh)
def tanh_native(x: Tensor) -> Tensor:
    """tanh x"""
    return torch.tanh(x)


def tanh_textbook(x: Tensor) -> Tensor:
    """(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)"""
    up, down = torch.exp(x), torch.exp(-x)
    return (up - down) / (up + down)


def _tanh_slope(x: Tensor) -> Tensor:
    """1/cosh(x)², which no rounding of tanh(x) takes part in"""
    tail = torch.exp(-torch.abs(x))
    return torch.square(2 * tail / (1 + tail * tail))


@_wide(_tanh_slope)
def tanh_wide(x: Tensor) -> Tensor:
    """tanh x"""
    return torch.tanh(x)


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
    is_near = torch.abs(x) < 0.55
    small = torch.where(is_near, x, 0)  # beyond, the slope of a power would be 0 times ∞
    square = small * small
    if x.dtype == torch.float64:
        share = _horner(_TANH_ABOVE, square) / _horner(_TANH_BELOW, square)
    else:
        share = _horner(_TANH_SINGLE, square)
    tail = torch.square(_tail(x))
    far = (1 - tail) / (1 + tail)
    # A sum of x and the rest would lose the sign of −0.
    return torch.where(is_near, small * (1 + square * share), torch.where(x < 0, -far, far))


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """e^(−|x|/2) and its square: by the half twice a product survives a subnormal square."""
    half = torch.exp(-0.5 * torch.abs(x))
    return half, half * half


@_into(lambda x, k=1.0, *, out: _ATEN.softplus.out(x, k, out=out))
def softplus_native(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(1 + e^{kx})/k"""
    return functional.softplus(x, beta=k)


def softplus_textbook(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(1 + e^{kx})/k"""
    return torch.log(1 + torch.exp(k * x)) / k


def _softplus_tail(half: Tensor, k: float) -> Tensor:
    """ln(1 + half²)/k, where the square may be subnormal and the quotient not."""
    tail = half * half
    # Below, ln(1 + t) is t to the last bit.
    return torch.where(tail < 1e-20, half / k * half, torch.log1p(tail) / k)


@_wide(lambda x, k=1.0: _sigmoid(k * x))
def softplus_wide(x: Tensor, k: float = 1.0) -> Tensor:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    half, _ = _halves(k * x)
    return torch.clamp(x, min=0) + _softplus_tail(half, k)


def softplus_stable(x: Tensor, k: float = 1.0) -> Tensor:
    """max(x, 0) + ln(1 + e^{−|kx|})/k"""
    # Not the larger of x and 0: where they are equal its slope is 1, 0 or ½ as the framework likes.
    return torch.where(x < 0, 0, x) + _softplus_tail(_tail(0.5 * k * x), k)


def softplus_logaddexp(x: Tensor, k: float = 1.0) -> Tensor:
    """ln(e⁰ + e^{kx})/k"""
    return torch.logaddexp(x.new_zeros(()), k * x) / k


@_into(_ATEN.log_sigmoid.out)
def logsigmoid_native(x: Tensor) -> Tensor:
    """ln(1/(1 + e⁻ˣ))"""
    return functional.logsigmoid(x)


def logsigmoid_textbook(x: Tensor) -> Tensor:
    """ln(1/(1 + e⁻ˣ))"""
    return torch.log(1 / (1 + torch.exp(-x)))


@_wide(lambda x: _sigmoid(-x))
def logsigmoid_wide(x: Tensor) -> Tensor:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return torch.clamp(x, max=0) - torch.log1p(torch.exp(-torch.abs(x)))


def logsigmoid_stable(x: Tensor) -> Tensor:
    """min(x, 0) − ln(1 + e^{−|x|})"""
    return torch.where(x < 0, x, 0) - torch.log1p(_tail(x))


def softplus_approximation_textbook(x: Tensor) -> Tensor:
    """x/(1 − e^{−x/ln 2}), ln 2 at 0"""
    return torch.where(x == 0, _LN2, x / (1 - torch.exp(-x / _LN2)))


# u/(1 − e⁻ᵘ) = Σ Bₙ⁺ uⁿ/n!; its derivative is ½ + u·P(u²), accurate to 1e-16 for |u| < ½.
_NEAR_0 = (
    *(1 / 6, -1 / 180, 1 / 5040, -1 / 151200, 1 / 4790016, -691 / 108972864000),
    *(1 / 5337446400, -3617 / 666913927680000),
)
_VALUE_NEAR_0 = tuple(slope / (2 * i + 2) for i, slope in enumerate(_NEAR_0))


def _softplus_approximation_slope(x: Tensor) -> Tensor:
    """(1 − (1 + u)e⁻ᵘ)/(1 − e⁻ᵘ)² with u = x/ln 2; its series near 0"""
    u = torch.clamp(x, -1000, 1000) / _LN2
    size = torch.abs(u)
    series = _horner(_NEAR_0, u * u)
    far = torch.clamp(size, min=0.5)
    half, tail = _halves(far)
    rest = -_expm1(-far)
    below, above = (far - rest) * half * half, rest - far * tail
    slope = torch.where(u > 0, above, below) / (rest * rest)
    return torch.where(size < 0.5, 0.5 + u * series, slope)


@_wide(_softplus_approximation_slope)
def softplus_approximation_wide(x: Tensor) -> Tensor:
    """|x| e^{min(x, 0)/ln 2}/(1 − e^{−|x|/ln 2}), ln 2 at 0"""
    size = torch.abs(torch.clamp(x, min=-1000))
    half, _ = _halves(size / _LN2)
    rest = -_expm1(-size / _LN2)
    at_0 = size < 1e-30  # ln 2 to the last bit, and size/ln 2 may be subnormal
    value = torch.where(x < 0, size * half * half, size) / torch.where(at_0, 1, rest)
    return torch.where(at_0, _LN2, value)


def softplus_approximation_stable(x: Tensor) -> Tensor:
    """x/(1 − e^{−x/ln 2}), by its series near 0, by e^{−|x|/(2 ln 2)} twice for x < 0"""
    bounded = torch.clamp(x, min=-1000)
    u = torch.clamp(bounded, max=1000) / _LN2  # beyond, its slope is 0 and not 0 times ∞
    is_near = torch.abs(u) < 0.5
    small = torch.where(is_near, u, 0)
    series = _horner(_VALUE_NEAR_0[: None if x.dtype == torch.float64 else 4], small * small)
    near = _LN2 * (1 + small * (0.5 + small * series))
    half, tail = _halves(torch.where(is_near, 1, u))
    far = torch.where(x < 0, -bounded * half * half, bounded) / (1 - tail)
    return torch.where(is_near, near, far)


def _gated(x: Tensor, gate: Tensor) -> Tensor:
    """x · sigmoid(gate)"""
    half, tail = _halves(gate)
    return torch.where(gate < 0, x * half * half, x) / (1 + tail)


def _gated_slope(x: Tensor, gate: Tensor, gate_slope: Any) -> Tensor:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    half, tail = _halves(gate)
    rise = x * gate_slope
    below, above = (1 + tail + rise) * half * half, 1 + tail + rise * tail
    return torch.where(gate < 0, below, above) / ((1 + tail) * (1 + tail))


@_into(_ATEN.silu.out)
def silu_native(x: Tensor) -> Tensor:
    """x · sigmoid(x)"""
    return functional.silu(x)


def silu_textbook(x: Tensor) -> Tensor:
    """x/(1 + e⁻ˣ)"""
    return x / (1 + torch.exp(-x))


def _silu_slope(x: Tensor) -> Tensor:
    """s(1 + x(1 − s)) with s = sigmoid(x)"""
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, bounded, 1)


@_wide(_silu_slope)
def silu_wide(x: Tensor) -> Tensor:
    """x e^{min(x, 0)}/(1 + e^{−|x|})"""
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, bounded)


def silu_stable(x: Tensor) -> Tensor:
    """x e^{min(x, 0)}/(1 + e^{−|x|}), by e^{−|x|/2} twice"""
    bounded = torch.clamp(x, min=-1000)
    gate = torch.clamp(bounded, max=1000)  # beyond, its slope is 0 and not 0 times ∞
    return _gated(bounded, gate)


@_into(_ATEN.gelu.out)
def gelu_native(x: Tensor) -> Tensor:
    """x · Φ(x)"""
    return functional.gelu(x)


def gelu_textbook(x: Tensor) -> Tensor:
    """½x(1 + erf(x/√2))"""
    return 0.5 * x * (1 + torch.erf(x * _ROOT_HALF))


def _gelu_slope(x: Tensor) -> Tensor:
    """Φ(x) + xφ(x)"""
    bounded = torch.clamp(x, -1000, 1000)
    density = _DENSITY_AT_0 * torch.exp(-0.5 * bounded * bounded)
    return 0.5 * torch.erfc(-bounded * _ROOT_HALF) + bounded * density


def _gelu(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    bounded = torch.clamp(x, min=-1000)
    return 0.5 * bounded * torch.erfc(-bounded * _ROOT_HALF)


@_wide(_gelu_slope)
def gelu_wide(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    return _gelu(x)


def gelu_stable(x: Tensor) -> Tensor:
    """½x erfc(−x/√2)"""
    bounded = torch.clamp(x, min=-1000)
    gate = torch.clamp(bounded, max=1000)  # beyond, its slope is 0 and not 0 times ∞
    return 0.5 * bounded * torch.erfc(-_ROOT_HALF * gate)


def _gelu_tanh_gate(x: Tensor) -> Tensor:
    """2√(2/π)(x + 0.044715x³)"""
    return 2 * _GELU_TANH * (x + 0.044715 * x * x * x)


def _gelu_tanh_gate_slope(x: Tensor) -> Tensor:
    """2√(2/π)(1 + 0.134145x²)"""
    return 2 * _GELU_TANH * (1 + 0.134145 * x * x)


@_into(lambda x, out: _ATEN.gelu.out(x, approximate="tanh", out=out))
def gelu_tanh_native(x: Tensor) -> Tensor:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return functional.gelu(x, approximate="tanh")


def gelu_tanh_textbook(x: Tensor) -> Tensor:
    """½x(1 + tanh(√(2/π)(x + 0.044715x³)))"""
    return 0.5 * x * (1 + torch.tanh(_GELU_TANH * (x + 0.044715 * x * x * x)))


def _gelu_tanh_slope(x: Tensor) -> Tensor:
    """s(1 + x · gate′ · (1 − s)) with s = sigmoid(gate)"""
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, _gelu_tanh_gate(bounded), _gelu_tanh_gate_slope(bounded))


@_wide(_gelu_tanh_slope)
def gelu_tanh_wide(x: Tensor) -> Tensor:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, _gelu_tanh_gate(bounded))


def gelu_tanh_stable(x: Tensor) -> Tensor:
    """x · sigmoid(2√(2/π)(x + 0.044715x³))"""
    bounded = torch.clamp(x, min=-50)  # where it is 0
    inner = torch.clamp(bounded, max=50)  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, _gelu_tanh_gate(inner))


def gelu_sigmoid_textbook(x: Tensor) -> Tensor:
    """x/(1 + e^{−1.702x})"""
    return x / (1 + torch.exp(-1.702 * x))


def _gelu_sigmoid_slope(x: Tensor) -> Tensor:
    """s(1 + 1.702x(1 − s)) with s = sigmoid(1.702x)"""
    bounded = torch.clamp(x, -1000, 1000)
    return _gated_slope(bounded, 1.702 * bounded, 1.702)


@_wide(_gelu_sigmoid_slope)
def gelu_sigmoid_wide(x: Tensor) -> Tensor:
    """x · sigmoid(1.702x)"""
    bounded = torch.clamp(x, min=-1000)
    return _gated(bounded, 1.702 * bounded)


def gelu_sigmoid_stable(x: Tensor) -> Tensor:
    """x · sigmoid(1.702x)"""
    bounded = torch.clamp(x, min=-1000)
    inner = torch.clamp(bounded, max=1000)  # beyond, the slope of the gate is 0 and not 0 times ∞
    return _gated(bounded, 1.702 * inner)


@_into(_ATEN.mish.out)
def mish_native(x: Tensor) -> Tensor:
    """x · tanh(softplus(x))"""
    return functional.mish(x)


def mish_textbook(x: Tensor) -> Tensor:
    """x · tanh(ln(1 + eˣ))"""
    return x * torch.tanh(torch.log(1 + torch.exp(x)))


def _mish_slope(x: Tensor) -> Tensor:
    """n/(n + 2) + 4xt(t + 1)/(n + 2)² with n = t(t + 2), t = eˣ"""
    bounded = torch.clamp(x, -1000, 1000)
    half, tail = _halves(bounded)
    below = tail * tail + 2 * tail + 2
    above = 1 + 2 * tail + 2 * tail * tail
    rise = 4 * bounded * (1 + tail)
    falling = ((tail + 2) / below + rise / (below * below)) * half * half
    rising = (1 + 2 * tail) / above + rise * tail * tail / (above * above)
    return torch.where(bounded < 0, falling, rising)


def _mish(x: Tensor) -> Tensor:
    """x·n/(n + 2) with n = t(t + 2), t = eˣ"""
    bounded = torch.clamp(x, min=-1000)
    gate = torch.clamp(bounded, max=1000)  # beyond, its slope is 0 and not 0 times ∞
    half, tail = _halves(gate)
    below = bounded * half * half * (tail + 2) / (tail * tail + 2 * tail + 2)
    above = bounded * (1 + 2 * tail) / (1 + 2 * tail + 2 * tail * tail)
    return torch.where(bounded < 0, below, above)


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
    """½(1 + x/√(x² + b))"""
    half_sum, root = _half_sum(x, b)
    tail = 0.25 * b / half_sum / root
    return torch.where(x > 0, 1 - tail, tail)


@_wide(_squareplus_slope)
def squareplus_wide(x: Tensor, b: float = 4.0) -> Tensor:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    half_sum, _ = _half_sum(x, b)
    return torch.clamp(x, min=0) + 0.25 * b / half_sum


def _hypotenuse(size: Tensor, b: float) -> Tensor:
    """√(size² + b) without a square that overflows, for b > 0"""
    # Not clamp, whose slope at the bound is that of x: of these two each has half of it.
    least = size.new_full((), math.sqrt(b))
    longer = torch.maximum(size, least)
    share = torch.minimum(size, least) / longer
    return longer * torch.sqrt(1 + share * share)


def squareplus_stable(x: Tensor, b: float = 4.0) -> Tensor:
    """max(x, 0) + ½b/(√(x² + b) + |x|)"""
    if b == 0:
        return torch.clamp(x, min=0)
    # At ∞ the slope of the root would be 0 times ∞.
    size = torch.clamp(torch.abs(x), max=torch.finfo(x.dtype).max)
    return torch.maximum(x, x.new_zeros(())) + 0.5 * b / (_hypotenuse(size, b) + size)


def softsign_native(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    return functional.softsign(x)


def softsign_textbook(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    return x / (1 + torch.abs(x))


@_wide(lambda x: torch.square(1 / (1 + torch.abs(x))))
def softsign_wide(x: Tensor) -> Tensor:
    """x/(1 + |x|)"""
    bounded = torch.clamp(x, -1e30, 1e30)
    return bounded / (1 + torch.abs(bounded))


def softsign_stable(x: Tensor) -> Tensor:
    """x/(1 + |x|) if |x| < 1, else ±(1 − 1/(1 + |x|))"""
    # By two branches: the slope of the quotient is a difference that cancels far from 0.
    size = torch.abs(x)
    small = torch.where(size < 1, x, 0)
    far = 1 - 1 / (1 + size)
    return torch.where(size < 1, small / (1 + torch.abs(small)), torch.where(x < 0, -far, far))


def isru_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(1 + αx²)"""
    return x / torch.sqrt(1 + alpha * x * x)


def _isru(x: Tensor, alpha: float) -> Tensor:
    """x/√(1 + αx²), ±1/√α far from 0"""
    far = 1e15 / math.sqrt(alpha)  # from here on x/√(1 + αx²) is 1/√α to the last bit
    bounded = torch.clamp(x, -far, far)
    return bounded / torch.sqrt(1 + alpha * bounded * bounded)


def _isru_slope(x: Tensor, alpha: float = 1.0) -> Tensor:
    """1/√(1 + αx²)³"""
    inverse = 1 / torch.sqrt(1 + alpha * x * x)  # 0 where x² overflows, and so is its cube
    return inverse * inverse * inverse


@_wide(_isru_slope)
def isru_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(1 + αx²)"""
    return _isru(x, alpha)


def isru_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x/√(x² + 1/α)/√α"""
    far = torch.finfo(x.dtype).max
    bounded = torch.clamp(x, -far, far)
    return bounded / _hypotenuse(torch.abs(bounded), 1 / alpha) / math.sqrt(alpha)


def isrlu_textbook(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return torch.where(x >= 0, x, x / torch.sqrt(1 + alpha * x * x))


@_wide(lambda x, alpha=1.0: torch.where(x >= 0, 1, _isru_slope(x, alpha)))
def isrlu_wide(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(1 + αx²)"""
    return torch.where(x >= 0, x, _isru(x, alpha))


def isrlu_stable(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x if x ≥ 0, else x/√(x² + 1/α)/√α"""
    return torch.where(x >= 0, x, isru_stable(x, alpha))


# --- over rows ------------------------------------------------------------------------------------


def _leading(x: Tensor, count: int, axis: int) -> Tensor:
    """The first numbers of each row, where rows lie on the last axis (−1) or on a counted one."""
    first = slice(count)
    return x[..., first] if axis == -1 else x[(*(slice(None) for _ in range(axis)), first)]


def _with_zero(x: Tensor, with_zero: bool, axis: int = -1) -> Tensor:
    if not with_zero:
        return x
    zero = torch.zeros_like(_leading(x, 1, axis))
    return torch.cat([x, zero], dim=axis)


def logsumexp_native(x: Tensor, with_zero: bool = False) -> Tensor:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return torch.logsumexp(_with_zero(x, with_zero), dim=-1, keepdim=True)


def logsumexp_textbook(x: Tensor, with_zero: bool = False) -> Tensor:
    """ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))"""
    return torch.log(torch.exp(_with_zero(x, with_zero)).sum(dim=-1, keepdim=True))


def _shifted_exp(x: Tensor, with_zero: bool, axis: int = -1) -> tuple[Tensor, Tensor, Tensor]:
    """exp(x − top), their sum less one, and the top of each row; an infinite top counts as exp(0).

    The sum is without one of the largest, so that nothing of the others is lost beside it.
    """
    terms = _with_zero(x, with_zero, axis)
    top = terms.amax(dim=axis, keepdim=True)
    largest = terms == top
    powers = torch.exp(torch.where(largest, 0, terms - top))
    others = torch.where(largest, 0, powers).sum(dim=axis, keepdim=True)
    count = largest.sum(dim=axis, keepdim=True)
    return powers, others + (count - 1), top


def _softmax(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ"""
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    return _leading(powers, x.shape[axis], axis) / (1 + rest)


@_wide_gradient(lambda upstream, x, with_zero=False: (upstream * _softmax(x, with_zero),))
def logsumexp_wide(x: Tensor, with_zero: bool = False) -> Tensor:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    _, rest, top = _shifted_exp(x, with_zero)
    return top + torch.log1p(rest)


def _shifted(x: Tensor, axis: int = -1) -> tuple[Tensor, Tensor]:
    """x − top, where ∞ − ∞ counts as 0, and the top of each row, as which nothing moves."""
    top = x.detach().amax(dim=axis, keepdim=True)
    return torch.where((x == top) & torch.isinf(top), 0, x - top), top


def _rest(powers: Tensor, axis: int = -1) -> Tensor:
    """The sum of each row of exp(x − top) less one, of which the 1 of the top hides nothing."""
    largest = powers == 1
    others = torch.where(largest, powers - 1, powers).sum(dim=axis, keepdim=True)
    return others + (largest.sum(dim=axis, keepdim=True) - 1)


def logsumexp_stable(x: Tensor, with_zero: bool = False) -> Tensor:
    """m + ln(1 + Σ exp(xᵢ − m)) without the 1 in the sum, m = max xᵢ, of the zero argument too"""
    shifted, top = _shifted(_with_zero(x, with_zero))
    return top + torch.log1p(_rest(torch.exp(shifted)))


def softmax_native(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    shares = torch.softmax(_with_zero(x, with_zero, axis), dim=axis)
    return _leading(shares, x.shape[axis], axis)


def softmax_textbook(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ)/Σ exp(xⱼ) over an axis; with the zero argument 1 + Σ below"""
    powers = torch.exp(_with_zero(x, with_zero, axis))
    return torch.exp(x) / powers.sum(dim=axis, keepdim=True)


def _softmax_gradient(
    upstream: Tensor, x: Tensor, with_zero: bool = False, axis: int = -1
) -> tuple[Tensor]:
    """y(g − Σ y·g), with g measured from its value at the largest entry.

    As Σ y = 1, the shift changes nothing; without it the gradient of an entry that holds nearly
    the whole share is the difference of two nearly equal numbers. The zero argument has g = 0.
    """
    powers, rest, _ = _shifted_exp(x, with_zero, axis)
    shares = powers / (1 + rest)
    pull, largest = _with_zero(upstream, with_zero, axis), powers == 1
    centre = torch.where(largest, pull, 0).sum(dim=axis, keepdim=True)
    count = largest.sum(dim=axis, keepdim=True)
    apart = pull - centre / count
    gradient = shares * (apart - (shares * apart).sum(dim=axis, keepdim=True))
    return (_leading(gradient, x.shape[axis], axis),)


@_wide_gradient(_softmax_gradient)
def softmax_wide(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    return _softmax(x, with_zero, axis)


def softmax_stable(x: Tensor, with_zero: bool = False, axis: int = -1) -> Tensor:
    """exp(xᵢ − m)/Σ exp(xⱼ − m) with m = max xᵢ, of the zero argument too"""
    powers = torch.exp(_shifted(_with_zero(x, with_zero, axis), axis)[0])
    return _leading(powers, x.shape[axis], axis) / powers.sum(dim=axis, keepdim=True)


def log_softmax_native(x: Tensor) -> Tensor:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return functional.log_softmax(x, dim=-1)


def log_softmax_textbook(x: Tensor) -> Tensor:
    """xᵢ − ln Σ exp(xⱼ) over the last axis"""
    return x - torch.log(torch.exp(x).sum(dim=-1, keepdim=True))


def _log_softmax_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    """g(1 − y) − y Σ g of the others, where of the largest 1 − y is the share of the others"""
    powers, rest, _ = _shifted_exp(x, with_zero=False)
    beside = torch.where(powers == 1, rest, 1 + rest - powers)
    others = upstream.sum(dim=-1, keepdim=True) - upstream
    return ((upstream * beside - powers * others) / (1 + rest),)


@_wide_gradient(_log_softmax_gradient)
def log_softmax_wide(x: Tensor) -> Tensor:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    _, rest, top = _shifted_exp(x, with_zero=False)
    return torch.where(x == top, 0, x - top) - torch.log1p(rest)


def log_softmax_stable(x: Tensor) -> Tensor:
    """xᵢ − m − ln(1 + Σ exp(xⱼ − m)) without the 1 in the sum, m = max xⱼ"""
    shifted, _ = _shifted(x)
    return shifted - torch.log1p(_rest(torch.exp(shifted)))


# --- gates ----------------------------------------------------------------------------------------


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    """The halves of each row."""
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def glu_native(x: Tensor) -> Tensor:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    return functional.glu(x, dim=-1)


def glu_textbook(x: Tensor) -> Tensor:
    """a/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a / (1 + torch.exp(-b))


def _glu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    half, tail = _halves(b)
    along_b = (upstream * half) * (a * half) / ((1 + tail) * (1 + tail))
    return (torch.cat([_gated(upstream, b), along_b], dim=-1),)


@_wide_gradient(_glu_gradient)
def glu_wide(x: Tensor) -> Tensor:
    """a · sigmoid(b) of the halves a, b of each row"""
    return _gated(*_split(x))


def glu_stable(x: Tensor) -> Tensor:
    """a · sigmoid(b) of the halves a, b of each row, by e^{−|b|/2} twice"""
    a, b = _split(x)
    half = _tail(0.5 * b)
    share = torch.where(b < 0, half, 1)
    return a * share * share / (1 + half * half)


def swiglu_textbook(x: Tensor) -> Tensor:
    """ab/(1 + e⁻ᵇ) of the halves a, b of each row"""
    a, b = _split(x)
    return a * b / (1 + torch.exp(-b))


def _swiglu(a: Tensor, b: Tensor) -> Tensor:
    """a · b · sigmoid(b)"""
    b = torch.clamp(b, min=-2000)  # where eᵇ times any number is 0
    half, tail = _halves(torch.clamp(b, max=40))  # from where on 1 + e⁻ᵇ is 1
    share = torch.where(b < 0, half, 1)
    return (a * share) * (b * share / (1 + tail))


def _swiglu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    bounded = torch.clamp(b, -1000, 1000)
    half, tail = _halves(bounded)
    pull, rise = upstream * a, 1 + tail + bounded
    below, above = (pull * half) * (rise * half), pull * (1 + tail + bounded * tail)
    along_b = torch.where(b < 0, below, above) / ((1 + tail) * (1 + tail))
    return (torch.cat([_swiglu(upstream, b), along_b], dim=-1),)


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
    return a * (0.5 * b * (1 + torch.erf(b * _ROOT_HALF)))


def _geglu_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    return (torch.cat([upstream * _gelu(b), upstream * a * _gelu_slope(b)], dim=-1),)


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
    return a * torch.maximum(b, b.new_zeros(()))


def _reglu_wide_gradient(upstream: Tensor, x: Tensor) -> tuple[Tensor]:
    a, b = _split(x)
    gate, slope = _hinge(b, 0, 0, upstream * b), _hinge(b, 0, 0, upstream * a)
    return (torch.cat([gate, slope], dim=-1),)


@_wide_gradient(_reglu_wide_gradient)
def reglu_wide(x: Tensor) -> Tensor:
    """ab where b > 0, else 0, of the halves a, b of each row"""
    a, b = _split(x)
    return _hinge(b, 0, 0, a * b)


# --- primitives -----------------------------------------------------------------------------------


@_into(lambda x, out: out.copy_(x))
def copy_native(x: Tensor) -> Tensor:
    """x"""
    return torch.clone(x)


@_into(lambda x, out: torch.add(x, 0.5, out=out))
def add_native(x: Tensor) -> Tensor:
    """x + ½"""
    return x + 0.5


@_into(lambda x, out: torch.mul(x, 1.5, out=out))
def multiply_native(x: Tensor) -> Tensor:
    """1.5x"""
    return 1.5 * x


@_into(torch.reciprocal)
def divide_native(x: Tensor) -> Tensor:
    """1/x"""
    # 1 / x is two operations here: the reciprocal, and a product by 1.
    return torch.reciprocal(x)


@_into(lambda x, out: torch.clamp_min(x, 0.5, out=out))
def maximum_native(x: Tensor) -> Tensor:
    """max(x, ½)"""
    return torch.clamp(x, min=0.5)


@_into(torch.abs)
def absolute_native(x: Tensor) -> Tensor:
    """|x|"""
    return torch.abs(x)


@_into(torch.sqrt)
def sqrt_native(x: Tensor) -> Tensor:
    """√x"""
    return torch.sqrt(x)


@_into(torch.exp)
def exp_native(x: Tensor) -> Tensor:
    """eˣ"""
    return torch.exp(x)


@_into(torch.expm1)
def expm1_native(x: Tensor) -> Tensor:
    """eˣ − 1"""
    return torch.expm1(x)


@_into(torch.log1p)
def log1p_native(x: Tensor) -> Tensor:
    """ln(1 + x)"""
    return torch.log1p(x)


@_into(torch.erf)
def erf_native(x: Tensor) -> Tensor:
    """2/√π ∫ e^{−t²} dt from 0 to x"""
    return torch.erf(x)


# --- the adapter ----------------------------------------------------------------------------------


class Adapter(Contract):
    """PyTorch on one device. A function is compiled for each shape, as it is where none changes."""

    def __init__(self, device: str, threads: int) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise Unsupported(
                "PyTorch sees no CUDA device here: take --device cpu, or a CUDA build"
            )
        self._device = torch.device(device)
        self._asynchronous = device == "cuda"
        self._inductor = _Inductor()
        self._compiled: dict[tuple[Any, ...], Form] = {}
        self._writers: dict[Form, Form] = {}
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:  # it can be set once per process
            torch.set_num_interop_threads(1)
        # A backward pass that is timed runs many times over the values of one forward pass.
        torch._functorch.config.donated_buffer = False
        # Neither a size nor a parameter is ever an input of a graph. `dynamic=False` says the same,
        # and takes 4 µs a call to.
        torch._dynamo.config.automatic_dynamic_shapes = False

    def versions(self) -> dict[str, str]:
        versions = {
            "torch": torch.__version__,
            "cpu capability": torch.backends.cpu.get_cpu_capability(),
        }
        if self._asynchronous:
            versions["cuda"] = str(torch.version.cuda)
            versions["device"] = torch.cuda.get_device_name()
        return versions

    def put(self, bits: Bits, dtype: str) -> Tensor:
        if not hasattr(torch, dtype):
            raise Unsupported(f"PyTorch has no {dtype}")
        signed = torch.from_numpy(bits.view(bits.dtype.name.removeprefix("u")).copy())
        return signed.view(getattr(torch, dtype)).to(self._device)

    def get(self, tensor: Tensor) -> Bits:
        width = 8 * tensor.element_size()
        signed = tensor.detach().contiguous().cpu().view(getattr(torch, f"int{width}"))
        return signed.numpy().view(f"uint{width}")

    def step(
        self,
        function: Form,
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
        return _step(self._compile(function, arrays, direction), arrays, upstream, direction)

    def wait(self, result: Any) -> None:
        if self._asynchronous:
            torch.cuda.synchronize()

    def is_ready(self, result: Any) -> bool | None:
        # A thread or another stream may still write to it.
        busy = self._asynchronous and not torch.cuda.current_stream().query()
        return False if busy else None

    def trace(self, function: Form, arrays: Sequence[Tensor]) -> None:
        function(*(array.to("meta") for array in arrays))

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

    def compilations(self) -> int:
        return self._inductor.graphs

    def from_cache(self) -> int:
        return self._inductor.loaded

    def _writing(self, function: Form) -> Form:
        """The function followed by a copy into its first argument, which compiles to one pass."""
        if function not in self._writers:

            def write(out: Tensor, *arrays: Tensor) -> Tensor:
                return out.copy_(function(*arrays))

            self._writers[function] = write
        return self._writers[function]

    def _compile(self, function: Form, arrays: Sequence[Tensor], direction: str) -> Form:
        """The function compiled for these dtypes, shapes, strides, with or without a gradient."""
        differentiated = direction != "forward"
        kinds = ((array.dtype, array.shape, array.stride()) for array in arrays)
        key = (function, differentiated, *kinds)
        if key not in self._compiled:
            alone = _alone(function, len(self._compiled))
            self._inductor.compile(alone, _leaves(arrays) if differentiated else arrays)
            self._compiled[key] = torch.compile(alone, backend=self._inductor)
        return self._compiled[key]


class _Inductor:
    """The compiler behind `torch.compile`: graphs that it compiled, and those that it loaded."""

    def __init__(self) -> None:
        self.graphs, self.loaded = 0, 0

    def __call__(self, graph: Any, inputs: Sequence[Tensor]) -> Any:
        from torch._inductor.compile_fx import compile_fx  # takes a second: eager work needs none

        made, loaded = _made(), _counted("hit")
        compiled = compile_fx(graph, inputs)
        self.graphs += 1
        self.loaded += _made() == made and _counted("hit") > loaded
        return compiled

    def compile(self, function: Form, inputs: Sequence[Tensor]) -> None:
        """Compile all of a function as one graph.

        Raises NotCompiled where a part would run eagerly, or all of it, Unsupported without g++.
        A call that asks for this is 2.5 µs dearer than a plain one, which then finds the same code.
        """
        graphs = self.graphs
        try:
            torch.compile(function, fullgraph=True, backend=self)(*inputs)
        except torch._dynamo.exc.Unsupported as error:
            reason = str(error).strip().splitlines()[0]
            raise NotCompiled(f"torch.compile runs a part eagerly: {reason}") from None
        except RuntimeError as error:
            if "InvalidCxxCompiler" in str(error):
                raise Unsupported("PyTorch finds no C++ compiler: install g++ or set CXX") from None
            raise
        if self.graphs == graphs:
            raise NotCompiled("torch.compile gave the function to another compiler than Inductor")


def _made() -> int:
    """The number of graphs that Inductor compiled and did not find in its cache."""
    return _counted("miss") + _counted("bypass")


def _counted(what: str) -> int:
    # Asked for anew each time: Inductor puts another counter in its place.
    return int(torch._dynamo.utils.counters["inductor"][f"fxgraph_cache_{what}"])


@contextmanager
def _no_synchronization() -> Iterator[None]:
    """Raise where the host waits for the device, as every copy of values to it does."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _alone(function: Form, number: int) -> Form:
    """The function under a code object of its own, which raises NotCompiled where it is run.

    What Dynamo compiled is run in its place. Dynamo counts recompilations by code object and runs
    eagerly, in silence, after eight: functions made by one factory would share that count.
    """

    def root(*arrays: Tensor) -> Tensor:
        if not torch.compiler.is_dynamo_compiling():
            raise NotCompiled("torch.compile ran the function eagerly")
        return function(*arrays)

    root.__code__ = root.__code__.replace(co_name=f"root_{number}")
    return root


def _writing_step(function: Any, arrays: Sequence[Tensor], slot: list[Tensor]) -> Step:
    form = getattr(function, "func", function)
    into = getattr(form, "into", None)
    if into is None:
        raise Unsupported("this form has no out=: every pass returns a new tensor")
    parameters = getattr(function, "keywords", {})
    return lambda: into(*arrays, out=slot[0], **parameters)


def _leaves(arrays: Sequence[Tensor]) -> list[Tensor]:
    return [array.detach().requires_grad_() for array in arrays]


def _step(
    function: Form,
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
