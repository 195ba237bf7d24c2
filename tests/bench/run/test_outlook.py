"""The time that is left: less with every phase, and what earlier phases took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.run.outlook import Outlook

CASES = [
    Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64 << place, 1)
    for place in range(10)
]
SECONDS = st.floats(0.1, 100)


@given(start=SECONDS, prepare=SECONDS, measure=SECONDS)
def test_what_was_measured_stands_for_what_is_to_come(
    start: float, prepare: float, measure: float
) -> None:
    outlook = Outlook(CASES, 4, 10.0, checked=True)
    for number in range(2):
        for phase, seconds in {"start": start, "prepare": prepare, "measure": measure}.items():
            outlook.took(phase, number, seconds)
    assert abs(outlook.left() - (2 * (start + prepare + measure) + 5.0)) < 1e-6


def test_less_is_left_with_every_phase_and_nothing_beyond_the_budget() -> None:
    outlook = Outlook(CASES, 2, 10.0, checked=True)
    before = outlook.left()
    for number in range(2):
        for phase in ("start", "prepare", "measure"):
            outlook.took(phase, number, 1.0)
            assert outlook.left() <= before + 10.0
    outlook.took("measure", 2, 12.0)
    assert outlook.left() == 0


def test_checking_and_compiling_are_foreseen() -> None:
    assert Outlook(CASES, 1, 0.0, True).left() > Outlook(CASES, 1, 0.0, False).left()
