"""Layers of a network on NumPy arrays, each with its gradient; activations are the framework's.

All arrays have a row per sample and a column per unit. A layer keeps what its last call was given,
from which `backward` makes the gradient along its inputs, and those along its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .buffers import Array
from .protocol import Weights

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call
    from .steps import Steps

_NEVER_ZERO = 1e-5
"""Added to a variance: Ioffe, Szegedy 2015 (arXiv 1502.03167), algorithm 1."""


def variance(weights: Weights, inputs: int, outputs: int) -> float:
    """The variance of the weights of a layer with so many inputs and outputs.

    He et al. 2015 (arXiv 1502.01852), equation 10; Glorot, Bengio 2010, equation 12; LeCun et al.
    1998, Efficient BackProp, equation 16; Krizhevsky et al. 2012, section 5.
    """
    return {
        Weights.HE: 2 / inputs,
        Weights.GLOROT: 2 / (inputs + outputs),
        Weights.LECUN: 1 / inputs,
        Weights.SMALL: 0.01**2,
    }[weights]


class Function:
    """An activation as the framework computes it, on NumPy arrays of the call's dtype."""

    def __init__(self, steps: Steps, adapter: Contract, call: Call) -> None:
        self._steps, self._adapter = steps, adapter
        self._forward = replace(call, direction="forward")
        self._backward = replace(call, direction="backward")
        self.dtype = np.dtype(call.dtype)

    @property
    def learned(self) -> list[Array]:
        """The learned parameters, at their initial values."""
        return [
            np.full(learned.shape, learned.value, self.dtype) for learned in self._forward.learned
        ]

    def value(self, *arrays: Array) -> Array:
        """The activation of an input, and of its learned parameters."""
        return self._get(self._steps.forward(self._forward, self._put(arrays)))

    def gradients(self, upstream: Array, *arrays: Array) -> list[Array]:
        """The gradients of `upstream` along the input, and along each learned parameter."""
        (pull,) = self._put([upstream])
        action = self._steps.action(self._backward, self._put(arrays), lambda _: pull)
        result = action()
        self._adapter.wait(result)
        pairs = zip(result, arrays, strict=True)
        return [self._get(tensor).reshape(array.shape) for tensor, array in pairs]

    def _put(self, arrays: Sequence[Array]) -> list[Any]:
        bits = f"u{self.dtype.itemsize}"
        whole = (np.asarray(array, order="C") for array in arrays)
        return [self._adapter.put(array.view(bits), self.dtype.name) for array in whole]

    def _get(self, tensor: Any) -> Array:
        return self._adapter.get(tensor).view(self.dtype)


class Layer(Protocol):
    """A layer; training changes its parameters in place."""

    parameters: list[Array]
    gradients: list[Array]

    def forward(self, x: Array, fresh: bool = True) -> Array:
        """The outputs. Statistics of a batch are those of the last one unless `fresh`."""

    def backward(self, upstream: Array) -> Array:
        """The gradient along the inputs, from that along the outputs."""


class Dense(Layer):
    """Weights, a row per input and a column per output, and biases."""

    def __init__(self, weights: Array, bias: Array) -> None:
        self.parameters = [weights, bias]

    def forward(self, x: Array, fresh: bool = True) -> Array:
        weights, bias = self.parameters
        self._given = x
        return x @ weights + bias

    def backward(self, upstream: Array) -> Array:
        self.gradients = [self._given.T @ upstream, upstream.sum(axis=0)]
        return upstream @ self.parameters[0].T


class Normalised(Layer):
    """Batch normalisation, with a learned scale and shift: Ioffe, Szegedy 2015, algorithm 1."""

    def __init__(self, scale: Array, shift: Array) -> None:
        self.parameters = [scale, shift]

    def forward(self, x: Array, fresh: bool = True) -> Array:
        if fresh:
            self._mean = x.mean(axis=0)
            self._deviation = np.sqrt(x.var(axis=0) + x.dtype.type(_NEVER_ZERO))
        self._standard = (x - self._mean) / self._deviation
        scale, shift = self.parameters
        scaled: Array = scale * self._standard + shift
        return scaled

    def backward(self, upstream: Array) -> Array:
        along_scale = (upstream * self._standard).sum(axis=0)
        along_shift = upstream.sum(axis=0)
        self.gradients = [along_scale, along_shift]
        common = (along_shift + self._standard * along_scale) / len(upstream)
        along: Array = self.parameters[0] * (upstream - common) / self._deviation
        return along


class Activated(Layer):
    """An activation, and the price `l1` of its outputs: the sum of their sizes per sample."""

    def __init__(self, function: Function, l1: float = 0.0) -> None:
        self._function, self._l1 = function, l1
        self.parameters = function.learned

    def forward(self, x: Array, fresh: bool = True) -> Array:
        self.given = x
        self.output = self._function.value(x, *self.parameters)
        return self.output

    @property
    def price(self) -> float:
        """The price of the outputs beside the loss, in the mean over samples."""
        return self._l1 * float(np.abs(self.output).sum()) / len(self.output)

    def backward(self, upstream: Array) -> Array:
        if self._l1:
            upstream = upstream + np.sign(self.output) * (self._l1 / len(upstream))
        self.pulled, *self.gradients = self._function.gradients(
            upstream, self.given, *self.parameters
        )
        return self.pulled

    def slopes(self) -> Array:
        """The derivative at all that was last given."""
        ones = np.ones_like(self.given)
        return self._function.gradients(ones, self.given, *self.parameters)[0]
