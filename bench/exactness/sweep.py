"""The sweep: every form of every activation on one set of inputs, against the exact values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..catalog.activations import find_reference
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.frameworks import frameworks
from ..catalog.inputs import turned
from ..catalog.sizes import size_classes
from ..results.samples import Agreement, Certificate
from ..workers.requests import Evaluator
from . import binades, ulp
from .judge import judge, merge, with_medians
from .problem import Problem

Array = np.ndarray[Any, Any]


Shape = tuple[int, ...]
"""The shape of the inputs of one call."""
Judged = tuple[Agreement, Array]
"""The sample of a case and its results."""

_USUAL = range(2**12, 2**21)
"""The sizes of calls that inputs are cut into: other cases are evaluated in calls of the usual
size."""


def agreement_cases(cases: Iterable[Case], dtypes: tuple[str, ...], asked: Selection) -> list[Case]:
    """The cases to sweep: each form and mode of a selection once per dtype, forward and gradient.

    Where both are wanted the direction is `both`: one call gives either, and is compiled once. It
    is `forward` where there is no gradient. `size` is 0 until the inputs are known.
    """
    wanted = [direction.replace("both", "backward") for direction in asked.directions]
    direction = wanted[0] if len(set(wanted)) == 1 else "both"
    swept = dict.fromkeys(
        replace(case.anywhere, direction=direction, dtype=dtype)
        for case in cases
        for dtype in asked.dtypes or dtypes
    )
    return list(dict.fromkeys(map(_with_gradient, swept)))


def _with_gradient(case: Case) -> Case:
    """A case of both directions, or forward where it has no gradient."""
    lacks = case.direction == "both" and not frameworks()[case.framework].has_gradient(case.form)
    return replace(case, direction="forward") if lacks else case


def timed_cases(cases: Iterable[Case]) -> dict[Case, Shape]:
    """The cases to sweep among timed ones, with the shape that one of them is timed at.

    Only code that is compiled for timing is evaluated: `both` is swept only where the gradient is
    not timed by itself.
    """
    groups: dict[Case, list[Case]] = {}
    for case in cases:
        groups.setdefault(replace(case.anywhere, direction="both"), []).append(case)
    swept = {}
    for both, group in groups.items():
        timed = {case.direction for case in group}
        together = "both" in timed and "backward" not in timed
        for case in (both,) if together else directions_of(both):
            if timed & {case.direction, "both"}:
                swept[case] = shape_of(case, [timed_case.size for timed_case in group])
    return swept


def shape_of(case: Case, sizes: Iterable[int] = ()) -> Shape:
    """The shape of a call of a sweep: that of a size in cache, of a timed one if there is one."""
    usual = size_classes(case.device)["l2"]
    known = [size for size in sizes if size in _USUAL] or [usual]
    return replace(case, size=min(known, key=lambda size: abs(math.log(size / usual)))).lengths


def measure(
    case: Case,
    problems: Sequence[Problem],
    evaluate: Evaluator,
    shape: Shape | None = None,
    elsewhere: Sequence[Certificate] = (),
) -> list[Judged] | None:
    """Run a case on its inputs, in calls of a shape, and judge its directions; None if it failed.

    There is a problem per direction, all with the same inputs, and a certificate of the results
    `elsewhere` (`paths`), if those were tried.
    """
    shape = shape or shape_of(case)
    first, last = problems[0], problems[-1]
    assert first is last or np.array_equal(first.bits, last.bits)
    outputs = outputs_of(case, problems, evaluate, shape)
    learned = _learned(case, last, evaluate, shape)
    if outputs is None or (learned is None and last.learned_bits is not None):
        return None
    cases, others = directions_of(case), elsewhere or [Certificate()] * len(problems)
    return [
        _judged(cases[i], problems[i], outputs[i], others[i], learned) for i in range(len(cases))
    ]


def outputs_of(
    case: Case, problems: Sequence[Problem], evaluate: Evaluator, shape: Shape
) -> list[Array] | None:
    """The results of each direction, in the shape of its exact values; None if it failed.

    The last call is filled up with inputs that were tried before. All rows are one call.
    """
    bits, upstream = problems[0].bits, problems[0].upstream
    if upstream is not None:
        return of_rows(case, bits, upstream, evaluate)
    calls = math.ceil(bits.size / math.prod(shape))
    outputs = evaluate(case, np.resize(bits, (calls, *shape)), apart=True)
    if outputs is None:
        return None
    results = []
    for problem, output in zip(problems, outputs, strict=False):
        whole = np.asarray(output).reshape(calls, *shape)
        exact = problem.exact.high
        results.append(whole.reshape(-1)[: exact.size].reshape(exact.shape))
    return results


def of_rows(case: Case, bits: Array, upstream: Array, evaluate: Evaluator) -> list[Array] | None:
    """The results of rows given unchanged, in one call; None if it failed.

    The rows of the call lie on the axis that the activation has them on.
    """
    along = find_reference(case.activation).axis
    outputs = evaluate(case, turned(bits, along), turned(upstream, along))
    return None if outputs is None else [turned(np.asarray(result), along) for result in outputs]


def _learned(case: Case, problem: Problem, evaluate: Evaluator, shape: Shape) -> Array | None:
    """The gradient of a learned parameter, the last output; None without one or where it failed.

    Rows of zeros, which add nothing to it, fill up a call of the usual shape.
    """
    bits = problem.learned_bits
    if bits is None:
        return None
    if shape[1] == bits.shape[1]:
        bits = np.pad(bits, ((0, max(shape[0] - len(bits), 0)), (0, 0)))
    outputs = evaluate(case, bits)
    return None if outputs is None else np.asarray(outputs[-1]).reshape(-1)


def sample_of(case: Case, certificate: Certificate) -> Agreement:
    """A certificate as a sample of a run."""
    kept = binades.rounded(certificate.binades)
    return Agreement(case, replace(with_medians(certificate), binades=kept))


def _judged(
    case: Case, problem: Problem, output: Array, elsewhere: Certificate, learned: Array | None
) -> Judged:
    """The sample of some results, given as bit patterns, and the results."""
    certificate = merge(judge(problem, output), elsewhere)
    if learned is not None and problem.learned_exact is not None:
        error = ulp.measure(learned, problem.learned_exact, problem.dtype)
        certificate = replace(certificate, max_ulp_parameter=float(error.plain.max()))
    return sample_of(case, certificate), output
