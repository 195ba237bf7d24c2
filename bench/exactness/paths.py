"""Paths: a case on short arrays, in the tail of a vector, on views, on one number and on none.

A kernel has other code for the last elements of an array than for its body, for unaligned or
strided arrays, and sometimes for large ones. A pool of inputs is given in all these ways, the
special points in the tail as well as in the body, and each result is compared with that of the same
input in the usual array and, where the two differ, with the exact value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find_reference
from ..catalog.cases import Case, Profile, Selection, plain_form
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import Framework, frameworks
from ..results.rows import Path, Point, Tried
from ..results.samples import Certificate
from ..results.status import Status
from ..worker.protocol import Attempt, Failure, Laid, Layout
from . import special, ulp
from .judge import FIRST, WORST, judge, merge, place
from .problem import Problem
from .ranges import Range

Array = np.ndarray[Any, Any]
Attempter: TypeAlias = Callable[[Case, Sequence[Laid]], Sequence[Attempt]]
"""A function that returns the results of a case at several inputs."""

_TAIL = 3
"""The elements at the end of an array that fill no vector: its length is that of whole vectors and
these, for vectors of up to 64 numbers."""
_ODD, _LONG = 64 + _TAIL, 4096 + _TAIL
_OTHER_AXIS = 61
_SHORT = (*range(1, 68), *(2**k + off for k in range(7, 13) for off in (-1, 1)))
_SPREAD = 80
"""The inputs of each kind in the pool."""
_EVERYWHERE = Range()


@dataclass(frozen=True)
class Extent:
    """The paths to try: arrays of some lengths with special points in their `tails`.

    Then of other lengths, of a `large` one, and in other `layouts`, on one number and on none.
    """

    tails: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    large: int = 0
    layouts: bool = False


TAIL = Extent(tails=(_ODD,))
"""One length: all that a run can afford for forms without compiled code."""
FEW = Extent(tails=(_ODD,), lengths=(1,), layouts=True)
"""The paths that are affordable where each shape is compiled."""
ALL = Extent(tails=(_ODD, _LONG), lengths=_SHORT, large=2**20 + _TAIL, layouts=True)
OWN = replace(ALL, large=2**22 + _TAIL)
"""The paths of a single user's function, with time for an array that leaves every cache."""


def extent_of(case: Case, profile: Profile, asked: Selection) -> Extent | None:
    """The paths that a swept case is tried on; None where it is tried on none.

    A plain form and a user's function are tried on all where conditions are compared, but on few
    where each shape is compiled: a framework's own in the mode `compiled` only in the tail, and
    only activations asked for. Other cases are tried only in the tail, if they are not compiled, or
    are plain forms of activations asked for. A function of rows in eager mode is given its rows in
    other arrays.
    """
    activation, framework = find_reference(case.activation), frameworks()[case.framework]
    compiled = case.mode in framework.compiles
    plain = bool(framework.callable) or case.form == plain_form(activation, framework)
    if activation.rowwise:
        eager = profile.conditions and plain and not compiled and activation.axis == -1
        return ALL if eager else None
    if activation.parameters.get("per_channel"):
        return None
    if not (profile.conditions and plain):
        named = case.mode == "eager" and plain and asked.activations
        return TAIL if named or not compiled else None
    if framework.callable or case.mode == "eager":
        return extent_alone(case, framework)
    return TAIL if asked.activations else None


def extent_alone(case: Case, framework: Framework) -> Extent:
    """The paths of a case that is the only one, or one of few."""
    if case.mode in framework.compiles:
        return FEW
    return OWN if framework.callable else ALL


