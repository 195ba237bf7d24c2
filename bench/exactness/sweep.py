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
from ..workers.requests import Evaluator
from . import binades, ulp
from .certificate import Certificate
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


def measure(
    case: Case, problem: Problem, evaluate: Evaluator
) -> tuple[dict[str, Any], Array] | None:
    """Run a case of one direction on its inputs: its sample and its results; None if it failed."""
    outputs = evaluate(case, problem.bits, problem.upstream)
    learned = _learned(case, problem, evaluate)
    if outputs is None or (learned is None and problem.learned_bits is not None):
        return None
    return _judged(problem, outputs[0], learned)


def measure_both(
    case: Case, problems: Problems, evaluate: Evaluator
) -> list[tuple[Case, dict[str, Any], Array]] | None:
    """Run a case whose direction is `both`: a case, sample and result of either direction.

    None if it failed.
    """
    forward, backward = directions_of(case)
    values, gradients = problems.of(forward), problems.of(backward)
    assert np.array_equal(values.bits, gradients.bits)
    outputs = evaluate(case, values.bits, values.upstream)
    learned = _learned(case, gradients, evaluate)
    if outputs is None or (learned is None and gradients.learned_bits is not None):
        return None
    return [
        (forward, *_judged(values, outputs[0])),
        (backward, *_judged(gradients, outputs[1], learned)),
    ]


def _learned(case: Case, problem: Problem, evaluate: Evaluator) -> Array | None:
    """The gradient of a learned parameter, the last output; None without one or where it failed."""
    if problem.learned_bits is None:
        return None
    outputs = evaluate(case, problem.learned_bits)
    return None if outputs is None else np.asarray(outputs[-1]).reshape(-1)


def sample_of(certificate: Certificate) -> dict[str, Any]:
    """A certificate as a sample of a run."""
    sample = certificate.as_dict()
    if found := sample.pop("binades"):
        sample["ulp_by_binade"] = binades.pack(found)
    if certificate.max_ulp_parameter is None:
        del sample["max_ulp_parameter"]
    return sample


def _judged(
    problem: Problem, output: Any, learned: Array | None = None
) -> tuple[dict[str, Any], Array]:
    """The sample of some results, given as bit patterns, and the results in the inputs' shape."""
    results = np.asarray(output).reshape(problem.exact.high.shape)
    certificate = judge(problem, results)
    if learned is not None and problem.learned_exact is not None:
        error = ulp.measure(learned, problem.learned_exact, problem.dtype)
        certificate = replace(certificate, max_ulp_parameter=float(error.plain.max()))
    return sample_of(certificate), results


def between(
    results: dict[Case, Array], bits_of: Callable[[Case], Array]
) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Compare each two frameworks that ran the same thing: a sample for the plainer one."""
    groups: dict[Case, list[Case]] = {}
    for case in results:
        groups.setdefault(replace(case, framework="", device=""), []).append(case)
    for group in groups.values():
        for case, other in combinations(sorted(group, key=_order), 2):
            if case.framework != other.framework:
                yield case, _compare(case, other, results, bits_of(case))


def _order(case: Case) -> int:
    return list(frameworks()).index(case.framework)


def _compare(case: Case, other: Case, results: dict[Case, Array], bits: Array) -> dict[str, Any]:
    apart = ulp.distance(results[case].ravel(), results[other].ravel(), case.dtype)
    rowwise = find(case.activation).rowwise
    x = inputs.from_bits(bits, case.dtype)
    first = "" if apart.first is None else place(x, apart.first, rowwise)
    return {"other": other.framework, "most": apart.most, "equal": apart.equal, "first": first}
