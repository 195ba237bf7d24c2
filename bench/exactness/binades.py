"""The largest error along the input axis: one per binade.

A binade holds the numbers of one sign from a power of two up to the next. From 2^-32 up to 2^16
each binade is a group; outside they are merged, an eighth of the exponents of a sign at a time, and
zero and the subnormal numbers of a sign are one group.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from ..catalog.dtypes import DTYPES

Array = np.ndarray[Any, Any]

_SINGLE = range(-32, 16)
"""The exponents whose binades are groups of their own: where activations bend."""
_NOTHING = 1e-3
"""The error in ulp below which 0 is stored."""


@cache
def edges(dtype: str) -> tuple[int, ...]:
    """The exponents at which the groups of a sign begin, rising, and the first one beyond the
    format.

    The group of zero and the subnormal numbers comes before the first, so that a sign has as many
    groups as there are edges.
    """
    fmt = DTYPES[dtype]
    wide = (fmt.emax + 1) // 8
    starts = [
        exponent
        for exponent in range(fmt.emin, fmt.emax + 1)
        if exponent == fmt.emin or exponent in _SINGLE or exponent % wide == 0
    ]
    return (*starts, fmt.emax + 1)


def largest(bits: Array, errors: Array, dtype: str) -> tuple[float, ...]:
    """The largest error in each group of finite inputs, from −max to max.

    Inputs are bit patterns; an empty group has −1.
    """
    fields = bits.ravel() >> (DTYPES[dtype].precision - 1)
    by_group = np.full(len(_groups(dtype)), -1.0)
    if len(fields) and fields.min() == fields.max():
        by_group[fields[0]] = errors.max()
    else:
        np.maximum.at(by_group, fields, errors.ravel())
    merged = np.full(2 * len(edges(dtype)) + 1, -1.0)
    np.maximum.at(merged, _groups(dtype), by_group)
    return tuple(merged[:-1].tolist())


@cache
def _groups(dtype: str) -> Array:
    """The group of each sign and exponent, in the order of bit patterns; the last is dropped."""
    fmt, ends = DTYPES[dtype], edges(dtype)
    exponents = np.arange(fmt.emin - 1, fmt.emax + 2)
    group = np.searchsorted(ends, exponents, side="right")
    positive, negative = len(ends) + group, len(ends) - 1 - group
    positive[-1] = negative[-1] = 2 * len(ends)
    return np.concatenate([positive, negative])


def rounded(errors: Iterable[float]) -> tuple[float, ...]:
    """Errors rounded to three digits, as runs store them."""
    return tuple(0.0 if 0 <= error < _NOTHING else float(f"{error:.3g}") for error in errors)
