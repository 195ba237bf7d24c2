"""The sweep: every form of every activation on one set of inputs, against the exact value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import find
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.frameworks import frameworks
from ..results.rows import Against, Other
from ..results.samples import Agreement, Certificate, Comparison
from ..workers.requests import Evaluator
from . import binades, ulp
from .judge import judge, place
from .problem import Problem, Problems

Array = np.ndarray[Any, Any]


def agreement_cases(cases: Iterable[Case], dtypes: tuple[str, ...], asked: Selection) -> list[Case]:
    """The cases to sweep: each form and mode of a selection once a dtype, forward and gradient.

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
    wanted = {"forward": "forward", "backward": "backward", "both": "backward"}
    return tuple(dict.fromkeys(wanted[each] for each in asked.directions)) or (
        "forward",
        "backward",
    )


Judged = tuple[Agreement, Array]
"""The sample of a case and its results."""


def measure(case: Case, problem: Problem, evaluate: Evaluator) -> Judged | None:
    """Run a case of one direction on its inputs; None if it failed."""
    outputs = evaluate(case, problem.bits, problem.upstream)
    learned = _learned(case, problem, evaluate)
    if outputs is None or (learned is None and problem.learned_bits is not None):
        return None
    return _judged(case, problem, outputs[0], learned)


def measure_both(case: Case, problems: Problems, evaluate: Evaluator) -> list[Judged] | None:
    """Run a case whose direction is `both` and judge either direction; None if it failed."""
    forward, backward = directions_of(case)
    values, gradients = problems.of(forward), problems.of(backward)
    assert np.array_equal(values.bits, gradients.bits)
    outputs = evaluate(case, values.bits, values.upstream)
    learned = _learned(case, gradients, evaluate)
    if outputs is None or (learned is None and gradients.learned_bits is not None):
        return None
    return [
        _judged(forward, values, outputs[0]),
        _judged(backward, gradients, outputs[1], learned),
    ]


def _learned(case: Case, problem: Problem, evaluate: Evaluator) -> Array | None:
    """The gradient of a learned parameter, the last output; None without one or where it failed."""
    if problem.learned_bits is None:
        return None
    outputs = evaluate(case, problem.learned_bits)
    return None if outputs is None else np.asarray(outputs[-1]).reshape(-1)


def sample_of(case: Case, certificate: Certificate) -> Agreement:
    """A certificate as a sample of a run."""
    kept = binades.rounded(certificate.binades)
    return Agreement(case, replace(certificate, binades=kept))


def _judged(case: Case, problem: Problem, output: Any, learned: Array | None = None) -> Judged:
    """The sample of some results, given as bit patterns, and the results in the inputs' shape."""
    results = np.asarray(output).reshape(problem.exact.high.shape)
    certificate = judge(problem, results)
    if learned is not None and problem.learned_exact is not None:
        error = ulp.measure(learned, problem.learned_exact, problem.dtype)
        certificate = replace(certificate, max_ulp_parameter=float(error.plain.max()))
    return sample_of(case, certificate), results


def between(results: dict[Case, Array], bits_of: Callable[[Case], Array]) -> Iterator[Comparison]:
    """Compare each two frameworks that ran the same thing: a sample for the plainer one."""
    groups: dict[Case, list[Case]] = {}
    for case in results:
        groups.setdefault(replace(case, framework="", device=""), []).append(case)
    for group in groups.values():
        for case, other in combinations(sorted(group, key=_order), 2):
            if case.framework != other.framework:
                yield _compare(case, other, results, bits_of(case))


def _order(case: Case) -> int:
    return list(frameworks()).index(case.framework)


def _compare(case: Case, other: Case, results: dict[Case, Array], bits: Array) -> Comparison:
    against = Against(Other.FRAMEWORK, other.framework)
    return comparison(case, against, results[case].ravel(), results[other].ravel(), bits)


def comparison(case: Case, against: Against, one: Array, other: Array, bits: Array) -> Comparison:
    """The sample of two results at the same inputs, all given as bit patterns."""
    apart = ulp.distance(one, other, case.dtype)
    x, rowwise = inputs.from_bits(bits, case.dtype), find(case.activation).rowwise
    first = None if apart.first is None else place(x, apart.first, rowwise)
    return Comparison(case, against, apart.most, apart.equal, first)
