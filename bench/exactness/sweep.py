"""The sweep: every form of every activation on one set of inputs, against the exact value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from threading import Lock
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..workers.process import Failed
from . import binades, known, reference, special, ulp
from .certificate import Certificate, Results, certify, place
from .hardest import hardest
from .zeros import NEAR, beside_zero

Array = np.ndarray[Any, Any]
_WIDTH = 256
_LEARNED_ROWS = 64
_SURE = 2.0**-30


@dataclass(frozen=True)
class Problem:
    """What one activation, direction and dtype is tried on: inputs, upstream and exact values.

    `rounded` holds the bits of the correctly rounded results where they are known at all inputs.
    """

    activation: Activation
    direction: str
    dtype: str
    bits: Array
    upstream: Array | None
    exact: reference.Reference
    rounded: Array | None = None
    learned_bits: Array | None = None
    learned_exact: reference.Reference | None = None

    @cached_property
    def x(self) -> Array:
        """The inputs as float64."""
        return inputs.from_bits(self.bits, self.dtype)

    @cached_property
    def value(self) -> Array:
        """The exact values as float64."""
        with np.errstate(over="ignore", under="ignore"):
            exponent = np.clip(self.exact.exponent, -3000, 3000).astype(np.int32)
            rounded: Array = np.ldexp(self.exact.high + self.exact.low, exponent)
        return rounded

    @cached_property
    def beside_zero(self) -> Array:
        """Where results lie beside a zero of the function itself.

        A function of a row with one result is there where that is far below the row's values.
        """
        if not self.activation.rowwise:
            return beside_zero(self.x, self.activation, self.direction)
        if self.value.shape[1:] != (1,):
            return np.zeros(self.value.shape, bool)
        size = np.where(np.isfinite(self.x), np.abs(self.x), 0).max(axis=1, keepdims=True)
        beside: Array = np.abs(self.value) <= NEAR * size
        return beside


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


def known_keys(cases: Iterable[Case]) -> Iterator[known.Key]:
    """Which exact values of all 16-bit inputs some swept cases need."""
    for case in cases:
        if case.dtype in known.FORMATS and not find(case.activation).rowwise:
            for each in directions_of(case):
                yield each.activation, each.direction, each.dtype


def problem_of(
    activation: Activation, direction: str, dtype: str, per_binade: int, seed: int
) -> Problem:
    """Choose the inputs of an activation and compute what is exact at them.

    All inputs of a 16-bit format; of a wider one `per_binade` in each binade. Raises Failed for a
    maxout of so many groups that the rows, which are short, do not split into them.
    """
    if activation.rowwise:
        return _row_problem(activation, direction, dtype, seed)
    if dtype in known.FORMATS:
        problem = _whole(activation, direction, dtype)
    else:
        hard = [hardest(activation, each, dtype, seed) for each in ("forward", "backward")]
        bits = inputs.stratified(dtype, per_binade, seed)
        bits = np.unique(np.concatenate([bits, *hard, special.points(activation, dtype)]))
        bits = np.append(bits, np.zeros(-len(bits) % _WIDTH, bits.dtype)).reshape(-1, _WIDTH)
        problem = problem_at(activation, direction, dtype, bits)
    if direction == "backward" and activation.learnable:
        return _with_learned(problem, seed)
    return problem


def problem_at(activation: Activation, direction: str, dtype: str, bits: Array) -> Problem:
    """An elementwise activation at given inputs, bit patterns of any shape."""
    exact_at = reference.values if direction == "forward" else reference.derivatives
    exact = exact_at(activation, inputs.from_bits(bits, dtype))
    return Problem(activation, direction, dtype, bits, None, exact)


def _whole(activation: Activation, direction: str, dtype: str) -> Problem:
    """Every input of a 16-bit format."""
    found = known.known(activation.label, direction, dtype)
    bits = known.all_inputs().reshape(-1, _WIDTH)
    exact = found.exact.at(np.arange(bits.size).reshape(bits.shape))
    rounded = found.rounded.reshape(bits.shape)
    return Problem(activation, direction, dtype, bits, None, exact, rounded)


def _with_learned(problem: Problem, seed: int) -> Problem:
    """Add bounded inputs for the gradient of a learned parameter, which is a sum over them."""
    activation, dtype = problem.activation, problem.dtype
    bits = inputs.learned_rows((_LEARNED_ROWS, _WIDTH), dtype, seed)
    x = inputs.from_bits(bits, dtype)
    columns = x if activation.parameters.get("per_channel") else x.reshape(-1, 1)
    exact = reference.parameter_gradient(activation, columns)
    return replace(problem, learned_bits=bits, learned_exact=exact)


def _row_problem(activation: Activation, direction: str, dtype: str, seed: int) -> Problem:
    groups = activation.parameters.get("k") if activation.name == "maxout" else None
    if groups and inputs.STRUCTURED_ROW % groups:
        length = inputs.STRUCTURED_ROW
        reason = f"the rows of {length} features that are tried do not split into {groups} groups"
        raise Failed("unsupported", reason)
    bits = inputs.structured_rows(dtype, seed)
    if activation.name in ("crelu", "maxout"):
        bits = bits[_without_ties(inputs.from_bits(bits, dtype))]
    rows = inputs.from_bits(bits, dtype)
    values = reference.row_values(activation, rows)
    upstream = inputs.timing(values.high.shape, dtype, seed + 1)
    if direction == "backward":
        pull = inputs.from_bits(upstream, dtype)
        values = reference.row_gradients(activation, rows, pull)
    return Problem(activation, direction, dtype, bits, upstream, values)


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
                self._made[key] = problem_of(
                    find(case.activation),
                    case.direction,
                    case.dtype,
                    self._per_binade,
                    self._seed,
                )
            return self._made[key]


def _without_ties(rows: Array) -> Array:
    """Rows whose entries are all different: where a maximum is reached twice, its slope jumps."""
    return np.array([len(np.unique(row)) == len(row) for row in rows])


Evaluate = Callable[..., list[Any] | None]


def measure(
    case: Case, problem: Problem, evaluate: Evaluate
) -> tuple[dict[str, Any], Array] | None:
    """Run a case of one direction on its inputs: its sample and its results; None if it failed."""
    outputs = evaluate(case, problem.bits.shape[-1], bits=problem.bits, upstream=problem.upstream)
    learned = _learned(case, problem, evaluate)
    if outputs is None or (learned is None and problem.learned_bits is not None):
        return None
    return judge(problem, outputs[0], learned)


def measure_both(
    case: Case, problems: Problems, evaluate: Evaluate
) -> list[tuple[Case, dict[str, Any], Array]] | None:
    """Run a case whose direction is `both`: a case, sample and result of either direction.

    None if it failed.
    """
    forward, backward = directions_of(case)
    values, gradients = problems.of(forward), problems.of(backward)
    assert np.array_equal(values.bits, gradients.bits)
    outputs = evaluate(case, values.bits.shape[-1], bits=values.bits, upstream=values.upstream)
    learned = _learned(case, gradients, evaluate)
    if outputs is None or (learned is None and gradients.learned_bits is not None):
        return None
    return [
        (forward, *judge(values, outputs[0])),
        (backward, *judge(gradients, outputs[1], learned)),
    ]


def _learned(case: Case, problem: Problem, evaluate: Evaluate) -> Array | None:
    """The gradient of a learned parameter, the last output; None without one or where it failed."""
    if problem.learned_bits is None:
        return None
    outputs = evaluate(case, _WIDTH, bits=problem.learned_bits, upstream=None)
    return None if outputs is None else np.asarray(outputs[-1]).reshape(-1)


def judge(
    problem: Problem, output: Any, learned: Array | None = None
) -> tuple[dict[str, Any], Array]:
    """The sample of some results, given as bit patterns, and the results in the inputs' shape."""
    result = np.asarray(output).reshape(problem.exact.high.shape)
    results = _results(problem, result)
    rowwise = problem.activation.rowwise
    sample = certify(results, problem.dtype, rowwise).as_dict()
    if not rowwise:
        found = binades.largest(results.x, results.errors.flushed, problem.dtype)
        sample["ulp_by_binade"] = binades.pack(found)
    if learned is not None and problem.learned_exact is not None:
        error = ulp.measure(learned, problem.learned_exact, problem.dtype)
        sample["max_ulp_parameter"] = float(error.plain.max())
    return sample, result


