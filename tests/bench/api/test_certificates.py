"""Certificates from Python, and assertions on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import actbench
from actbench.bench.host.errors import UsageError

Array = np.ndarray[Any, Any]


def _exactly(x: Array) -> Array:
    return np.tanh(x.astype(np.float64)).astype(x.dtype)


def test_every_input_of_a_small_format_is_tried() -> None:
    certified = actbench.certify(_exactly, "tanh", dtype="float16")
    assert certified.max_ulp <= 0.5
    assert certified.certificate.not_correctly_rounded == 0
    assert certified.certificate.tested == 2**16
    assert str(certified).startswith("_exactly against tanh, forward, float16: at most 0.5 ulp")


def test_a_fault_at_one_input_fails_with_that_input() -> None:
    def wrong_at_one(x: Array) -> Array:
        return np.where(x == 2, np.nextafter(_exactly(x), x.dtype.type(0)), _exactly(x))

    actbench.assert_ulp(wrong_at_one, "tanh", "float16", bound=2, framework="numpy")
    with pytest.raises(AssertionError, match=r"at 0x1.0+p\+1 \(got .*the bound is 0.6 ulp"):
        actbench.assert_ulp(wrong_at_one, "tanh", "float16", bound=0.6, framework="numpy")


def test_nan_is_beyond_every_bound() -> None:
    def holed(x: Array) -> Array:
        return np.where(x == 1, np.nan, _exactly(x)).astype(x.dtype)

    with pytest.raises(AssertionError, match="NaN out of place"):
        actbench.assert_ulp(holed, "tanh", "float16", bound=1e9, framework="numpy")


@pytest.mark.parametrize(
    ("function", "reference", "where", "sentence"),
    [
        (_exactly, "tan", {}, "unknown activation 'tan'"),
        (_exactly, "tanh", {"direction": "both"}, "of one direction"),
        (
            _exactly,
            "tanh",
            {"shape": (2, 3), "row": 3},
            "inputs of its own, .* leave out shape, row",
        ),
        (_exactly, "", {}, "a function needs a reference"),
        ("tanh", "gelu", {"framework": "numpy"}, "an activation by name is its own"),
        (lambda x: x[1:], "tanh", {"framework": "numpy"}, "it must return one like its input"),
    ],
)
def test_what_cannot_be_certified_is_a_sentence(
    function: Any, reference: str, where: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        actbench.certify(function, reference, dtype="float16", **where)


def test_the_catalogue_is_a_table() -> None:
    table = actbench.activations()
    assert {"relu", "gelu", "squareplus"} <= set(table.index)
    assert table.loc["relu", "family"] == "max"
