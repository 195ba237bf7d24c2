"""Certificates: what is counted, against counts taken one by one, and how parts become a whole."""

from __future__ import annotations

import json
import math
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.exactness import double, reference
from actbench.bench.exactness.judge import STEPS, judge, merge, with_medians
from actbench.bench.exactness.problem import problem_at, problem_of
from actbench.bench.results.rows import Point
from actbench.bench.results.samples import Certificate
from actbench.bench.results.store import dump

Array = np.ndarray[Any, Any]
DTYPE = "float16"

_results = st.sampled_from(
    [0x0000, 0x8000, 0x0001, 0x3800, 0x3C00, 0x3C01, 0xBC00, 0x7C00, 0xFC00, 0x7E00]
)
_pairs = st.lists(st.tuples(st.integers(0, 2**16 - 1), _results | st.integers(0, 2**16 - 1)))


def _certificate(pairs: list[tuple[int, int]], label: str = "sigmoid") -> Certificate:
    bits, results = (np.array(column, np.uint16) for column in zip(*pairs, strict=True))
    return judge(problem_at(find(label), "forward", DTYPE, bits), results)


@given(_pairs.filter(bool), st.lists(st.integers(0, 40), max_size=4))
@example([(0x7E00, 0x7E00), (0x0000, 0x3800)], [1])
def test_parts_in_order_make_the_whole(pairs: list[tuple[int, int]], cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(pairs)) for cut in cuts), len(pairs)]
    parts = [pairs[i:j] for i, j in pairwise(places) if i < j]
    whole = _certificate(pairs)
    assert reduce(merge, map(_certificate, parts)) == whole
    assert merge(Certificate(), whole) == merge(whole, Certificate()) == whole


@given(_pairs.filter(bool), _pairs.filter(bool), _pairs.filter(bool))
def test_it_does_not_matter_which_parts_are_put_together_first(
    one: list[tuple[int, int]], two: list[tuple[int, int]], three: list[tuple[int, int]]
) -> None:
    a, b, c = map(_certificate, (one, two, three))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(_pairs.filter(bool))
def test_counts_are_those_of_each_result_by_itself(pairs: list[tuple[int, int]]) -> None:
    """The definitions again, in Python's numbers, one result at a time."""
    found = _certificate(pairs)
    nan = infinite = sign = 0
    for bits, result in pairs:
        x, got = (float(np.uint16(each).view(np.float16)) for each in (bits, result))
        right = float(np.float16(1 / (1 + math.exp(-x)))) if x > -700 else 0.0
        nan += math.isnan(got) != math.isnan(x)
        numbers = not math.isnan(x) and not math.isnan(got)
        infinite += numbers and math.isinf(got) != math.isinf(right)
        seen = x > -494  # e⁻⁴⁹⁵ is too near to 0 to have a sign
        sign += numbers and seen and math.copysign(1, got) < 0
    assert (found.nan_mismatches, found.infinity_mismatches, found.sign_mismatches) == (
        *(nan, infinite, sign),
    )
    assert found.tested == len(pairs) == sum(found.histogram.values())
    assert found.histogram.get("nan", 0) == nan


@given(_pairs.filter(bool))
def test_the_worst_input_has_the_largest_error_by_itself(pairs: list[tuple[int, int]]) -> None:
    found = _certificate(pairs)
    alone = [_certificate([pair]) for pair in pairs]
    assert found.max_ulp == max(each.max_ulp for each in alone)
    first = next(each for each in alone if each.max_ulp == found.max_ulp)
    if found.max_ulp > 0:
        assert found.worst == first.worst
    assert found.not_correctly_rounded == sum(each.not_correctly_rounded for each in alone)


@given(_pairs.filter(bool))
def test_places_that_are_named_are_inputs_of_their_own_kind(pairs: list[tuple[int, int]]) -> None:
    found = _certificate(pairs)
    values = inputs.from_bits(np.array([bits for bits, _ in pairs], np.uint16), DTYPE)
    tried = {float(each).hex() for each in values}
    for named, count in (
        (found.nan_first, found.nan_mismatches),
        (found.infinity_first, found.infinity_mismatches),
        (found.sign_first, found.sign_mismatches),
    ):
        assert {point.input for point in named} <= tried
        assert len(named) == min(count, 3)
    if found.worst:
        assert found.worst.input in tried
    assert bool(found.worst) == bool(np.isfinite(values).any())