def shape_in(framework: Framework, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape, or as many elements in one dimension where a framework takes no other."""
    return (math.prod(shape),) if framework.dims == 1 else shape


@dataclass(frozen=True)
class _Call:
    """One array of a path, as places in the pool."""

    path: Path
    places: Array
    layout: Layout = Layout.WHOLE


@dataclass(frozen=True)
class Pool:
    """Bit patterns of the inputs to give in all ways: special points, and others."""

    points: Array
    others: Array

    @property
    def bits(self) -> Array:
        """The bit patterns of both."""
        return np.concatenate([self.points, self.others])


def pool(activation: Activation, dtype: str, within: Range = _EVERYWHERE) -> Pool:
    """The inputs of a range: special points, if any, and some of every size and beside 0."""
    points = special.points(activation, dtype)
    kinds = [inputs.stratified(dtype, 0, 0), inputs.grid(dtype)]
    if within != _EVERYWHERE:
        first, count = within.places(dtype)
        places = np.arange(first, first + count, max(count // _SPREAD, 1))
        kinds.append(inputs.bits_of(places, dtype))
        points, *kinds = (_between(first, count, bits, dtype) for bits in (points, *kinds))
    others = np.unique(np.concatenate(list(map(_some, kinds))))
    points = points if len(points) else others[: _TAIL * _TAIL]
    others = np.setdiff1d(others, points)
    return Pool(points, np.random.default_rng(0).permutation(others))


def _between(first: int, count: int, bits: Array, dtype: str) -> Array:
    low, high = inputs.from_bits(inputs.bits_of(np.array([first, first + count - 1]), dtype), dtype)
    x = inputs.from_bits(bits, dtype)
    return np.compress((x >= low) & (x <= high), bits)


def _some(bits: Array) -> Array:
    return np.take(bits, np.linspace(0, len(bits) - 1, min(len(bits), _SPREAD)).astype(int))


def tried(
    case: Case,
    problems: Sequence[Problem],
    attempt: Attempter,
    shape: tuple[int, ...],
    extent: Extent,
    given: Pool | None = None,
) -> list[Certificate] | None:
    """The certificate of each direction on all paths: of what differed there, with its `paths`.

    The usual array has a `shape`. None where that alone fails.
    """
    if problems[0].activation.rowwise:
        return _rows_tried(case, problems, attempt)
    given = given or pool(problems[0].activation, case.dtype)
    bits, points = given.bits, len(given.points)
    usual = _Call(Path.ELSEWHERE, np.resize(np.arange(len(bits)), shape))
    calls = [usual, *_calls(points, len(bits), extent, len(shape) > 1)]
    attempts = _attempted(case, calls, bits, attempt)
    if attempts[0].failure:
        return None
    return [_certified(problem.at(bits), i, calls, attempts) for i, problem in enumerate(problems)]


def _rows_tried(
    case: Case, problems: Sequence[Problem], attempt: Attempter
) -> list[Certificate] | None:
    """The certificates for rows: only `paths`, because a result is exact for its own upstream."""
    rows = problems[0].bits
    twice = np.resize(np.arange(len(rows)), 2 * len(rows))
    calls = [_Call(Path.ELSEWHERE, twice), *_calls_of_rows(len(rows))]
    attempts = _attempted(case, calls, rows, attempt)
    if attempts[0].failure:
        return None
    return [_rows_compared(problem, i, calls, attempts) for i, problem in enumerate(problems)]


def _calls_of_rows(count: int) -> Iterator[_Call]:
    turn = _Turn(count)
    for length in (1, 2, 3, 5, 7):
        yield _Call(Path.SHORT, turn.next(length))
    for path, layout in _LAYOUTS.items():
        yield _Call(path, np.arange(count), layout)
    for _ in range(_TAIL):
        yield _Call(Path.BROADCAST, np.repeat(turn.next(1), _OTHER_AXIS), Layout.BROADCAST)
    yield _Call(Path.EMPTY, np.arange(0))


_LAYOUTS = {
    Path.UNALIGNED: Layout.UNALIGNED,
    Path.STRIDED: Layout.STRIDED,
    Path.TRANSPOSED: Layout.TRANSPOSED,
}


def _rows_compared(
    problem: Problem, direction: int, calls: Sequence[_Call], attempts: Sequence[Attempt]
) -> Certificate:
    """The paths of one direction of a function of rows, element by element of its result."""
    every = attempts[0].outputs[direction].ravel()
    width = every.size // calls[0].places.size
    usual = every[: len(problem.bits) * width]
    spread = [
        replace(call, places=(call.places[:, None] * width + np.arange(width)).ravel())
        for call in calls
    ]
    return Certificate(
        paths=tuple(
            compared.tried(problem, usual, path)
            for path, compared in _by_path(problem, usual, direction, spread, attempts)
        )
    )


def _calls(points: int, count: int, extent: Extent, rows: bool) -> Iterator[_Call]:
    """The arrays of all paths but the usual one; with `rows` some have two dimensions."""
    turn = _Turn(count)
    for length in extent.lengths:
        for _ in range(math.ceil(points / length) if length <= _TAIL else 1):
            yield _Call(Path.SHORT, turn.next(length))
    groups = np.resize(np.arange(points), (math.ceil(points / _TAIL), _TAIL))
    for length in extent.tails:
        for group in groups:
            yield _Call(Path.TAIL, np.concatenate([group, turn.next(length - 2 * _TAIL), group]))
    if extent.large:
        yield _Call(Path.LARGE, turn.next(extent.large))
    if extent.layouts:
        yield from _laid_out(turn, extent, points, rows)


def _laid_out(turn: _Turn, extent: Extent, points: int, rows: bool) -> Iterator[_Call]:
    for length in extent.tails:
        yield _Call(Path.UNALIGNED, turn.next(length), Layout.UNALIGNED)
        yield _Call(Path.STRIDED, turn.next(length), Layout.STRIDED)
    if rows:
        block = (_OTHER_AXIS, _ODD)
        yield _Call(Path.TRANSPOSED, turn.next(math.prod(block)).reshape(block), Layout.TRANSPOSED)
        for side in (turn.next(_ODD)[None], turn.next(_OTHER_AXIS)[:, None]):
            yield _Call(Path.BROADCAST, np.broadcast_to(side, block), Layout.BROADCAST)
    else:
        scalar = np.broadcast_to(turn.next(1), (_ODD,))
        yield _Call(Path.BROADCAST, scalar, Layout.BROADCAST)
    for point in range(points):
        yield _Call(Path.SCALAR, np.array(point))
    yield _Call(Path.EMPTY, np.arange(0))


class _Turn:
    """Places of the pool, one after another and again from the beginning."""

    def __init__(self, count: int) -> None:
        self._count, self._at = count, 0

    def next(self, length: int) -> Array:
        places: Array = (np.arange(length) + self._at) % self._count
        self._at += length
        return places


def _attempted(
    case: Case, calls: Sequence[_Call], given: Array, attempt: Attempter
) -> list[Attempt]:
    """The attempts of all calls; a path that kills the process costs no other path."""

    def ask(some: Sequence[_Call]) -> Sequence[Attempt]:
        laid = [Laid(np.asarray(given[call.places]), call.layout) for call in some]
        return attempt(case, laid)

    together = ask(calls)
    if not all(outcome.failure for outcome in together):
        return list(together)
    of_path = {
        path: iter(ask([call for call in calls if call.path is path]))
        for path in dict.fromkeys(call.path for call in calls)
    }
    return [next(of_path[call.path]) for call in calls]


def _certified(
    problem: Problem, direction: int, calls: Sequence[_Call], attempts: Sequence[Attempt]
) -> Certificate:
    """The certificate of one direction: of the results that differ from the usual ones."""
    usual = attempts[0].outputs[direction].ravel()[: problem.bits.size]
    paths, certificate = [], Certificate()
    known = np.stack([np.arange(usual.size, dtype=np.uint64), usual.astype(np.uint64)])
    for path, compared in _by_path(problem, usual, direction, calls, attempts):
        paths.append(compared.tried(problem, usual, path))
        count, pairs = known.shape[1], np.concatenate([known, compared.pairs], axis=1)
        firsts = np.unique(pairs, axis=1, return_index=True)[1]
        new = pairs[:, np.sort(firsts[firsts >= count])]
        certificate = merge(certificate, _of_results(problem, new, path))
        known = np.concatenate([known, new], axis=1)
    return replace(certificate, paths=tuple(paths))


def _by_path(
    problem: Problem,
    usual: Array,
    direction: int,
    calls: Sequence[_Call],
    attempts: Sequence[Attempt],
) -> Iterator[tuple[Path, _Compared]]:
    """The results of each path beside the usual ones."""
    for path in dict.fromkeys(call.path for call in calls):
        some = [pair for pair in zip(calls, attempts, strict=True) if pair[0].path is path]
        yield path, _Compared.of(problem, usual, direction, some)


def _of_results(problem: Problem, pairs: Array, path: Path) -> Certificate:
    """The certificate of results at some places, from a path; medians are over usual ones."""
    if not pairs.size:
        return Certificate()
    places, results = pairs[0].astype(np.int64), pairs[1].astype(problem.bits.dtype)
    certificate = judge(problem.at(problem.bits[places]), results)

    def placed(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple(replace(point, path=path) for point in points)

    worst = {name: getattr(certificate, name) for name in WORST}
    moved: dict[str, Any] = {name: point and placed((point,))[0] for name, point in worst.items()}
    moved |= {name: placed(getattr(certificate, name)) for name in FIRST}
    return replace(certificate, near=(), **moved)


@dataclass(frozen=True)
class _Compared:
    """The results of a path with the places of their inputs and the lengths of their arrays.

    Those that are `differing` have other bits than the usual ones.
    """

    places: Array
    results: Array
    lengths: Array
    differing: Array
    calls: int
    wrote: int
    failures: tuple[Failure, ...]

    @classmethod
    def of(
        cls, problem: Problem, usual: Array, direction: int, pairs: Sequence[tuple[_Call, Attempt]]
    ) -> _Compared:
        places, results, lengths, failures = [np.arange(0)], [usual[:0]], [np.arange(0)], []
        for call, attempt in pairs:
            failure = attempt.failure or _misfit(call, attempt.outputs[direction], usual)
            if failure:
                failures.append(failure)
                continue
            places.append(call.places.ravel())
            results.append(attempt.outputs[direction].ravel())
            lengths.append(np.full(call.places.size, call.places.size))
        where, got = np.concatenate(places), np.concatenate(results)
        return cls(
            where,
            got,
            np.concatenate(lengths),
            ulp.differ(usual[where], got, problem.dtype),
            len(pairs),
            sum(attempt.wrote for _, attempt in pairs),
            tuple(failures),
        )

    @property
    def pairs(self) -> Array:
        """Places and results that are not the usual ones, in two rows."""
        where = self.differing
        return np.stack([self.places[where], self.results[where]]).astype(np.uint64)

    def tried(self, problem: Problem, usual: Array, path: Path) -> Tried:
        """The record of the path."""
        first = self.failures[0] if self.failures else None
        record = Tried(
            path,
            calls=self.calls,
            inputs=self.places.size,
            wrote=self.wrote,
            failed=len(self.failures),
            reason=first.reason if first else "",
            lacking=bool(first and first.status is Status.UNSUPPORTED),
        )
        where = self.differing
        if not len(where):
            return record
        apart, flushed = self._distances(problem, usual, where)
        worst = where[int(np.lexsort((apart, flushed))[-1])]
        return replace(
            record,
            equal=float(1 - len(where) / self.places.size),
            apart=float(apart.max()),
            apart_flushed=float(flushed.max()),
            worst=self._point(problem, usual, int(worst)),
            length=int(self.lengths[worst]),
        )

    def _distances(self, problem: Problem, usual: Array, where: Array) -> tuple[Array, Array]:
        """The distances of results, plainly and where subnormals may stand for zero."""
        places, dtype = self.places[where], problem.dtype
        wanted, results = usual[places], self.results[where]
        flushed = ulp.distances(wanted, results, dtype, contracted=True)
        if problem.activation.rowwise:
            return ulp.distances(wanted, results, dtype), flushed
        flushed[DTYPES[dtype].is_subnormal(problem.x[places]) & np.isfinite(flushed)] = 0
        return ulp.distances(wanted, results, dtype), flushed

    def _point(self, problem: Problem, usual: Array, worst: int) -> Point:
        at, rowwise = int(self.places[worst]), problem.activation.rowwise
        got, other = inputs.from_bits(np.stack([self.results[worst], usual[at]]), problem.dtype)
        pulled = rowwise and problem.direction != "forward"
        exact = None if pulled else float(problem.value.flat[at])
        point = place(problem.x, at, rowwise)
        return replace(point, got=float(got), exact=exact, other=float(other))


def _misfit(call: _Call, output: Array, usual: Array) -> Failure | None:
    """The failure of results that are not one per input, or not in the input's format."""
    if output.dtype != usual.dtype:
        reason = f"returns {8 * output.itemsize} bits for {8 * usual.itemsize}"
    elif output.size != call.places.size:
        reason = f"returns {output.size} numbers for {call.places.size}"
    else:
        return None
    return Failure(Status.REFUSED, reason)
