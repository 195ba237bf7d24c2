"""Lines of NumPy as people copy them: evaluated here, and timed in processes of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..catalog.activations import find
from ..catalog.cases import Case
from ..catalog.frameworks import Framework, declared, own
from ..catalog.sizes import size_classes
from ..exactness.judge import judge
from ..exactness.observed import refusal
from ..exactness.problem import Problem, problem_at, problem_of
from ..host import temporary
from ..results.estimate import UNKNOWN, Estimate
from ..results.samples import Certificate
from ..results.store import Run
from ..timing import in_turn
from . import lines
from .ground import Effort, Unavailable

Array = np.ndarray[Any, Any]
_MODULE = "actbench.bench.claims.lines"


@dataclass(frozen=True)
class Line:
    """A line of `lines` by its name, and the label of the activation that it implements."""

    name: str
    label: str

    def __call__(self, x: Array) -> Array:
        """The results at an array, without warnings."""
        with np.errstate(all="ignore"):
            results: Array = getattr(lines, self.name)(x)
        return results

    @property
    def address(self) -> str:
        """The address by which another process imports it; it is also the name of its form."""
        return f"{_MODULE}:{self.name}"

    def overflows(self, x: Array) -> int:
        """The number of overflow warnings at an array."""
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
            warnings.simplefilter("always")
            getattr(lines, self.name)(x)
        return sum("overflow" in str(warning.message) for warning in caught)


@dataclass(frozen=True)
class Ratio:
    """The time of a line over that of something else, by name, in a place."""

    name: str
    place: str
    estimate: Estimate = UNKNOWN


@dataclass(frozen=True)
class Copied:
    """The means to judge and to time lines of NumPy."""

    effort: Effort
    logs: Path

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The ground, within this context. Raises Unavailable where NumPy is left out."""
        if effort.frameworks and "numpy" not in effort.frameworks:
            raise Unavailable("it is about NumPy, which is not among the frameworks chosen")
        with temporary.folder() as logs:
            yield cls(effort, logs.path)

    def problem(self, line: Line, dtype: str) -> Problem:
        """Inputs of every kind, with the exact values of the line's activation."""
        per_binade = 2 if self.effort.quick else 8
        return problem_of(find(line.label), "forward", dtype, per_binade, self.effort.seed)

    def certificate(self, line: Line, dtype: str, below: float = np.inf) -> Certificate:
        """The errors of a line at inputs of every kind, or at those below a number."""
        problem = self.problem(line, dtype)
        if below < np.inf:
            bits = problem.bits[problem.x < below]
            problem = problem_at(problem.activation, "forward", dtype, bits)
        results = line(problem.bits.view(dtype))
        return judge(problem, results.view(problem.bits.dtype))

    def ratios(
        self, pairs: Sequence[tuple[Line, Line | str]], places: Sequence[str]
    ) -> list[Ratio]:
        """The time of lines over that of others, or of NumPy's other forms of the same function.

        Each pair is timed in turn on the same input in float32, in fresh processes. Pairs that
        could not be timed are left out.
        """
        frameworks = [_framework(*pair) for pair in pairs]
        timed = {
            Ratio(f"{line.name} over {_name(other)}", place): in_turn.Pair(
                _case(framework, line, place), _case(framework, other, place)
            )
            for framework, (line, other) in zip(frameworks, pairs, strict=True)
            for place in places
        }
        with declared(*frameworks):
            in_turn.measure(list(timed.values()), self._effort, self._setting, lambda: None)
        known = {ratio: pair for ratio, pair in timed.items() if pair.logs}
        estimates = in_turn.estimates(list(known.values()))
        return [
            replace(ratio, estimate=estimate)
            for ratio, estimate in zip(known, estimates, strict=True)
        ]

    @property
    def _effort(self) -> in_turn.Effort:
        if self.effort.quick:
            return in_turn.Effort(blocks=8, fewest=2, most=2)
        return in_turn.Effort(precision=0.03, most=6)

    @property
    def _setting(self) -> in_turn.Setting:
        python = self.effort.python_of("numpy")
        return in_turn.Setting(self.logs, lambda _: python, refusal, self.effort.seed)


def _framework(line: Line, other: Line | str) -> Framework:
    """NumPy with a line among its forms, and another line beside it."""
    beside = other.address if isinstance(other, Line) else ""
    return own(line.address, line.label, "numpy", beside=beside)


def _name(of: Line | str) -> str:
    return of.name if isinstance(of, Line) else of


def _case(framework: Framework, of: Line | str, place: str) -> Case:
    form = of.address if isinstance(of, Line) else of
    size = size_classes("cpu")[place]
    return Case(
        *(framework.name, framework.activation, form, "eager", "forward", "cpu", "float32"), size, 1
    )
