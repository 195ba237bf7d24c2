"""Where functions cross 0: numbers known from elsewhere, and none where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, ctx

from actbench.bench.catalog.activations import REFERENCES, find_reference
from actbench.bench.exactness import reference
from actbench.bench.exactness.zeros import NEAR, beside_zero, crossings

_ELEMENTWISE = [name for name, record in REFERENCES.items() if not record.rowwise]

# silu'(x) = 0 where x = −1 − W(1/e) and gelu_sigmoid'(x) there over 1.702; W(1/e) is 0.27846….
_LAMBERT = 0.2784645427610738
KNOWN = {
    ("gelu", "backward"): (-0.7517915246935645,),
    ("silu", "backward"): (-1 - _LAMBERT,),
    ("gelu_sigmoid", "backward"): ((-1 - _LAMBERT) / 1.702,),
    ("mish", "backward"): (-1.1924312,),
    ("hard_swish", "backward"): (-1.5,),
    ("log", "forward"): (1.0,),
    ("add", "forward"): (-0.5,),
}


@pytest.mark.parametrize(("label", "direction"), KNOWN)
def test_known_zeros(label: str, direction: str) -> None:
    expected = KNOWN[label, direction]
    rel = 1e-7 if label == "mish" else 1e-15
    assert crossings(label, direction) == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(
    "label", ["relu", "sigmoid", "elu", "softplus", "exp", "tanh", "absolute", "sqrt", "erfc"]
)
def test_where_there_is_none(label: str, direction: str) -> None:
    """A function that touches 0, jumps across it or has it at 0 itself has no zero beside it."""
    assert crossings(label, direction) == ()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", _ELEMENTWISE)
def test_a_crossing_is_between_values_of_either_sign(label: str, direction: str) -> None:
    ctx.prec = 200
    function = reference.function_of(find_reference(label), direction)
    for zero in crossings(label, direction):
        below, above = (function(arb(zero * (1 + side * 1e-14))) for side in (-1, 1))
        assert bool(below * above < 0)


def test_beside_is_within_a_sixteenth_of_the_zero() -> None:
    gelu, zero = find_reference("gelu"), -0.7517915246935645
    inside, outside = zero * (1 + NEAR * 0.999), zero * (1 - NEAR * 1.001)
    x = np.array([zero, inside, outside, -zero, 0.0, math.nan, math.inf, -math.inf])
    assert beside_zero(x, gelu, "backward").tolist() == [True, True, *[False] * 6]
    assert not beside_zero(x, gelu, "forward").any()
