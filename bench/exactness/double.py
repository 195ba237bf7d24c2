"""Certificates of whole stretches of inputs, through the float64 tier in front of Arb.

A stretch is a run of consecutive places (`inputs.places`). Nearly every result is judged against a
ball of float64; results too near the midpoint between two numbers, and those where float64 is too
imprecise, are decided by Arb.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from flint import ctx

from ..catalog import inputs
from ..catalog.activations import Activation
from ..catalog.dtypes import DTYPES
from ..results.samples import Certificate
from . import binades, reference
from .balls import Balls, balls
from .judge import judge, merge
from .problem import Problem, problem_at

Array = np.ndarray[Any, Any]

_BLOCK = 2**13
"""The inputs of a block: their arrays stay in a CPU's own cache."""
_PRECISION = 128
"""The bits of the constants in a formula."""
_MARGIN = 2.0**-40
"""The ulp by which every radius is widened: the error is itself computed in float64."""
_LOOSE = 2.0**-8
"""The radius in ulp beyond which the error itself would be vague, and Arb computes the value."""
_SHORT = 64
"""The length of a run of inputs without a bound that is not worth cutting."""


def examine(
    activation: Activation, direction: str, dtype: str, bits: Array, results: Array
) -> Certificate:
    """The certificate of an elementwise activation's results, both bit patterns of one dimension.

    Blocks of consecutive inputs are quick. In float64 only Arb is precise enough.
    """
    if not DTYPES[dtype].is_countable:
        return judge(problem_at(activation, direction, dtype, bits), results)
    stretches = [slice(i, i + _BLOCK) for i in range(0, len(bits), _BLOCK)]
    tier = _Tier(activation, direction, dtype)
    return reduce(merge, (tier.block(bits[stretch], results[stretch]) for stretch in stretches))


