"""The activations that people name, by family, the most common first."""

from __future__ import annotations

from collections.abc import Mapping

NAMED: Mapping[str, tuple[str, ...]] = {
    "exp": ("gelu", "silu", "elu"),
    "algebraic": ("squareplus",),
    "max": ("leaky_relu",),
}
