"""Inputs: bit patterns and what a grid covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import inputs
from bench.dtypes import DTYPES


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_16_bit_pattern_reads_back(dtype: str) -> None:
    bits = np.arange(2**16, dtype=np.uint32).astype(np.uint16)
    values = inputs.from_bits(bits, dtype)
    again = inputs.to_bits(values, dtype)
    number = ~np.isnan(values)
    assert np.array_equal(again[number], bits[number])
    assert np.isnan(inputs.from_bits(again[~number], dtype)).all()


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    """An independent definition: eight bits of significand, rounded to nearest even."""
    assert inputs.to_bits(np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, -2.0]), "bfloat16").tolist() == [
        *(0x3F80, 0x3F80, 0x3F82, 0xC000),
    ]


@given(st.floats(width=32))
def test_float32_rounds_as_numpy_does(value: float) -> None:
    bits = inputs.to_bits(np.array([value]), "float32")
    assert bits[0] == np.float32(value).view(np.uint32)


@pytest.mark.parametrize("dtype", list(DTYPES))
def test_the_grid_has_every_binade_of_both_signs_and_the_special_values(dtype: str) -> None:
    fmt = DTYPES[dtype]
    values = inputs.from_bits(inputs.stratified(dtype, 2, seed=3), dtype)
    finite = values[np.isfinite(values) & (values != 0)]
    for sign in (-1, 1):
        found = set(np.frexp(finite[np.sign(finite) == sign])[1] - 1)
        assert found == set(range(fmt.emin - fmt.precision + 1, fmt.emax + 1))
    assert {0.0, np.inf, -np.inf} <= set(values)
    assert np.isnan(values).any()
    assert (np.signbit(values) & (values == 0)).any()


def test_a_positive_domain_has_the_sizes_of_the_same_values() -> None:
    everywhere = inputs.from_bits(inputs.timing((64, 8), "float32", 2), "float32")
    positive = inputs.from_bits(inputs.timing((64, 8), "float32", 2, "positive"), "float32")
    assert (everywhere < 0).any()
    assert np.array_equal(positive, np.abs(everywhere))


def test_the_same_seed_gives_the_same_inputs() -> None:
    for make in (
        lambda seed: inputs.timing((4, 8), "float32", seed),
        lambda seed: inputs.stratified("float32", 4, seed),
        lambda seed: inputs.structured_rows("float64", seed),
    ):
        assert np.array_equal(make(5), make(5))
        assert not np.array_equal(make(5), make(6))