class _Tier:
    """One function in one format, with everything that does not depend on the block."""

    def __init__(self, activation: Activation, direction: str, dtype: str) -> None:
        self._activation, self._direction, self._dtype = activation, direction, dtype
        self._function = reference.function_of(activation, direction)
        kinks = activation.kinks(**activation.parameters) if direction == "backward" else ()
        self._kinks = np.array(kinks)
        self._grid = inputs.from_bits(inputs.grid(dtype), dtype)
        self._format = DTYPES[dtype]

    def block(self, bits: Array, results: Array) -> Certificate:
        """The certificate of a block: results clearly within half an ulp are only counted, others
        examined."""
        x, got = inputs.from_bits(bits, self._dtype), inputs.from_bits(results, self._dtype)
        mid, rad = self._balls(x)
        with np.errstate(all="ignore"):
            unit = self._unit(mid)
            error = np.abs(got - mid) / unit
            slack = rad / unit + _MARGIN
            plain = error + slack < 0.5
            tiny, least = self._format.normal, self._format.normal * 2.0**-64
            usual = (np.abs(mid) >= tiny) & (np.abs(got) >= tiny)
            nothing = (np.abs(mid) <= least) & (got == 0)
            nothing &= (mid == 0) | (np.signbit(mid) == np.signbit(got))
        plain &= usual | nothing
        plain |= (np.isnan(mid) & np.isnan(got)) | (np.isinf(mid) & (mid == got))
        if len(self._kinks):
            plain &= ~np.isin(x, self._kinks)
        if plain.any():
            counted = plain & np.isfinite(x) & ~np.isnan(error)
            near = counted & (np.abs(x) <= inputs.NEAR)
            tops = [(error, counted), (error, near), (error * unit, near)]
            for errors, among in tops:
                plain[np.where(among, errors, -1).argmax()] = False
            plain &= ~self._on_grid(x)
        close, rest = np.flatnonzero(~plain), int(plain.sum())
        error = np.where(usual & (error < 0.5), error, 0)
        clear = Certificate(
            tested=rest,
            histogram={"0.5": rest} if rest else {},
            binades=binades.largest(bits[plain], error[plain], self._dtype),
            trouble_outside=0,
        )
        if not len(close):
            return clear
        exact = self._reference(x[close], mid[close], rad[close], slack[close])
        problem = Problem(
            self._activation, self._direction, self._dtype, bits[close], exact, slack=slack[close]
        )
        return merge(judge(problem, results[close]), clear)

    def _on_grid(self, x: Array) -> Array:
        """Mark the points that medians are over."""
        few = self._grid[(self._grid >= np.fmin.reduce(x)) & (self._grid <= np.fmax.reduce(x))]
        return np.isin(x, few) if len(few) else np.zeros(x.shape, bool)

    def _unit(self, mid: Array) -> Array:
        """The size of an ulp at each value; infinite values take that of the largest numbers."""
        fmt = self._format
        size = np.clip(np.abs(mid), fmt.normal, 2.0**fmt.emax)
        power: Array = (size.view(np.int64) & np.int64(0x7FF << 52)).view(np.float64)
        return power * 2.0 ** (1 - fmt.precision)

    def _balls(self, x: Array) -> tuple[Array, Array]:
        """The midpoints and radii at the inputs; NaN with radius 0 where there is no value.

        A value far beyond the largest number of the format is infinite.
        """
        enclosed = _evaluate(self._function, x)
        mid, rad = (
            np.array(np.broadcast_to(part, x.shape)) for part in (enclosed.mid, enclosed.rad)
        )
        open_ = ~(np.isfinite(mid) & np.isfinite(rad))
        finite = np.isfinite(x)
        for run in _runs(np.flatnonzero(open_ & finite)):
            self._settle(x, mid, run)
        rad[open_ & finite] = 0
        beyond = (np.abs(mid) >= 4 * 2.0**self._format.emax) & (4 * rad <= np.abs(mid))
        mid[beyond], rad[beyond] = np.copysign(np.inf, mid[beyond]), 0
        if not finite.all():
            self._ask(x, mid, np.flatnonzero(~finite))
            rad[~finite] = 0
        return mid, rad

    def _settle(self, x: Array, mid: Array, run: Array) -> None:
        """Settle the values of a run of consecutive inputs without a bound.

        Where Arb finds no value, or none that the format reaches, at both ends and in the middle,
        the same holds in between: domains and overflow regions are intervals.
        """
        if len(run) <= _SHORT:
            self._ask(x, mid, run)
            return
        kinds = {self._kind(float(x[run[i]])) for i in (0, len(run) // 2, -1)}
        if len(kinds) == 1 and "finite" not in kinds:
            mid[run] = float(kinds.pop())
            return
        for half in np.array_split(run, 2):
            self._settle(x, mid, half)

    def _kind(self, x: float) -> str:
        """`nan`, `inf`, `-inf` or `finite`: the kind of number that the value at x rounds to."""
        value = reference.rounded(self._activation, self._direction, x, self._dtype)
        return "finite" if np.isfinite(value) else str(value)

    def _ask(self, x: Array, mid: Array, where: Array) -> None:
        """Compute values with Arb; all NaNs share one answer."""
        numbers = where[~np.isnan(x[where])]
        mid[where] = np.nan
        mid[numbers] = reference.exact_at(self._function, x[numbers]).in_binade

    def _reference(self, x: Array, mid: Array, rad: Array, slack: Array) -> reference.Reference:
        """Exact values precise enough to measure by: float64's, or Arb's where those are vague.

        They are vague next to a power of two as well, because an ulp is half as large below it.
        """
        values = reference.Reference.of(mid)
        size = np.abs(mid)
        between = self._unit(size - rad) != self._unit(size + rad)
        vague = np.flatnonzero((slack > _LOOSE) | between)
        better = reference.exact_at(self._function, x[vague])
        values.high[vague], values.low[vague] = better.high, better.low
        values.exponent[vague] = better.exponent
        return reference.with_kinks(values, self._activation, self._direction, x)


def _evaluate(function: Callable[[Any], Any], x: Array) -> Balls:
    """A formula evaluated on arrays; unbounded where it cannot be."""
    ctx.prec = _PRECISION
    with np.errstate(all="ignore"):
        try:
            return balls(function(Balls(x)))
        except (TypeError, AttributeError, ValueError):
            return Balls(x, np.full(x.shape, np.inf))


def _runs(indices: Array) -> list[Array]:
    """Indices, split where they are not consecutive."""
    return np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1) if len(indices) else []