def certificate_of(problem: Problem, result: Array) -> Certificate:
    """The certificate of results, bit patterns in the shape of the exact values."""
    return certify(_results(problem, result), problem.dtype, problem.activation.rowwise)


def _results(problem: Problem, result: Array) -> Results:
    """Results beside their inputs, exact values and errors."""
    errors = ulp.measure(result, problem.exact, problem.dtype)
    got = inputs.from_bits(result, problem.dtype)
    if not problem.activation.rowwise:
        errors = replace(errors, flushed=_flushed_inputs(errors.flushed, result, problem))
    wrong = _wrong(errors, result, problem)
    return Results(problem.x, got, problem.value, errors, wrong, problem.beside_zero)


def _wrong(errors: ulp.Errors, result: Array, problem: Problem) -> Array:
    """Which results are not the correctly rounded ones. At a kink any slope between is right.

    Where all inputs are known, so are the results; a zero of the wrong sign counts as such alone.
    Elsewhere more than half an ulp is wrong, and what is too near to that is decided by Arb; in
    rows a tie may go either way.
    """
    if problem.rounded is not None:
        got, right = (inputs.from_bits(b, problem.dtype) for b in (result, problem.rounded))
        differ: Array = (got != right) & (errors.plain != 0)
        return differ
    wrong = errors.plain > 0.5
    if problem.activation.rowwise:
        return wrong
    unsure = np.abs(errors.plain - 0.5) < _SURE
    got = inputs.from_bits(result, problem.dtype)
    for i in np.flatnonzero(unsure):
        x = float(problem.x.flat[i])
        nearest = reference.rounded(problem.activation, problem.direction, x, problem.dtype)
        wrong.flat[i] = got.flat[i] != nearest
    return wrong


def _flushed_inputs(flushed: Array, result: Array, problem: Problem) -> Array:
    """Errors where a subnormal input, too, may stand for the zero of its sign."""
    x, fmt = problem.x, DTYPES[problem.dtype]
    better = flushed.copy()
    for negative in (False, True):
        mine = np.signbit(x) == negative
        zeros = np.flatnonzero((x == 0) & mine)
        tiny = np.flatnonzero((np.abs(x) < 2.0**fmt.emin) & (x != 0) & mine)
        if len(zeros) and len(tiny):
            at_zero = problem.exact.at(np.full(len(tiny), zeros[0]))
            found = ulp.measure(result.ravel()[tiny], at_zero, problem.dtype).flushed
            better.flat[tiny] = np.minimum(better.flat[tiny], found)
    return better


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
