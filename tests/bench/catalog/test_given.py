"""Inputs by name: what can be said, what a file must be, and what the values are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_
from hypothesis import strategies as st

from actbench.bench.catalog import given, inputs
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.host.errors import UsageError

_SHAPE = (16, 64)


def _drawn(values: str, dtype: str, domain: Any = "all") -> Any:
    return inputs.from_bits(inputs.timing(_SHAPE, dtype, 3, domain, values), dtype)


@pytest.mark.parametrize("dtype", list(DTYPES))
def test_subnormal_inputs_are_and_saturated_ones_have_no_exponential(dtype: str) -> None:
    fmt = DTYPES[dtype]
    subnormal, saturated = _drawn("subnormal", dtype), _drawn("saturated", dtype)
    assert fmt.is_subnormal(subnormal).all()
    for drawn in (subnormal, saturated):
        assert 0.4 < (drawn < 0).mean() < 0.6
        assert len(np.unique(drawn)) > 32
    with np.errstate(over="ignore", under="ignore"):
        powers = inputs.from_bits(inputs.to_bits(np.exp(saturated), dtype), dtype)
    assert set(np.unique(powers)) == {0, np.inf}
    for values in given.DRAWN:
        positive = _drawn(values, dtype, "positive")
        assert np.array_equal(positive, np.abs(_drawn(values, dtype)))


@given_(
    st.floats(-1e30, 1e30, allow_subnormal=False), st.floats(-1e30, 1e30, allow_subnormal=False)
)
def test_a_range_is_named_by_its_ends_exactly(one: float, other: float) -> None:
    low, high = sorted((one, other))
    name = f"uniform:{low!r},{high!r}"
    if low == high:
        with pytest.raises(UsageError, match="the less one first"):
            given.values(name)
        return
    known = given.values(name)
    assert given.values(known) == known
    assert given.ends(known) == (low, high)


def test_a_range_is_filled_and_not_left() -> None:
    drawn = _drawn("uniform:-5,-1", "float64")
    assert -5 <= drawn.min() < -4.9
    assert -1.1 < drawn.max() <= -1
    assert (_drawn("uniform:-5,-1", "float64", "positive") == drawn).all()


def _written(path: Path, array: Any) -> str:
    np.save(path, array)
    return str(path)


@pytest.mark.parametrize("dtype", list(DTYPES))
@pytest.mark.parametrize("stored", ["float16", "float32", "float64", ">f8"])
def test_a_file_is_rounded_once_to_the_format_of_a_case(
    tmp_path: Path, dtype: str, stored: str
) -> None:
    held = np.array([[0.1, -2, np.nan], [np.inf, 5e-324, 6e4]]).astype(stored)
    name = given.values(_written(tmp_path / "x.npy", held))
    bits = inputs.timing((3, 2), dtype, 0, "positive", given.resolved(name))
    expected = inputs.to_bits(held.astype(np.float64).reshape(3, 2), dtype)
    assert np.array_equal(bits, expected)


def test_a_file_is_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name has a digest of that: a changed file is other inputs, and another case."""
    monkeypatch.chdir(tmp_path)
    name = given.values(_written(Path("x.npy"), np.zeros(3)))
    assert re.fullmatch("x\\.npy@[0-9a-f]{12}", name)
    assert given.values(name) == name
    assert given.resolved(name) == str(tmp_path / name)
    _written(Path("x.npy"), np.ones(3))
    assert given.values("x.npy") != name
    with pytest.raises(UsageError, match="holds other numbers than it did"):
        given.values(name)
    _written(Path("x.npy"), np.zeros(3))
    assert given.values("x.npy") == name


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"not at all", "write it with numpy.save"),
        (b"", "write it with numpy.save"),
        (np.zeros(3, np.int64), "holds int64: save float16 or float32 or float64"),
        (np.zeros(3, complex), "holds complex128"),
        (np.array([{}]), "write it with numpy.save"),
        (np.zeros((2, 0)), "has the shape (2, 0)"),
        (np.float64(1), "has the shape ()"),
    ],
)
def test_a_file_that_holds_no_numbers_is_one_sentence(
    tmp_path: Path, content: Any, reason: str
) -> None:
    path = tmp_path / "x.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(UsageError, match=re.escape(reason)) as refused:
        given.values(str(path))
    assert "\n" not in str(refused.value)


@given_(st.lists(st.integers(1, 10**6), min_size=1, max_size=5))
def test_a_shape_reads_back(lengths: list[int]) -> None:
    shape = given.written(tuple(lengths))
    assert given.dimensions(shape) == tuple(lengths)


@pytest.mark.parametrize("text", ["", "x", "3x", "3x-1", "3x0", "3,4", "1.5x2", "٣x2x"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot read the shape"):
        given.dimensions(text)
