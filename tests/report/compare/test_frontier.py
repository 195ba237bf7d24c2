"""The front of speed and exactness against its definition, taken pair by pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.report.compare.frontier import HALF, error, frontier
from actbench.report.read.evidence import COARSE, Checked, Estimate, Timed

COSTS = st.tuples(*3 * [st.floats(0.1, 100.0)]).map(sorted)
FORMS = st.tuples(
    st.sampled_from(["max", "algebraic", "exp"]),
    st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0, 3.0, 2000.0, 1e7, float("inf")]),
    COSTS,
    st.booleans(),
)


def timed(place: int, family: str, ulp: float, cost: list[float], bare: bool) -> Timed:
    case = Case("torch", f"a{place}", "native", "eager", "forward", "cpu", "float32", 65536, 1)
    low, value, high = cost
    estimate = Estimate(value) if bare else Estimate(value, low, high)
    exactness = Checked("run", case, family, False, True, ulp)
    return Timed("run", case, family, False, True, {"relative_cost": estimate}, exactness)


@given(st.lists(FORMS, max_size=12))
def test_a_form_is_on_the_front_unless_another_beats_it(forms: list[tuple]) -> None:
    every = [timed(place, *form) for place, form in enumerate(forms)]
    rivals = [form for form in every if form.family != "max"]

    def beaten(form: Timed) -> bool:
        low = form.cost.low
        return low is not None and any(
            error(other) <= error(form) and other.cost.high is not None and other.cost.high < low
            for other in rivals
        )

    front = frontier(every)
    assert {id(form) for form in front.members} == {id(form) for form in rivals if not beaten(form)}
    assert [error(form) for form in front.members] == sorted(map(error, front.members))


@given(st.lists(FORMS, max_size=12))
def test_the_steps_go_up_and_to_the_left(forms: list[tuple]) -> None:
    front = frontier(timed(place, *form) for place, form in enumerate(forms))
    costs, errors = [end for end, _ in front.corners], [end for _, end in front.corners]
    assert costs == sorted(set(costs), reverse=True)
    assert errors == sorted(set(errors))


def test_an_error_counts_as_far_as_it_distinguishes_forms() -> None:
    shown = [error(timed(0, "exp", ulp, [1.0, 1.0, 1.0], False)) for ulp in (0.1, 0.7, 5e6)]
    assert shown == [HALF, 0.7, COARSE]
