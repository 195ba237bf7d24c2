"""The sweep: every form of every activation on one set of inputs, against the exact value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..catalog.cases import Case, Selection, directions_of
from ..results.samples import Agreement, Certificate
from ..workers.requests import Evaluator
from . import binades, ulp
from .judge import judge, with_medians
from .problem import Problem

Array = np.ndarray[Any, Any]


def agreement_cases(cases: Iterable[Case], dtypes: tuple[str, ...], asked: Selection) -> list[Case]:
    """The cases to sweep: each form and mode of a selection once per dtype, forward and gradient.

    Where both are wanted the direction is `both`: one call gives either, and is compiled once.
    `size` is filled in when the inputs are known (0 until then).
    """
    wanted = _directions(asked)
    direction = wanted[0] if len(wanted) == 1 else "both"
    swept = dict.fromkeys(
        replace(case, size=0, output="fresh", cache="warm", direction=direction, dtype=dtype)
        for case in cases
        for dtype in asked.dtypes or dtypes
    )
    return list(swept)


def _directions(asked: Selection) -> tuple[str, ...]:
    """Value and gradient, or the one of them that was asked for."""
    wanted = ["backward" if direction == "both" else direction for direction in asked.directions]
    return tuple(dict.fromkeys(wanted)) or ("forward", "backward")


Judged = tuple[Agreement, Array]
"""The sample of a case and its results."""


def measure(case: Case, problems: Sequence[Problem], evaluate: Evaluator) -> list[Judged] | None:
    """Run a case on its inputs and judge each of its directions; None if it failed.

    There is a problem per direction, all with the same inputs.
    """
    first, last = problems[0], problems[-1]
    assert first is last or np.array_equal(first.bits, last.bits)
    outputs = evaluate(case, first.bits, first.upstream)
    learned = _learned(case, last, evaluate)
    if outputs is None or (learned is None and last.learned_bits is not None):
        return None
    cases = directions_of(case)
    return [_judged(cases[i], problems[i], outputs[i], learned) for i in range(len(cases))]


def _learned(case: Case, problem: Problem, evaluate: Evaluator) -> Array | None:
    """The gradient of a learned parameter, the last output; None without one or where it failed."""
    if problem.learned_bits is None:
        return None
    outputs = evaluate(case, problem.learned_bits)
    return None if outputs is None else np.asarray(outputs[-1]).reshape(-1)


def sample_of(case: Case, certificate: Certificate) -> Agreement:
    """A certificate as a sample of a run."""
    kept = binades.rounded(certificate.binades)
    return Agreement(case, replace(with_medians(certificate), binades=kept))


def _judged(case: Case, problem: Problem, output: Any, learned: Array | None = None) -> Judged:
    """The sample of some results, given as bit patterns, and the results in the inputs' shape."""
    results = np.asarray(output).reshape(problem.exact.high.shape)
    certificate = judge(problem, results)
    if learned is not None and problem.learned_exact is not None:
        error = ulp.measure(learned, problem.learned_exact, problem.dtype)
        certificate = replace(certificate, max_ulp_parameter=float(error.plain.max()))
    return sample_of(case, certificate), results
