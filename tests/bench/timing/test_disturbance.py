"""Visits beside a neighbour that slows them down: found by the unit's time, repeated, left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.results.samples import Paired
from actbench.bench.timing.costs import gathered
from actbench.bench.timing.disturbance import Paces, disturbed

_GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 64, 1)


def _visit(
    unit_time: int, time: int = 300, case: Case = _GELU, process: int = 0, unit: str = "native"
) -> Paired:
    """Eight blocks of two calls each."""
    blocks = (False,) * 8
    elapsed, unit_elapsed = (2 * time,) * 8, (2 * unit_time,) * 8
    return Paired(case, process, unit, 2, 2, elapsed, unit_elapsed, blocks, (0,) * 8)


def test_a_visit_is_disturbed_where_the_unit_is_far_slower_than_at_its_best() -> None:
    visits = [_visit(100), _visit(118, process=1), _visit(160, process=2)]
    paces = Paces(visits)
    assert [paces.disturbed(visit) for visit in visits] == [False, False, True]
    assert disturbed(visits).share == pytest.approx(1 / 3)


def test_units_of_another_size_or_form_are_no_measure() -> None:
    larger = replace(_GELU, size=4096)
    visits = [_visit(100), _visit(900, case=larger), _visit(160, unit="max")]
    assert not any(map(Paces(visits).disturbed, visits))


def test_a_visit_without_a_unit_is_never_disturbed() -> None:
    visits = [_visit(100), _visit(900, unit="")]
    assert not Paces(visits).disturbed(visits[1])


@given(st.permutations([(100, 300), (170, 400), (140, 390)]))
def test_of_several_visits_in_a_process_the_calmest_counts(order: list[tuple[int, int]]) -> None:
    visits = [_visit(unit_time, time) for unit_time, time in order]
    process = gathered(visits)[_GELU].processes[0]
    assert process.time == 300
    assert process.ratio == pytest.approx(3)
    assert disturbed(visits).count == 0
    assert disturbed(visits).of == 1
