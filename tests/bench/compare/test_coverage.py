"""Coverage: cells of independent runs, whose truth is known here, agree as often as they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.compare import coverage
from actbench.bench.compare.coverage import Cell
from actbench.bench.results.rows import Row

CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 1000, 1)


def _row(case: Case, value: float, half: float, plain: bool = True) -> Row:
    low, high = value * math.exp(-half), value * math.exp(half)
    return Row(case, "relative_cost", value, low, high, plain=plain)


def _cases(count: int) -> list[Case]:
    return [Case(**{**vars(CASE), "size": 64 + place}) for place in range(count)]


def test_runs_of_known_noise_agree_in_95_of_100_cells() -> None:
    noise, random = 0.02, np.random.default_rng(0)
    runs = [
        [_row(case, 2 * math.exp(random.normal(0, noise)), 1.96 * noise) for case in _cases(4000)]
        for _ in range(2)
    ]
    every, torch = coverage.coverage(runs)
    assert (every.framework, torch.framework, torch.mode) == ("", "torch", "eager")
    assert every.cells == every.agree.of == 4000
    assert 0.94 < every.agree.share < 0.96
    assert every.narrow.of == 8000
    assert every.narrow.count == 0
    assert every.wider.count == 8000
    assert coverage.exit_status([every]) == 0


def test_intervals_that_are_half_as_wide_as_the_noise_fail() -> None:
    random = np.random.default_rng(0)
    runs = [
        [_row(case, math.exp(random.normal(0, 0.02)), 0.02) for case in _cases(400)]
        for _ in range(2)
    ]
    lines = coverage.coverage(runs)
    assert lines[0].agree.share < 0.75, "68 % in truth"
    assert coverage.exit_status(lines) == 1


def test_units_other_forms_and_what_one_run_lacks_are_left_out() -> None:
    one, other, third = _cases(3)
    unit = Row(third, "relative_cost", 1.0, 1.0, 1.0, plain=True)
    first = [_row(one, 2.0, 0.01), _row(other, 2.0, 0.01), unit]
    second = [_row(one, 2.0, 0.01), _row(other, 2.0, 0.01, plain=False), unit]
    assert coverage.coverage([first, second])[0].cells == 1


def test_runs_without_a_common_cost_do_not_pass() -> None:
    lines = coverage.coverage([[], []])
    assert coverage.exit_status(lines) == 1
    assert coverage.words(lines) == "The runs have no cost in common."


@pytest.mark.parametrize(("value", "agrees"), [(1.0, True), (1.027, True), (1.029, False)])
def test_ends_that_face_each_other_decide(value: float, agrees: bool) -> None:
    """Half widths of 2 % each allow 2.83 %."""
    one = Cell(CASE, 1.0, 0.5, math.exp(0.02))
    other = Cell(CASE, value, value * math.exp(-0.02), 9.0)
    assert one.agrees(other) is other.agrees(one) is agrees
