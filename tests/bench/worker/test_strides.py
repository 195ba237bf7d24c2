"""Layouts and units: the same values whichever way they lie, and rows along any axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.given import LAYOUTS
from actbench.bench.worker.buffers import Buffer
from actbench.bench.worker.units import Units
from actbench.impls import numpy as numpy_forms

_SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@pytest.fixture(scope="module", params=["numpy", "torch"])
def adapter(request: pytest.FixtureRequest) -> Any:
    if request.param == "numpy":
        return numpy_forms.Adapter("cpu", 1)
    pytest.importorskip("torch", reason="PyTorch is not installed here")
    from actbench.impls import torch as torch_forms

    return torch_forms.Adapter("cpu", 1)


def _bits(shape: tuple[int, ...]) -> Any:
    return np.arange(1, math.prod(shape) + 1, dtype=np.uint32).reshape(shape)


def _layouts(shape: tuple[int, ...]) -> list[str]:
    return [layout for layout in LAYOUTS if layout != "channels_last" or len(shape) == 4]


@given(shape=_SHAPES, shift=st.integers(0, 200))
def test_the_values_are_the_same_whichever_layout(
    adapter: Any, shape: tuple[int, ...], shift: int
) -> None:
    bits = _bits(shape)
    for layout in _layouts(shape):
        buffer = Buffer(adapter, bits, "float32", layout=layout)
        assert tuple(buffer.tensor.shape) == shape
        assert np.array_equal(adapter.get(buffer.tensor), bits)
        assert np.array_equal(buffer.bits, bits)
        rolled = Buffer(adapter, buffer.bits, "float32", shift % bits.size, layout)
        seen = adapter.get(rolled.tensor)
        assert np.array_equal(np.sort(seen, axis=None), bits.reshape(-1))
        assert np.array_equal(rolled.at(np.arange(bits.size)), seen.reshape(-1))


@given(shape=_SHAPES)
def test_changes_are_where_they_are_said_to_be_and_are_undone(
    adapter: Any, shape: tuple[int, ...]
) -> None:
    bits, others = _bits(shape), np.array([2**20], np.uint32)
    for layout in _layouts(shape):
        buffer = Buffer(adapter, bits, "float32", layout=layout, others=others)
        buffer.change()
        seen = adapter.get(buffer.tensor).reshape(-1)
        assert set(np.flatnonzero(seen != bits.reshape(-1))) == set(buffer.changed)
        assert (seen[buffer.changed] == 2**20).all()
        assert np.array_equal(buffer.at(np.arange(bits.size)), seen)
        assert not buffer.repair()
        assert np.array_equal(adapter.get(buffer.tensor), bits)
        buffer.tensor[...] *= -1
        assert buffer.repair()
        assert np.array_equal(adapter.get(buffer.tensor), bits)


def test_layouts_are_those_of_the_framework(adapter: Any) -> None:
    shape = (2, 3, 4, 5)
    for layout, strides in (("strided", (120, 40, 10, 2)), ("channels_last", (60, 1, 15, 3))):
        tensor = Buffer(adapter, _bits(shape), "float32", layout=layout).tensor
        known = tensor.stride() if hasattr(tensor, "stride") else np.divide(tensor.strides, 4)
        assert tuple(known) == strides
    if hasattr(tensor, "stride"):
        import torch

        assert tensor.is_contiguous(memory_format=torch.channels_last)


@given(shape=_SHAPES, data=st.data())
def test_units_are_the_rows_along_an_axis(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.one_of(st.none(), st.integers(-1, len(shape) - 1)))
    units, flat = Units(shape, axis), np.arange(math.prod(shape)).reshape(shape)
    last = flat.reshape(-1, 1) if axis is None else np.moveaxis(flat, axis, -1)
    rows = last.reshape(-1, units.width)
    assert units.count == len(rows)
    assert np.array_equal(units.places(np.arange(units.count)), rows)
    assert np.array_equal(units.apart(flat), rows)
    assert np.array_equal(units.of(rows), np.arange(units.count)[:, None].repeat(units.width, 1))
