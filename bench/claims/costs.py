"""The costs of a stored run, as claims compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ..catalog.cases import Case
from ..catalog.shell import command
from ..results.addresses import named
from ..results.claims import Figure, Outcome
from ..results.estimate import Estimate
from ..results.facts import RunFacts
from ..results.rows import Row
from ..results.store import Run
from .ground import Effort, Unavailable

PROFILE = "claims"
"""The profile that has every case of a claim of cost."""
Holds = Callable[[Estimate], bool | None]
"""A function that says whether a claim holds by a ratio; None where its interval leaves it open."""


@dataclass(frozen=True)
class Costs:
    """The relative costs of a run: the time of each case over the cheapest ReLU of its kind."""

    rows: Sequence[Row]
    facts: RunFacts
    path: Path

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The costs of a run. Raises Unavailable without one."""
        if run is None:
            raise Unavailable("no run was named whose costs it could be judged by")
        yield cls(run.records, run.facts, run.path)

    @cached_property
    def by_case(self) -> Mapping[Case, Estimate]:
        """The cost of each case that has one with an interval."""
        return self._estimates("relative_cost")

    @cached_property
    def times(self) -> Mapping[Case, Estimate]:
        """The ns per call of each case that has them with an interval."""
        return self._estimates("time_per_call")

    def _estimates(self, metric: str) -> dict[Case, Estimate]:
        return {
            row.case: row.estimate
            for row in self.rows
            if row.metric == metric and row.ok and row.estimate and row.estimate.known
        }

    @cached_property
    def errors(self) -> Mapping[Case, float]:
        """The largest error of each case that was checked, by the case without its timing input.

        In ulp of the exact value over finite inputs, whether or not subnormal results are flushed:
        infinite where a NaN stands for a number.
        """
        return {
            row.case.anywhere: row.value
            for row in self.rows
            if row.metric == "max_ulp_flushed" and row.ok and row.value is not None
        }

    @cached_property
    def _forms(self) -> Mapping[str, list[Case]]:
        """The cases with a cost on the usual input, by activation, grouped by framework."""
        forms: dict[str, list[Case]] = {}
        for case in sorted(self.by_case, key=lambda case: (case.framework, case.mode)):
            if case.has_usual_input:
                forms.setdefault(case.activation, []).append(case)
        return forms

    @cached_property
    def _plain(self) -> frozenset[Case]:
        return frozenset(row.case for row in self.rows if row.plain)

    def place(self, case: Case) -> str:
        """The size class of a case on the machine of the run: `l2`, `memory`; else its size."""
        classes = self.facts.size_classes.get(case.device, {})
        names = [name for name, size in classes.items() if size == case.size]
        return names[0] if names else elements(case.size)

    def forms(self, activation: str, **fields: str) -> Iterator[Case]:
        """The cases of an activation in every form, with the given `fields`; `place` is a size
        class, or what `elements` makes of a size."""
        for case in self._forms.get(activation, ()):
            known = {**case.as_dict(), "place": self.place(case)}
            if all(known[name] == value for name, value in fields.items()):
                yield case

    def cases(self, activation: str, **fields: str) -> Iterator[Case]:
        """The cases of an activation in its plain form, with the given `fields`."""
        return (case for case in self.forms(activation, **fields) if case in self._plain)

    def pairs(self, first: str, second: str, **fields: str) -> Iterator[tuple[Case, Case]]:
        """The plain cases of two activations that agree in all else, with the given `fields`."""
        others = {case.of("", ""): case for case in self.cases(second, **fields)}
        for case in self.cases(first, **fields):
            if other := others.get(case.of("", "")):
                yield case, other

    def over(self, case: Case, other: Case) -> Estimate:
        """The time of a case over that of another with the same unit."""
        return self.by_case[case].over(self.by_case[other])

    def figure(
        self, name: str, estimate: Estimate, case: Case, holds: bool | None, **more: Any
    ) -> Figure:
        """The figure of a claim about a case."""
        return replace(
            Figure(name, estimate.value, *estimate.ends, "ratio", holds),
            framework=case.framework,
            mode=case.mode,
            direction=case.direction,
            device=case.device,
            dtype=case.dtype,
            place=self.place(case),
            **more,
        )

    def ratios(
        self, pairs: Iterable[tuple[str, str]], holds: Holds, said: float | None = None, **more: str
    ) -> Outcome:
        """The time of plain activations over that of others, in float32, in each setting that both
        have.

        Raises Unavailable where there is none.
        """
        figures = []
        for first, second in pairs:
            for case, other in self.pairs(first, second, **{"dtype": "float32", **more}):
                ratio = self.over(case, other)
                name = f"{first} over {second}"
                figures.append(self.figure(name, ratio, case, holds(ratio), said=said))
        return self.outcome(figures)

    def outcome(self, figures: Sequence[Figure], **adding: object) -> Outcome:
        """The outcome of figures.

        Raises Unavailable, with the command that adds what is lacking, where there are none;
        `adding` are options of that command besides the profile.
        """
        if not figures:
            run = named(str(self.path))
            more = command("run", profile=PROFILE, **adding, into=run)
            raise Unavailable(f"{run} lacks the cases: `{more}` adds them")
        return Outcome(tuple(figures))


def elements(size: int) -> str:
    """The place of a size that is not a class."""
    return f"{size:,} elements"


def above(bound: float) -> Holds:
    """Return a test of whether a ratio is larger than a bound."""

    def holds(ratio: Estimate) -> bool | None:
        return None if ratio.low <= bound <= ratio.high else ratio.low > bound

    return holds


def within(low: float, high: float) -> Holds:
    """Return a test of whether a ratio lies between two bounds."""

    def holds(ratio: Estimate) -> bool | None:
        if ratio.high < low or ratio.low > high:
            return False
        return True if low <= ratio.low and ratio.high <= high else None

    return holds
