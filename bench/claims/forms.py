"""Claims on the form to copy: the price of being right, for each delicate activation."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.activations import find
from ..catalog.cases import DELICATE, Case
from ..results.claims import Figure, Outcome, Topic
from ..results.estimate import Estimate
from .claim import claim
from .costs import Costs, above

PRINTED, WIDE = "textbook", "wide"
_WHERE = {"direction": "forward", "device": "cpu", "dtype": "float32", "place": "l2"}
_ULP = 1000.0
"""The largest error of a form that counts as right: four digits, whether or not subnormal results
are flushed. A form that overflows, cancels or vanishes is off by 10⁷ and more."""


def _claim_of(activation: str) -> None:
    """Make the claim that a right form of an activation costs more than its printed formula."""

    def judge(costs: Costs, times: float = 1.0, most: float = _ULP) -> Outcome:
        return _price(costs, activation, times, most)

    judge.__name__ = f"a_right_{activation}_costs_more"
    claim(
        Topic.FORM,
        f"Correctness is expensive: the form of {activation} that is right at every finite input "
        "costs more than the printed one.",
        source="Common belief about numerically stable forms, as in Stack Overflow, Avoid overflow "
        "with softplus function in Python",
        method=f"The cheapest form in float32 that errs by {_ULP:,.0f} ulp at most, over "
        f"{find(activation).formula} as printed, forward, in cache, on one CPU thread. Holds above "
        "1; errors, and float64 instead, inform.",
    )(judge)


for _activation in DELICATE:
    _claim_of(_activation)


def _price(costs: Costs, activation: str, times: float, most: float) -> Outcome:
    """The price of being right in each framework and mode where the formula was timed as printed.

    A form is right if its error is at most `most` ulp.
    """
    figures: list[Figure] = []
    for printed in costs.forms(activation, form=PRINTED, **_WHERE):
        setting = {"framework": printed.framework, "mode": printed.mode, **_WHERE}
        forms = list(costs.forms(activation, **setting))
        right = [case for case in forms if _is_right(costs, case, most) and case.form != WIDE]
        figures += _errors(costs, [printed])
        if right:
            cheapest = min(right, key=lambda case: costs.by_case[case].value)
            figures.append(_over(costs, cheapest, printed, times))
            figures += _errors(costs, [cheapest] if cheapest != printed else [])
        for wide in (case for case in forms if case.form == WIDE):
            ratio = costs.over(wide, printed)
            name = f"{WIDE} over {PRINTED}"
            figures.append(costs.figure(name, ratio, wide, None, decides=False))
            figures += _errors(costs, [wide])
    decided = any(figure.decides for figure in figures)
    return costs.outcome(figures if decided else ())


def _over(costs: Costs, case: Case, printed: Case, times: float) -> Figure:
    """The price of a right form; a printed form that is right itself costs nothing extra."""
    if case == printed:
        return costs.figure(f"{PRINTED}, which is right", Estimate(1.0, 1.0, 1.0), case, times < 1)
    ratio = costs.over(case, printed)
    return costs.figure(f"{case.form} over {PRINTED}", ratio, case, above(times)(ratio))


def _is_right(costs: Costs, case: Case, most: float) -> bool:
    error = costs.errors.get(case.anywhere)
    return error is not None and error <= most


def _errors(costs: Costs, cases: list[Case]) -> Iterator[Figure]:
    """The largest error of each case that was checked, which only informs."""
    for case in cases:
        error = costs.errors.get(case.anywhere)
        if error is not None:
            name, largest = f"largest error of {case.form}", Estimate(error)
            yield costs.figure(name, largest, case, None, unit="ulp", decides=False)
