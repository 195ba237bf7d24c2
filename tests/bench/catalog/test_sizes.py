"""Size classes: they rise, each fits the cache it is named for, and streaming leaves none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import sizes
from actbench.bench.catalog.sizes import CLASSES, from_caches, size_classes, streams
from actbench.bench.host import machine

KIB, MIB = 2**10, 2**20
PAIR = 8
"""Bytes of an element's input and output in float32."""


@st.composite
def real_caches(draw: st.DrawFn) -> dict[str, int]:
    """Caches as processors have them: each level some times the one before, none a power of two."""
    first = draw(st.integers(8 * KIB, 256 * KIB))
    second = first * draw(st.integers(8, 64))
    last = second * draw(st.integers(1, 64))
    return {"L1d": first, "L2": second, **({"L3": last} if last > second else {})}


any_caches = st.dictionaries(st.sampled_from(["L1d", "L1i", "L2", "L3"]), st.integers(1, 2**31))


@given(any_caches)
def test_classes_rise_whatever_the_machine_tells(caches: dict[str, int]) -> None:
    found = from_caches(caches)
    assert tuple(found) == CLASSES
    assert all(small < large for small, large in pairwise(found.values()))
    assert found["launch"] == 64


@given(any_caches)
def test_every_class_is_a_power_of_two(caches: dict[str, int]) -> None:
    """So that rows of 256 divide it, and halves and quarters of one are whole."""
    assert all(size & (size - 1) == 0 for size in from_caches(caches).values())


@given(real_caches())
def test_each_class_fits_its_cache(caches: dict[str, int]) -> None:
    found = from_caches(caches)
    last = caches.get("L3", caches["L2"])
    assert PAIR * found["l1"] <= 3 / 4 * caches["L1d"]
    assert PAIR * found["between"] <= PAIR * found["l2"] <= caches["L2"] / 2
    assert PAIR * found["last_level"] <= max(last / 4, caches["L2"])


@given(real_caches())
def test_classes_in_cache_are_far_enough_apart_for_a_line(caches: dict[str, int]) -> None:
    found = from_caches(caches)
    assert 4 * found["l1"] <= found["l2"]
    assert found["l1"] < found["between"] < found["l2"]


@given(real_caches())
def test_the_last_class_leaves_no_cache_any_reuse(caches: dict[str, int]) -> None:
    """Twice the last level, up to 256 MiB; where that is not enough, buffers take turns."""
    memory = from_caches(caches)["memory"]
    last = caches.get("L3", caches["L2"])
    assert PAIR * memory >= min(2 * last, 256 * MIB)
    assert 4 * memory >= 32 * MIB, "malloc maps an output of this size afresh"


def test_a_machine_that_tells_nothing_has_classes() -> None:
    assert from_caches({}) == from_caches({"L1d": 32 * KIB, "L2": MIB})


def test_the_classes_of_a_machine_by_its_caches() -> None:
    found = from_caches({"L1d": 48 * KIB, "L2": 2 * MIB, "L3": 105 * MIB})
    assert found == {
        "launch": 64,
        "l1": 2**12,
        "between": 2**14,
        "l2": 2**17,
        "last_level": 2**21,
        "memory": 2**25,
    }


def test_this_machine_and_a_gpu_have_every_class() -> None:
    assert size_classes("cpu") == from_caches(machine.cache_bytes())
    gpu = size_classes("cuda")
    assert tuple(gpu) == CLASSES
    assert all(small < large for small, large in pairwise(gpu.values()))


@pytest.mark.parametrize(("itemsize", "share"), [(2, 2), (4, 1), (8, 1 / 2)])
def test_what_streams_depends_on_bytes_not_on_elements(itemsize: int, share: float) -> None:
    least = int(size_classes("cpu")["memory"] * share)
    assert streams(least, itemsize, "cpu")
    assert not streams(least - 1, itemsize, "cpu")


def test_caches_are_read_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"L1d": "48K", "L2": "2M", "L3": "1G", "L4": "", "L5": "some"}
    monkeypatch.setattr(sizes.machine, "_caches", lambda: told)
    assert machine.cache_bytes() == {"L1d": 48 * KIB, "L2": 2 * MIB, "L3": 1024 * MIB}
