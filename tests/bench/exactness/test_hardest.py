"""Inputs that are hard to round, and zeros of functions: against Arb and against known numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from actbench.bench.catalog import formulas as exact
from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import Activation, find_reference
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import reference
from actbench.bench.exactness.hardest import hardest

Array = np.ndarray[Any, Any]
DIRECTIONS = ["forward", "backward"]


def _distance(activation: Activation, direction: str, x: float, dtype: str) -> float:
    """How far the exact value is from the middle between two numbers, in ulp."""
    ctx.prec = 300
    value = abs(reference.function_of(activation, direction)(arb(x)))
    binade = int(np.frexp(float(value))[1])
    scaled = value / arb(2) ** (binade - DTYPES[dtype].precision) - arb("0.5")
    return float(abs(scaled - (scaled + arb("0.5")).floor()))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("label", ["gelu", "exp", "softplus", "tanh", "log1p", "erfc"])
@pytest.mark.parametrize(("dtype", "near"), [("float32", 2.0**-8), ("float64", 2.0**-13)])
def test_chosen_inputs_lie_next_to_a_middle(
    label: str, direction: str, dtype: str, near: float
) -> None:
    """Four of a window of 2¹⁰ or 2¹⁶: of random fractions these are some 2⁻⁹ and 2⁻¹⁵ off."""
    activation = find_reference(label)
    chosen = inputs.from_bits(hardest(activation, direction, dtype, 5), dtype)
    assert len(chosen) > 60
    off = [_distance(activation, direction, float(x), dtype) for x in chosen]
    assert np.quantile(off, 0.3) < near  # the others are where the function is nearly a line
    random = chosen * (1 + 2.0**-9)
    by_chance = [_distance(activation, direction, float(x), dtype) for x in random]
    assert np.quantile(off, 0.3) < np.median(by_chance) / 50


def test_of_a_window_the_nearest_of_all_are_chosen() -> None:
    """Every input of it by Arb."""
    activation = find_reference("exp")
    chosen = hardest(activation, "forward", "float32", 3)
    start = np.uint32(inputs.to_bits(np.array([1.5]), "float32")[0])
    fmt = DTYPES["float32"]
    from actbench.bench.exactness.hardest import _window

    function = reference.function_of(activation, "forward")
    picked = _window(function, start, fmt)
    x = inputs.from_bits(start + np.arange(2**10, dtype=np.uint32), "float32")
    off = np.array([_distance(activation, "forward", float(each), "float32") for each in x])
    assert set(picked - start) == set(np.argsort(off)[:4])
    assert chosen.dtype == np.uint32


def test_they_are_seeded_and_of_both_signs() -> None:
    gelu = find_reference("gelu")
    one, again, other = (hardest(gelu, "forward", "float32", seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    x = inputs.from_bits(one, "float32")
    assert (x < 0).any()
    assert (x > 0).any()


def test_where_nothing_bends_or_nothing_is_there_is_nothing_hard() -> None:
    """A level function has no inputs next to a middle; a root none below 0."""
    level = hardest(find_reference("relu"), "backward", "float32", 1)
    assert len(level) == 0 or all(
        _distance(find_reference("relu"), "backward", float(x), "float32") == 0.5
        for x in inputs.from_bits(level, "float32")
        if x > 0
    )
    roots = inputs.from_bits(hardest(find_reference("sqrt"), "forward", "float32", 1), "float32")
    assert len(roots) > 60
    assert (roots > 0).all()
    with pytest.raises(exact.NoValue):
        reference.function_of(find_reference("sqrt"), "forward")(arb(-1))
