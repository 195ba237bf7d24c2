"""Size classes: they rise, each fits the cache it is named for, and what is from memory is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import sizes
from actbench.bench.catalog.places import Outputs, Place, Where, named
from actbench.bench.catalog.sizes import (
    CLASSES,
    buffers,
    buffers_of,
    from_caches,
    place,
    places,
    size_classes,
)
from actbench.bench.host.caches import caches

KIB, MIB, GIB = 2**10, 2**20, 2**30
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
def test_classes_rise_whatever_the_machine_says(caches: dict[str, int]) -> None:
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
    assert caches["L2"] / 8 < PAIR * found["l2"] <= caches["L2"] / 4
    assert PAIR * found["last_level"] <= max(last / 4, caches["L2"] / 2)


@given(real_caches())
def test_classes_in_cache_are_far_enough_apart_for_a_line(caches: dict[str, int]) -> None:
    found = from_caches(caches)
    assert 4 * found["l1"] <= found["l2"]
    assert found["l1"] < found["between"] < found["l2"]


@given(real_caches())
def test_a_call_from_memory_is_moderate_and_many_times_the_second_level(
    caches: dict[str, int],
) -> None:
    memory = PAIR * from_caches(caches)["memory"]
    assert memory >= max(16 * MIB, caches["L2"] / 2)
    assert memory <= max(16 * MIB, caches["L2"])


def test_a_machine_that_says_nothing_has_classes() -> None:
    assert from_caches({}) == from_caches({"L1d": 32 * KIB, "L2": MIB})


@pytest.mark.parametrize(
    ("caches", "expected"),
    [
        ((48 * KIB, 2 * MIB, 105 * MIB), (2**12, 2**14, 2**16, 2**20, 2**21)),
        ((32 * KIB, MIB, 32 * MIB), (2**11, 2**13, 2**15, 2**20, 2**21)),
        ((32 * KIB, 256 * KIB, 8 * MIB), (2**11, 2**12, 2**13, 2**18, 2**21)),
        ((64 * KIB, 256 * KIB, 256 * KIB), (2**11, 2**12, 2**13, 2**14, 2**21)),
        ((32 * KIB, 4 * MIB, 4 * MIB), (2**11, 2**14, 2**17, 2**18, 2**21)),
        ((128 * KIB, 16 * MIB, 16 * MIB), (2**13, 2**16, 2**19, 2**20, 2**21)),
        ((48 * KIB, 2 * MIB, 480 * MIB), (2**12, 2**14, 2**16, 2**20, 2**21)),
    ],
)
def test_the_classes_of_a_machine_by_its_caches(
    caches: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    found = from_caches(dict(zip(("L1d", "L2", "L3"), caches, strict=True)))
    assert tuple(found.values()) == (64, *expected)


def test_this_machine_and_a_gpu_have_every_class() -> None:
    known = caches()
    levels = {"L1d": known.first.bytes, "L2": known.second.bytes, "L3": known.last.bytes}
    assert size_classes("cpu") == from_caches(levels)
    gpu = size_classes("cuda")
    assert tuple(gpu) == CLASSES
    assert all(small < large for small, large in pairwise(gpu.values()))


@given(st.integers(1, 64 * MIB), st.integers(1, 2 * GIB), st.integers(0, GIB))
def test_buffers_leave_the_caches_as_far_as_memory_goes(
    call: int, to_leave: int, most: int
) -> None:
    count = buffers(call, to_leave, most)
    assert count == 1 or count * call <= most
    assert count * call >= 2 * to_leave or (count + 1) * call > most
    assert count == 1 or (count - 1) * call < 2 * to_leave, "and no more than it takes"


@pytest.mark.parametrize(("itemsize", "share"), [(2, 2), (8, 1 / 2)])
def test_the_bytes_that_go_round_are_the_same_for_every_format(
    itemsize: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "_to_leave", lambda: 32 * MIB)
    monkeypatch.setattr(sizes, "_most", lambda: GIB)
    memory = size_classes("cpu")["memory"]
    assert buffers_of(memory, itemsize, "cpu") == buffers_of(memory, 4, "cpu") * share
    assert buffers_of(memory - 1, itemsize, "cpu") == 1
    assert buffers_of(size_classes("cuda")["memory"], itemsize, "cuda") == 1


@pytest.mark.parametrize(
    ("touched", "second", "last", "ends", "expected"),
    [
        (128 * MIB, MIB, 32 * MIB, True, Where.MEMORY),
        (64 * MIB, MIB, 32 * MIB, True, Where.MEMORY),
        (48 * MIB, MIB, 32 * MIB, True, Where.LAST_LEVEL),
        (960 * MIB, 2 * MIB, 480 * MIB, True, Where.MEMORY),
        (256 * MIB, 2 * MIB, 480 * MIB, True, Where.LAST_LEVEL),
        (960 * MIB, 2 * MIB, 480 * MIB, False, Where.LAST_LEVEL),
        (16 * MIB, MIB, MIB, True, Where.MEMORY),
        (512 * KIB, MIB, MIB, True, Where.CACHE),
        (8 * MIB, MIB, 32 * MIB, True, Where.LAST_LEVEL),
    ],
)
def test_a_place_is_what_the_bytes_say(
    touched: int, second: int, last: int, ends: bool, expected: Where
) -> None:
    assert place("memory", touched, second, last, ends) == Place(expected)
    assert place("launch", touched, second, last, ends) == Place(Where.CALL)


def test_every_class_has_a_place_on_either_device() -> None:
    for device in ("cpu", "cuda"):
        assert tuple(places(device)) == CLASSES
        assert places(device)["l2"] == Place(Where.CACHE)
        assert all(where.outputs is Outputs.KEPT for where in places(device).values())


def test_a_class_of_an_older_run_is_where_its_name_says() -> None:
    assert [named(name) for name in ("launch", "l2")] == [Place(Where.CALL), Place(Where.CACHE)]
    assert named("memory") == Place(Where.MEMORY, Outputs.FRESH_PAGES)
    assert named("65536") is None