def test_a_histogram_counts_by_the_ends_of_its_steps() -> None:
    """An error on the end of a step belongs to it, also one that is only just above."""
    activation = find("copy")
    x = np.ones(len(STEPS) + 2)
    bits = inputs.to_bits(x, "float32")
    unit = 2.0**-23
    errors = [0.0, 0.5, 1.0, 1.5, 2.0, 4.0, 16.0, 256.0, 65536.0, 65537.0]
    exact = reference.exact_at(lambda v: v, x - np.array(errors) * unit)
    problem = problem_at(activation, "forward", "float32", bits)
    problem.exact.high[:], problem.exact.low[:] = exact.high, exact.low
    problem.exact.exponent[:] = exact.exponent
    found = judge(problem, bits).histogram
    # Below 1 an ulp is half as large: errors of 0.5 and 1 ulp at 1 are of 1 and 2 ulp there.
    assert found == {"0.5": 1, "1.0": 1, "2.0": 1, "4.0": 2, "16.0": 1, "256.0": 1} | {
        "65536.0": 1,
        "inf": 2,
    }


def test_an_error_at_an_infinite_input_is_a_mismatch_and_no_ulp() -> None:
    """And no place for the worst input: at one that is finite the error is larger than none."""
    found = _certificate([(0x7C00, 0x0000), (0xFC00, 0x3C00), (0x0000, 0x3800)])
    assert found.max_ulp == 0
    assert found.worst == Point("0x0.0p+0", got=0.5, exact=0.5)
    assert found.not_correctly_rounded == 2
    assert found.histogram["0.5"] == 1


def test_a_certificate_comes_back_from_json() -> None:
    found = _certificate([(0x3C00, 0x7E00), (0xBC00, 0xBC00), (0x0000, 0x7C00)])
    assert found.max_ulp == math.inf
    again = Certificate.from_dict(json.loads(dump(found.as_dict())))
    assert again == found
    assert merge(Certificate(), again) == found


# --- over [−20, 20], and outside ------------------------------------------------------------------


def _off(places: dict[float, int], label: str = "copy", dtype: str = "float32") -> Certificate:
    """The certificate of a copy on the grid and some inputs, off by some bits at some of them."""
    bits = np.unique(
        np.concatenate([inputs.grid(dtype), inputs.to_bits(np.array([*places]), dtype)])
    )
    results = bits.copy()
    for x, off in places.items():
        results[bits == inputs.to_bits(np.array([x]), dtype)] += results.dtype.type(off)
    return with_medians(judge(problem_at(find(label), "forward", dtype, bits), results))


def test_near_figures_are_of_inputs_up_to_20_and_trouble_of_the_others() -> None:
    found = _off({1.5: 3, 20.0: 2, 20.5: 900, 1e6: 1001, -3e30: 5000, math.inf: 1})
    assert (found.max_ulp_near, found.trouble_outside) == (3.0, 2)
    assert found.max_absolute_near == 2 * 2.0**-19  # two units at 20 are more than three at 1.5
    assert (found.median_ulp_near, found.median_absolute_near, found.near) == (0.0, 0.0, ())


def test_a_median_is_over_the_points_of_the_grid_alone() -> None:
    """A unit at each of them, none at a thousand tiny numbers between."""
    tiny = inputs.to_bits(np.geomspace(1e-30, 1e-3, 5000), "float32")
    bits = np.concatenate([tiny, inputs.grid("float32")])
    results = bits.copy()
    results[len(tiny) :] += np.uint32(1)
    found = with_medians(judge(problem_at(find("copy"), "forward", "float32", bits), results))
    spacing = np.median(np.spacing(np.abs(np.linspace(-20, 20, 1601)).astype(np.float32)))
    assert (found.median_ulp_near, found.median_absolute_near) == (1.0, float(spacing))


def test_in_16_bits_a_number_counts_as_often_as_a_point_is_nearest_to_it() -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    problem = problem_at(find("copy"), "forward", "bfloat16", bits)
    assert len(problem.typical) == 1601
    assert np.array_equal(problem.bits[problem.typical], np.sort(inputs.grid("bfloat16")))


