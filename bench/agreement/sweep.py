"""The sweep: every form of every activation on one set of inputs, against the exact value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np

from .. import inputs
from ..cases import Case, Selection
from ..catalog import Activation, find
from ..dtypes import DTYPES
from . import reference, ulp

Array = np.ndarray[Any, Any]
_WIDTH = 256
_LEARNED_ROWS = 64


@dataclass(frozen=True)
class Problem:
    """What one activation, direction and dtype is tried on: inputs, upstream and exact values."""

    bits: Array
    upstream: Array | None
    exact: reference.Reference
    learned_bits: Array | None = None
    learned_exact: reference.Reference | None = None


def agreement_cases(cases: Iterable[Case], dtypes: tuple[str, ...], asked: Selection) -> list[Case]:
    """The cases to sweep: each form and mode of a selection once a dtype, forward and gradient.

    A compiled gradient is swept where it is also timed: compiling takes longer than all the rest.
    `size` is filled in when the inputs are known (0 until then).
    """
    cases = [replace(case, size=0, output="fresh", cache="warm") for case in cases]
    timed = {replace(case, dtype="") for case in cases}
    swept = dict.fromkeys(
        replace(case, direction=direction, dtype=dtype)
        for case in cases
        for dtype in asked.dtypes or dtypes
        for direction in _directions(asked)
    )
    return [
        case
        for case in swept
        if case.mode == "eager"
        or case.direction == "forward"
        or any(replace(case, dtype="", direction=each) in timed for each in ("backward", "both"))
    ]


def _directions(asked: Selection) -> tuple[str, ...]:
    """Value and gradient, or the one of them that was asked for."""
    wanted = {"forward": "forward", "backward": "backward", "both": "backward"}
    return tuple(dict.fromkeys(wanted[each] for each in asked.directions)) or (
        "forward",
        "backward",
    )


def problem_of(
    activation: Activation, direction: str, dtype: str, per_binade: int, seed: int
) -> Problem:
    """Choose the inputs of an activation and compute what is exact at them."""
    if activation.rowwise:
        return _row_problem(activation, direction, dtype, seed)
    bits = inputs.stratified(dtype, per_binade, seed)
    bits = np.append(bits, np.zeros(-len(bits) % _WIDTH, bits.dtype)).reshape(-1, _WIDTH)
    x = inputs.from_bits(bits, dtype)
    if direction == "forward":
        return Problem(bits, None, reference.values(activation, x))
    problem = Problem(bits, None, reference.derivatives(activation, x))
    return _with_learned(problem, activation, dtype, seed) if activation.learnable else problem


def _with_learned(problem: Problem, activation: Activation, dtype: str, seed: int) -> Problem:
    """Add bounded inputs for the gradient of a learned parameter, which is a sum over them."""
    bits = inputs.timing((_LEARNED_ROWS, _WIDTH), dtype, seed)
    x = inputs.from_bits(bits, dtype)
    columns = x if activation.parameters.get("per_channel") else x.reshape(-1, 1)
    exact = reference.parameter_gradient(activation, columns)
    return replace(problem, learned_bits=bits, learned_exact=exact)


def _row_problem(activation: Activation, direction: str, dtype: str, seed: int) -> Problem:
    bits = inputs.structured_rows(dtype, seed)
    if activation.name in ("crelu", "maxout"):
        bits = bits[_without_ties(inputs.from_bits(bits, dtype))]
    rows = inputs.from_bits(bits, dtype)
    values = reference.row_values(activation, rows)
    if direction == "forward":
        return Problem(bits, None, values)
    upstream = inputs.timing(values.high.shape, dtype, seed + 1)
    pull = inputs.from_bits(upstream, dtype)
    return Problem(bits, upstream, reference.row_gradients(activation, rows, pull))


class Problems:
    """The inputs and exact values of each activation, direction and dtype, made once."""

    def __init__(self, per_binade: int, seed: int) -> None:
        self._per_binade, self._seed = per_binade, seed
        self._made: dict[tuple[str, str, str], Problem] = {}
        self._lock = Lock()

    def of(self, case: Case) -> Problem:
        """The problem that a case is tried on."""
        key = (case.activation, case.direction, case.dtype)
        with self._lock:
            if key not in self._made:
                activation = find(case.activation)
                self._made[key] = problem_of(
                    activation, case.direction, case.dtype, self._per_binade, self._seed
                )
            return self._made[key]


def _without_ties(rows: Array) -> Array:
    """Rows whose entries are all different: where a maximum is reached twice, its slope jumps."""
    return np.array([len(np.unique(row)) == len(row) for row in rows])


Evaluate = Callable[..., list[Any] | None]


def measure(
    case: Case, problem: Problem, evaluate: Evaluate
) -> tuple[dict[str, Any], Array] | None:
    """Run a case on its inputs. Returns its sample and its results; None if it failed."""
    outputs = evaluate(case, problem.bits.shape[-1], bits=problem.bits, upstream=problem.upstream)
    if outputs is None:
        return None
    result = np.asarray(outputs[0]).reshape(problem.exact.high.shape)
    sample = _summary(case, problem, result)
    if problem.learned_bits is not None and problem.learned_exact is not None:
        learned = evaluate(case, _WIDTH, bits=problem.learned_bits, upstream=None)
        if learned is None:
            return None
        error = ulp.measure(np.asarray(learned[1]).reshape(-1), problem.learned_exact, case.dtype)
        sample["max_ulp_parameter"] = float(error.plain.max())
    return sample, result


def _summary(case: Case, problem: Problem, result: Array) -> dict[str, Any]:
    """The largest errors over finite inputs, where they are, and the NaNs over all inputs."""
    errors = ulp.measure(result, problem.exact, case.dtype)
    x = inputs.from_bits(problem.bits, case.dtype)
    rowwise = find(case.activation).rowwise
    flushed = (
        errors.flushed if rowwise else _flushed_inputs(errors.flushed, x, result, problem, case)
    )
    finite = np.ones_like(errors.plain, dtype=bool) if rowwise else np.isfinite(x)
    plain = np.where(finite, errors.plain, 0)
    worst = int(plain.argmax())
    got = inputs.from_bits(result, case.dtype)
    mismatched = np.flatnonzero(errors.mismatched)
    return {
        "tested": int(problem.bits.size),
        "max_ulp": float(plain.flat[worst]),
        "worst_input": _place(x, worst, rowwise),
        "got": repr(float(got.flat[worst])),
        "exact": repr(problem.exact.value(worst)),
        "max_ulp_flushed": float(np.where(finite, flushed, 0).max()),
        "nan_mismatches": len(mismatched),
        "nan_first": [_place(x, int(i), rowwise) for i in mismatched[:3]],
    }


def _flushed_inputs(errors: Array, x: Array, result: Array, problem: Problem, case: Case) -> Array:
    """Errors where a subnormal input, too, may stand for the zero of its sign."""
    fmt = DTYPES[case.dtype]
    subnormal = (np.abs(x) < 2.0**fmt.emin) & (x != 0)
    zeros = (
        np.flatnonzero((x == 0) & (np.signbit(x) == 0)),
        np.flatnonzero((x == 0) & np.signbit(x)),
    )
    if not all(map(len, zeros)):
        return errors
    stand_in = np.arange(x.size).reshape(x.shape)
    for zero, negative in zip(zeros, (False, True), strict=True):
        stand_in[subnormal & (np.signbit(x) == negative)] = zero[0]
    at_zero = ulp.measure(result, problem.exact.at(stand_in), case.dtype)
    return np.where(subnormal, np.minimum(errors, at_zero.flushed), errors)


def _place(x: Array, index: int, rowwise: bool) -> str:
    """The input as a hex float; for a row-wise activation the row and entry of the output."""
    if rowwise:
        return f"output {index}"
    return float(x.flat[index]).hex()


def between(
    results: dict[Case, Array], bits_of: Callable[[Case], Array]
) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Compare each two frameworks that ran the same thing: a sample for either."""
    groups: dict[Case, list[Case]] = {}
    for case in results:
        groups.setdefault(replace(case, framework="", device=""), []).append(case)
    for group in groups.values():
        for case in group:
            for other in group:
                if case.framework != other.framework:
                    yield case, _compare(case, other, results, bits_of(case))


def _compare(case: Case, other: Case, results: dict[Case, Array], bits: Array) -> dict[str, Any]:
    apart = ulp.distance(results[case].ravel(), results[other].ravel(), case.dtype)
    rowwise = find(case.activation).rowwise
    x = inputs.from_bits(bits, case.dtype)
    first = "" if apart.first is None else _place(x, apart.first, rowwise)
    return {"other": other.framework, "most": apart.most, "equal": apart.equal, "first": first}
