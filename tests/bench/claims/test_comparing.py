"""Comparisons say at which kind of inputs two functions part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from actbench.bench.claims.comparing import ORDINARY, Part, compared, outcome
from actbench.bench.claims.functions import Functions, Lacking, NoResult, Setting, in_each
from actbench.bench.claims.ground import Effort
from actbench.bench.exactness.reference import Reference
from actbench.bench.results.claims import Figure, Verdict
from actbench.bench.workers.supervised import Workers

INPUTS = np.array([math.nan, math.inf, -math.inf, 0.0, -0.0, 2.0**-149, 1.0, -2.0, 3.0])
NAMES = ("one", "other")
THREES = Part("three", lambda x, _: x == 3)


@pytest.fixture
def at() -> Setting:
    functions = Functions(Workers([]), Effort({"": ""}))
    return Setting(functions, "numpy", "eager", "float32")


def changed(at_input: float, to: float) -> Any:
    """The inputs with another number in place of one of them, zeros by their sign."""
    same = (at_input == INPUTS) & (np.signbit(INPUTS) == np.signbit(at_input))
    return np.where(same, to, INPUTS)


def places(figures: Iterator[Figure]) -> dict[str, bool | None]:
    return {figure.place: figure.holds for figure in figures}


def test_equal_results_give_one_figure_that_holds(at: Setting) -> None:
    assert places(compared(at, NAMES, INPUTS, INPUTS, INPUTS)) == {"": True}


@pytest.mark.parametrize(
    ("where", "to", "place"),
    [
        (math.inf, math.nan, "∞"),
        (-math.inf, 0.0, "−∞"),
        (0.0, 1.0, "0"),
        (-0.0, 1.0, "−0"),
        (2.0**-149, 1.0, "subnormal numbers"),
        (3.0, 4.0, "three"),
    ],
)
def test_a_difference_is_found_at_its_kind_of_inputs(
    at: Setting, where: float, to: float, place: str
) -> None:
    found = places(compared(at, NAMES, INPUTS, changed(where, to), INPUTS, parts=(THREES,)))
    assert found == {"elsewhere": True, place: False}


def test_where_ordinary_numbers_fail_nothing_holds(at: Setting) -> None:
    (figure,) = compared(at, NAMES, INPUTS, changed(-2.0, 5.0), INPUTS)
    assert (figure.place, figure.holds, figure.value, figure.at) == (ORDINARY, False, 1, -2)


def test_bits_differ_where_numbers_do_not(at: Setting) -> None:
    positive = changed(-0.0, 0.0)
    assert places(compared(at, NAMES, INPUTS, positive, INPUTS)) == {"": True}
    same = compared(at, NAMES, INPUTS, positive, INPUTS, same=True)
    assert places(same) == {"elsewhere": True, "−0": False}


def test_a_distance_is_counted_in_ulp_of_the_format(at: Setting) -> None:
    beside = changed(3.0, 3 + 5 * 2.0**-22)
    for wanted in (INPUTS, Reference.of(INPUTS)):
        assert places(compared(at, NAMES, INPUTS, beside, wanted, ulps=5)) == {"": True}
        (figure,) = compared(at, NAMES, INPUTS, beside, wanted, ulps=4)
        assert (figure.value, figure.unit) == (5, "ulp")


def test_a_part_that_does_not_decide_informs(at: Setting) -> None:
    part = Part("three", THREES.includes, decides=False)
    figures = tuple(compared(at, NAMES, INPUTS, changed(3.0, 4.0), INPUTS, parts=(part,)))
    assert outcome(figures).verdict is Verdict.HOLDS
    assert not outcome(figures).why


def test_the_reason_names_the_places_that_fail_most(at: Setting) -> None:
    def failing(place: str) -> Figure:
        return at.figure("of", 1.0, False, place=place)

    figures = [failing(place) for place in ("0", "∞", "∞", "NaN", "NaN", "NaN", "−0")]
    assert outcome(figures).why == "It fails at NaN, ∞ and 0."
    assert not outcome([at.figure("of", 1.0, True, place="0")]).why


def test_a_function_that_fails_leaves_its_claim_open(at: Setting) -> None:
    def failing(_: Setting) -> Iterator[Figure]:
        raise NoResult("it raised")

    def lacking(_: Setting) -> Iterator[Figure]:
        raise Lacking

    (figure,) = in_each([at], failing)
    assert figure.holds is None
    assert figure.name == "no result: it raised"
    assert not in_each([at], lacking)
