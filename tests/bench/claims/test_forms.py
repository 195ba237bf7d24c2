"""The price of being right, from costs and errors that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.claims.claim import claims
from actbench.bench.claims.costs import Costs
from actbench.bench.claims.ground import Unavailable
from actbench.bench.results.claims import Figure, Outcome, Verdict
from tests.bench.claims.alike import rows_of, run_of

PRINTED = Case(
    *("torch", "softplus", "textbook", "eager", "forward", "cpu", "float32"),
    size_classes("cpu")["l2"],
    1,
)


def judged(*forms: tuple[str, float, float], mode: str = "eager") -> Outcome:
    """The claim on softplus, by the cost and the error of its forms."""
    rows = [
        row
        for form, cost, ulp in forms
        for row in rows_of(replace(PRINTED, form=form, mode=mode), cost, ulp)
    ]
    run = run_of(rows)
    outcome = claims()["a-right-softplus-costs-more"].judge(Costs(run.records, run.facts, run.path))
    assert isinstance(outcome, Outcome)
    return outcome


def deciding(outcome: Outcome) -> Sequence[tuple[str, float]]:
    return [(figure.name, round(figure.value, 9)) for figure in outcome.figures if figure.decides]


def test_the_cheapest_right_form_in_the_same_format_is_what_being_right_costs() -> None:
    forms = ("textbook", 2.0, 1e9), ("native", 9.0, 1.0), ("logaddexp", 3.0, 2.0)
    outcome = judged(*forms, ("wide", 2.5, 0.5), ("blocked", 1.0, 1e4))
    assert deciding(outcome) == [("logaddexp over textbook", 1.5)]
    assert outcome.verdict is Verdict.HOLDS


def test_a_wider_format_and_errors_inform_alone() -> None:
    outcome = judged(("textbook", 2.0, 1e9), ("native", 3.0, 1.0), ("wide", 8.0, 0.5))
    informing = {figure.name: figure.value for figure in outcome.figures if not figure.decides}
    errors = {"textbook": 1e9, "native": 1.0, "wide": 0.5}
    expected = {f"largest error of {form}": error for form, error in errors.items()}
    assert informing == {**expected, "wide over textbook": 4.0}
    assert deciding(outcome) == [("native over textbook", 1.5)]


def test_a_run_without_a_right_form_lacks_cases() -> None:
    with pytest.raises(Unavailable, match="actbench run --profile claims"):
        judged(("textbook", 2.0, 1e9), ("wide", 8.0, 0.5))


def test_a_printed_formula_that_is_right_and_cheapest_costs_no_more() -> None:
    outcome = judged(("textbook", 2.0, 1.0), ("native", 3.0, 1.0))
    assert deciding(outcome) == [("textbook, which is right", 1.0)]
    assert outcome.verdict is Verdict.FAILS


def test_a_right_form_that_is_cheaper_is_against_the_claim() -> None:
    outcome = judged(("textbook", 4.0, 1e9), ("native", 1.0, 1.0))
    assert deciding(outcome) == [("native over textbook", 0.25)]
    assert outcome.verdict is Verdict.FAILS


def test_an_error_has_no_interval() -> None:
    figures: Sequence[Figure] = judged(("textbook", 2.0, 1.0)).figures
    [error] = [figure for figure in figures if not figure.decides]
    assert (error.value, error.low, error.high, error.unit) == (1.0, None, None, "ulp")
