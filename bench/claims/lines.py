"""Lines of NumPy that textbooks print and people copy, exactly as printed.

A process that times them imports this module: it needs only NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ALPHA = 0.01


def relu(x: Array) -> Array:
    """max(0, x)"""
    return np.maximum(0, x)


def relu_by_product(x: Array) -> Array:
    """x · [x > 0]"""
    return x * (x > 0)


def relu_by_absolute(x: Array) -> Array:
    """(|x| + x)/2"""
    return (abs(x) + x) / 2


def leaky_relu(x: Array, alpha: float = ALPHA) -> Array:
    """x if x ≥ 0, else αx"""
    return np.where(x >= 0, x, alpha * x)


def elu(x: Array, alpha: float = ALPHA) -> Array:
    """x if x ≥ 0, else α(eˣ − 1)"""
    return np.where(x >= 0, x, alpha * (np.exp(x) - 1))


def sigmoid(x: Array) -> Array:
    """1/(1 + e⁻ˣ)"""
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    """ln(1 + eˣ)"""
    results: Array = np.log(1 + np.exp(x))
    return results
