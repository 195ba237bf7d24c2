"""Numbers of tables, which have fewer digits in the page than in the run."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from actbench.report.tables.columns import short


@given(st.floats(1e-12, 1e12))
@example(8.334997)
@example(0.99999949)
def test_three_digits_of_a_number_are_those_of_the_whole_number(value: float) -> None:
    kept = short(value)
    assert f"{kept:.3g}" == f"{value:.3g}"
    assert isinstance(kept, float)
    assert math.isclose(kept, value, rel_tol=1e-5)