def test_a_flushed_subnormal_is_no_trouble_and_an_infinity_is() -> None:
    bits = inputs.to_bits(np.array([30.0, -90.0, 1e30, 60000.0]), "float32")
    results = inputs.to_bits(np.array([1.0, 0.0, math.inf, 1.0]), "float32")
    found = judge(problem_at(find("sigmoid"), "forward", "float32", bits), results)
    assert (found.trouble_outside, found.max_ulp_near) == (1, None)


def test_a_flushed_subnormal_does_not_make_a_form_inexact_near_0() -> None:
    """A copy that gives 0 for a subnormal is right to the bit elsewhere."""
    bits = inputs.to_bits(np.array([1.0, 1e-39, -1e-40]), "float32")
    results = inputs.to_bits(np.array([1.0, 0.0, -0.0]), "float32")
    found = judge(problem_at(find("copy"), "forward", "float32", bits), results)
    assert found.max_ulp > 1e5
    assert found.max_ulp_near is not None
    assert found.max_ulp_near <= 1


def test_a_wrong_infinity_or_nan_near_0_is_an_infinite_error() -> None:
    bits = inputs.to_bits(np.array([1.0, 2.0]), "float32")
    for wrong in (math.inf, math.nan):
        results = inputs.to_bits(np.array([1.0, wrong]), "float32")
        found = judge(problem_at(find("copy"), "forward", "float32", bits), results)
        assert found.max_absolute_near == math.inf


def test_points_without_a_value_are_in_no_median() -> None:
    bits = inputs.grid("float32")
    x = inputs.from_bits(bits, "float32")
    with np.errstate(invalid="ignore"):
        results = np.sqrt(x).astype(np.float32).view(np.uint32) + np.uint32(2)
    found = with_medians(judge(problem_at(find("sqrt"), "forward", "float32", bits), results))
    assert found.median_ulp_near is not None
    assert 1.5 <= found.median_ulp_near <= 2.5


def test_rows_are_near_where_all_their_entries_are() -> None:
    problem = problem_of(find("softmax"), "forward", "float32", 0, 0)
    near = [bool((np.abs(row) <= 20).all()) for row in problem.x]
    assert 0 < sum(near) < len(near)
    results = inputs.to_bits(problem.value, "float32")
    results[near.index(False), 0] = inputs.to_bits(np.array([math.nan]), "float32")[0]
    found = with_medians(judge(problem, results))
    assert found.trouble_outside == 1
    assert found.max_ulp_near is not None
    assert found.max_ulp_near <= 0.5


def test_the_float64_tier_has_the_same_figures_as_the_judge() -> None:
    """Around 20, where a block has inputs of both kinds."""
    first = inputs.place_of(20.0, "float32") - 3000
    bits = inputs.bits_at(first, 6000, "float32")
    x = inputs.from_bits(bits, "float32")
    results = inputs.to_bits(x / (1 + np.exp(-x)), "float32")
    results[[10, 5990]] += np.array([2, 7000], np.uint32)
    tier = double.examine(find("silu"), "forward", "float32", bits, results)
    plain = judge(problem_at(find("silu"), "forward", "float32", bits), results)
    for name in ("max_ulp_near", "max_absolute_near"):
        assert getattr(tier, name) == pytest.approx(getattr(plain, name), rel=1e-6)
    assert tier.trouble_outside == plain.trouble_outside == 1
    assert len(tier.near) == len(plain.near) == 1


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("worst", [7, 8195, 20_000])
def test_blocks_of_a_stretch_are_one_certificate(worst: int) -> None:
    """The judge takes 8,192 at a time: the one that is off is named wherever it lies."""
    first = inputs.place_of(0.5, "float32")
    bits = inputs.bits_at(first, 20_001, "float32")
    results = bits.copy()
    results[worst] += 3
    found = double.examine(find("relu"), "forward", "float32", bits, results)
    assert (found.tested, found.max_ulp, found.not_correctly_rounded) == (20_001, 3.0, 1)
    assert found.worst is not None
    assert found.worst.x == inputs.from_bits(bits[worst : worst + 1], "float32")[0]
    assert found.histogram == {"0.5": 20_000, "4.0": 1}


def test_rows_name_entries_of_the_output() -> None:
    problem = problem_of(find("softmax"), "forward", DTYPE, 0, 0)
    results = inputs.to_bits(problem.value, DTYPE)
    results[2, 1] ^= np.uint16(1 << 13)
    worst = judge(problem, results).worst
    assert worst is not None
    assert (worst.input, worst.output) == ("", 33)
