"""Problems: the inputs that an activation is tried on, and the exact values there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find_reference
from ..catalog.cases import Case, directions_of
from ..catalog.dtypes import DTYPES
from ..results.status import Status
from ..worker.protocol import Failure
from ..workers.process import Failed
from . import known, reference, special
from .by_result import by_result
from .hardest import hardest
from .zeros import NEAR, beside_zero

Array = np.ndarray[Any, Any]

ROW = 256
"""Elements of a row of inputs, where their number allows."""
SURE = 2.0**-30
"""The distance in ulp from half an ulp at which an exact value decides how a number rounds."""
_LEARNED_ROWS = 64


@dataclass(frozen=True)
class Problem:
    """An activation in one direction and format, with inputs, upstream and exact values.

    Inputs are flat; those of a function of rows are rows of a length of their own. `slack` bounds
    the error of an error in ulp. `rounded` holds the bits of the correctly rounded results where
    they are known at all inputs.
    """

    activation: Activation
    direction: str
    dtype: str
    bits: Array
    exact: reference.Reference
    upstream: Array | None = None
    slack: Array | float = SURE
    rounded: Array | None = None
    learned_bits: Array | None = None
    learned_exact: reference.Reference | None = None

    def at(self, bits: Array) -> Problem:
        """The problem at some of its inputs, flat bit patterns, for an elementwise activation."""
        places = inputs.indices(self.bits.ravel(), bits)
        slack = self.slack.ravel()[places] if isinstance(self.slack, np.ndarray) else self.slack
        rounded = None if self.rounded is None else self.rounded.ravel()[places]
        exact = self.exact.at(places)
        part = Problem(self.activation, self.direction, self.dtype, bits, exact, None, slack)
        return replace(part, rounded=rounded)

    @cached_property
    def x(self) -> Array:
        """The inputs as float64."""
        return inputs.from_bits(self.bits, self.dtype)

    @cached_property
    def value(self) -> Array:
        """The exact values as float64."""
        return self.exact.values

    @cached_property
    def near(self) -> Array:
        """Mark the results of inputs in [−20, 20], or of rows with all entries there."""
        with np.errstate(invalid="ignore"):
            inside: Array = np.abs(self.x) <= inputs.NEAR
        if self.activation.rowwise:
            inside = np.broadcast_to(inside.all(axis=1, keepdims=True), self.value.shape)
        return inside

    @cached_property
    def typical(self) -> Array:
        """The flat places of the results that a median is over: for rows all that are `near`.

        Else those of the points of a linear grid, each as often as it is the nearest.
        """
        counts = self.near.ravel().astype(int)
        if not self.activation.rowwise:
            points, times = np.unique(inputs.grid(self.dtype), return_counts=True)
            index = np.searchsorted(points, self.bits.ravel()).clip(max=len(points) - 1)
            counts = np.where(points[index] == self.bits.ravel(), times[index], 0)
        return np.repeat(np.arange(counts.size), np.where(np.isnan(self.value.flat), 0, counts))

    @cached_property
    def at_zeros(self) -> reference.Reference:
        """The exact values at 0 and −0."""
        return reference.exact_values(self.activation, self.direction, np.array([0.0, -0.0]))

    @cached_property
    def beside_zero(self) -> Array:
        """Mark results that lie beside a zero of the function itself.

        A row with a single result counts where the result is far below the row's values.
        """
        if not self.activation.rowwise:
            return beside_zero(self.x, self.activation, self.direction)
        if self.value.shape[1:] != (1,):
            return np.zeros(self.value.shape, bool)
        size = np.where(np.isfinite(self.x), np.abs(self.x), 0).max(axis=1, keepdims=True)
        beside: Array = np.abs(self.value) <= NEAR * size
        return beside


class Problems:
    """The problem of each activation, direction and format, made once."""

    def __init__(self, per_binade: int, seed: int) -> None:
        self._per_binade, self._seed = per_binade, seed
        self._made: dict[tuple[str, str, str], Problem] = {}
        self._lock = Lock()

    def of(self, case: Case) -> Problem:
        """The problem that a case is tried on."""
        key = (case.activation, case.direction, case.dtype)
        with self._lock:
            if key not in self._made:
                activation = find_reference(case.activation)
                self._made[key] = problem_of(activation, *key[1:], self._per_binade, self._seed)
            return self._made[key]


def known_keys(cases: Iterable[Case]) -> Iterator[known.Key]:
    """The keys of the exact values at all 16-bit inputs that some swept cases need."""
    for case in cases:
        if DTYPES[case.dtype].is_small and not find_reference(case.activation).rowwise:
            for directed in directions_of(case):
                yield directed.activation, directed.direction, directed.dtype


def problem_of(
    activation: Activation, direction: str, dtype: str, per_binade: int, seed: int
) -> Problem:
    """Choose the inputs of an activation and compute the exact values there.

    They are all inputs of a 16-bit format; in a wider one `per_binade` in each binade of inputs,
    and of values and slopes. Raises Failed for a maxout of so many groups that the rows, which are
    short, do not split into them.
    """
    if activation.rowwise:
        return _of_rows(activation, direction, dtype, seed)
    if DTYPES[dtype].is_small:
        problem = _of_all(activation, direction, dtype)
    else:
        chosen = [inputs.stratified(dtype, per_binade, seed), special.points(activation, dtype)]
        for way in ("forward", "backward"):
            chosen.append(hardest(activation, way, dtype, seed))
            chosen.append(by_result(activation, way, dtype, per_binade, seed))
        bits = np.unique(np.concatenate(chosen))
        problem = problem_at(activation, direction, dtype, bits)
    if direction == "backward" and activation.learnable:
        return _with_learned(problem, seed)
    return problem


def problem_at(activation: Activation, direction: str, dtype: str, bits: Array) -> Problem:
    """The problem of an elementwise activation at given inputs, bit patterns of any shape."""
    exact = reference.exact_values(activation, direction, inputs.from_bits(bits, dtype))
    return Problem(activation, direction, dtype, bits, exact)


def _of_all(activation: Activation, direction: str, dtype: str) -> Problem:
    """The problem at every input of a 16-bit format."""
    stored = known.known(activation.label, direction, dtype)
    bits = known.all_inputs(dtype)
    return Problem(activation, direction, dtype, bits, stored.exact, rounded=stored.rounded)


def _with_learned(problem: Problem, seed: int) -> Problem:
    """Add bounded inputs for the gradient of a learned parameter, which is a sum over them."""
    activation, dtype = problem.activation, problem.dtype
    bits = inputs.learned_rows((_LEARNED_ROWS, ROW), dtype, seed)
    x = inputs.from_bits(bits, dtype)
    columns = x if activation.parameters.get("per_channel") else x.reshape(-1, 1)
    exact = reference.parameter_gradient(activation, columns)
    return replace(problem, learned_bits=bits, learned_exact=exact)


def _of_rows(activation: Activation, direction: str, dtype: str, seed: int) -> Problem:
    if reason := activation.indivisible(inputs.STRUCTURED_ROW):
        raise Failed(Failure(Status.UNSUPPORTED, reason))
    bits = inputs.structured_rows(dtype, seed)
    if activation.ties:
        bits = bits[_without_ties(inputs.from_bits(bits, dtype))]
    rows = inputs.from_bits(bits, dtype)
    values = reference.row_values(activation, rows)
    upstream = inputs.timing(values.high.shape, dtype, seed + 1)
    if direction == "backward":
        pull = inputs.from_bits(upstream, dtype)
        values = reference.row_gradients(activation, rows, pull)
    return Problem(activation, direction, dtype, bits, values, upstream)


def _without_ties(rows: Array) -> Array:
    """Rows with distinct entries: where a maximum is reached twice, its slope jumps."""
    return np.array([len(np.unique(row)) == len(row) for row in rows])
