"""Costs of a stored run, as claims compare them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from ..catalog.cases import Case
from ..results.claims import Figure
from ..results.facts import RunFacts
from ..results.rows import Row
from ..results.store import Run
from ..timing.ratios import Estimate
from .ground import Effort, Unavailable

COST = "relative_cost"


@dataclass(frozen=True)
class Costs:
    """The relative costs of a run: what each case takes over the cheapest ReLU of its kind."""

    rows: Sequence[Row]
    facts: RunFacts

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The costs of a run. Raises Unavailable without one."""
        if run is None:
            raise Unavailable("no run was named whose costs it could be judged by")
        yield cls(run.records, run.facts)

    @cached_property
    def by_case(self) -> Mapping[Case, Estimate]:
        """The cost of each case that has one with an interval."""
        return {
            row.case: Estimate(row.value, row.low, row.high)
            for row in self.rows
            if row.metric == COST
            and row.ok
            and row.value is not None
            and row.low is not None
            and row.high is not None
        }

    @cached_property
    def plain(self) -> Mapping[str, list[Case]]:
        """Cases with a cost in the form that people take first, by activation."""
        found: dict[str, list[Case]] = {}
        for row in self.rows:
            usual = row.plain and row.case.has_usual_input
            if usual and row.metric == COST and row.case in self.by_case:
                found.setdefault(row.case.activation, []).append(row.case)
        return found

    def place(self, case: Case) -> str:
        """The size class of a case on the machine of the run: `l2`, `memory`; else its size."""
        classes = self.facts.size_classes.get(case.device, {})
        names = [name for name, size in classes.items() if size == case.size]
        return names[0] if names else str(case.size)

    def cases(self, activation: str, **fields: str) -> Iterator[Case]:
        """Plain cases of an activation with `fields` as given; `place` is a size class."""
        for case in self.plain.get(activation, ()):
            known = {**case.as_dict(), "place": self.place(case)}
            if all(known[name] == value for name, value in fields.items()):
                yield case

    def pairs(self, first: str, second: str, **fields: str) -> Iterator[tuple[Case, Case]]:
        """Plain cases of two activations that are alike in all else, with `fields` as given."""
        others = {case.of("", ""): case for case in self.cases(second, **fields)}
        for case in self.cases(first, **fields):
            if other := others.get(case.of("", "")):
                yield case, other

    def over(self, case: Case, other: Case) -> Estimate:
        """The time of a case over that of another with the same unit.

        The ends are those of two independent intervals: Zou, Donner 2008 (doi:10.1002/sim.3095).
        """
        first, second = self.by_case[case], self.by_case[other]
        value = first.value / second.value
        below = math.hypot(math.log(first.value / first.low), math.log(second.high / second.value))
        above = math.hypot(math.log(first.high / first.value), math.log(second.value / second.low))
        return Estimate(value, value * math.exp(-below), value * math.exp(above))

    def figure(self, name: str, estimate: Estimate, case: Case, holds: bool | None) -> Figure:
        """The figure of a claim about a case."""
        return replace(
            Figure(name, estimate.value, estimate.low, estimate.high, "ratio", holds),
            framework=case.framework,
            mode=case.mode,
            direction=case.direction,
            device=case.device,
            dtype=case.dtype,
            place=self.place(case),
        )


def above(estimate: Estimate, bound: float) -> bool | None:
    """Say whether a ratio is larger than a bound; None where its interval holds the bound."""
    return None if estimate.low <= bound <= estimate.high else estimate.low > bound


def within(estimate: Estimate, low: float, high: float) -> bool | None:
    """Say whether a ratio lies between two bounds; None where its interval holds one of them."""
    if estimate.high < low or estimate.low > high:
        return False
    return True if low <= estimate.low and estimate.high <= high else None
