"""Inputs: bit patterns and what a grid covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.dtypes import DTYPES


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


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_places_are_all_patterns_in_the_order_of_their_numbers(dtype: str) -> None:
    places = inputs.places(dtype)
    bits = inputs.bits_at(places.start, len(places), dtype)
    assert np.array_equal(np.sort(bits), np.arange(2**16, dtype=np.uint16))
    values = inputs.from_bits(bits, dtype)
    number = ~np.isnan(values)
    assert (np.diff(values[number]) >= 0).all()
    assert [inputs.place_of(float(each), dtype) for each in values[number]] == [
        place for place, there in zip(places, number, strict=True) if there
    ]


@given(st.floats(width=32, allow_nan=False), st.integers(1, 50))
def test_places_of_float32_follow_numpys_next_number(value: float, steps: int) -> None:
    """Both zeros have a place, and NaN comes after infinity."""
    bits = inputs.bits_at(inputs.place_of(value, "float32"), steps, "float32")
    expected = [np.float32(value)]
    while len(expected) < steps and np.isfinite(expected[-1]):
        last = expected[-1]
        negative_zero = last == 0 and np.signbit(last)
        with np.errstate(all="ignore"):
            after = np.nextafter(last, np.float32(np.inf))
        expected.append(np.float32(0.0) if negative_zero else after)
        if after == 0 and last < 0:
            expected[-1] = np.float32(-0.0)
    known = np.array(expected, np.float32).view(np.uint32)
    assert np.array_equal(bits[: len(known)], known)


@given(st.floats(allow_nan=False), st.sampled_from(list(DTYPES)))
def test_a_place_is_that_of_the_nearest_number(value: float, dtype: str) -> None:
    place = inputs.place_of(value, dtype)
    nearest = inputs.from_bits(inputs.bits_at(place, 1, dtype), dtype)[0]
    assert nearest == inputs.from_bits(inputs.to_bits(np.array([value]), dtype), dtype)[0]
    assert np.signbit(nearest) == np.signbit(value)
    assert place in inputs.places(dtype)


def test_the_ends_of_float64_have_places_too() -> None:
    whole = inputs.places("float64")
    assert (whole.start, whole.stop) == (-(2**63), 2**63)
    assert [inputs.place_of(value, "float64") for value in (0.0, -0.0, 5e-324, -5e-324)] == [
        *(0, -1, 1, -2),
    ]
    around = inputs.from_bits(inputs.bits_at(-3, 6, "float64"), "float64")
    assert around.tolist() == [-1e-323, -5e-324, -0.0, 0.0, 5e-324, 1e-323]
    assert np.isnan(inputs.from_bits(inputs.bits_at(whole.start, 1, "float64"), "float64")).all()


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_adversarial_rows_undo_careless_sums(dtype: str) -> None:
    """Each of the four kinds breaks the sum that it is against, in its own format."""
    rows = inputs.from_bits(inputs.structured_rows(dtype, 1), dtype)
    overflowing, logarithms, level, absorbed = np.split(rows[-32:].astype(dtype), 4)
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(overflowing).sum(axis=-1, dtype=dtype)).all()
    total = np.log(np.exp(logarithms.astype(np.float64)).sum(axis=-1))
    assert np.abs(total).max() < 16 * np.finfo(dtype).eps * np.abs(logarithms).max()
    assert (level == level[:, :1]).all()
    terms = np.exp(absorbed.astype(np.float64))
    alone = (terms[:, :1] + terms[:, 1:]).astype(dtype)
    together = terms.sum(axis=-1).astype(dtype)
    assert ((alone - 1) <= 2 * np.finfo(dtype).eps).all()
    assert (together - 1 > 4 * np.finfo(dtype).eps).all()


def test_learned_rows_shrink_every_second_row_more_and_more() -> None:
    values = inputs.from_bits(inputs.learned_rows((64, 256), "float32", 4), "float32")
    plain = inputs.from_bits(inputs.timing((64, 256), "float32", 4), "float32")
    assert np.array_equal(values[::2], plain[::2])
    ratio = values[1::2] / plain[1::2]
    expected = 2.0 ** (-np.arange(1, 64, 2) / 4)
    np.testing.assert_allclose(ratio, expected[:, None].repeat(256, 1), rtol=2.0**-23)
