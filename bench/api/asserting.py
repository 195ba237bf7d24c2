"""Assertions on a function's exactness and cost, for tests."""

from __future__ import annotations

from typing import Any

from .certificates import certify
from .costs import cost
from .settings import Subject


def assert_ulp(
    function: Subject, reference: str = "", dtype: str = "float32", bound: float = 4.0, **where: Any
) -> None:
    """Fail where a function is farther from the exact values than a bound, in ulp.

    A NaN or an infinity out of place is beyond every bound. Arguments are those of `certify`.
    Raises AssertionError with the worst input, its result and the exact value; UsageError as
    `certify` does.
    """
    __tracebackhide__ = True
    certified = certify(function, reference, dtype=dtype, **where)
    if certified.max_ulp > bound:
        raise AssertionError(f"{certified}; the bound is {bound:g} ulp")


def assert_not_slower(
    function: Subject,
    than: Subject,
    by: float = 0.05,
    *,
    strict: bool = False,
    budget: float = 20.0,
    **where: Any,
) -> None:
    """Fail where a function takes longer than another one by more than a share, `by`.

    Both are timed in turn in fresh processes until the interval of their ratio is narrow enough to
    decide, or `budget` seconds have passed. An interval that holds 1 + `by` decides nothing, and is
    no failure unless `strict`. Other arguments are those of `cost`. Raises AssertionError with the
    ratio; UsageError as `cost` does.
    """
    __tracebackhide__ = True
    most = 1 + by
    where.setdefault("precision", max(by / 4, 0.01))
    measured = cost(function, than, budget=budget, **where)
    if measured.low > most:
        raise AssertionError(f"{measured}; it may take {most:.3g} times as long")
    if strict and measured.high > most:
        raise AssertionError(
            f"{measured}; undecided whether it takes more than {most:.3g} times as long: give it "
            f"a budget of more than {budget:g} s, or a quieter machine"
        )
