"""The largest error over the input axis: one a binade, packed into a line of text.

A binade holds the numbers of one sign from a power of two up to the next. From 2^-32 up to 2^16
each stands for itself; outside they are merged, an eighth of the exponents of a sign at a time, and
zero and the subnormal numbers of a sign are one group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np

from ..catalog.dtypes import DTYPES

Array = np.ndarray[Any, Any]

_SINGLE = range(-32, 16)
"""Exponents whose binades stand for themselves: where activations bend."""
_NONE = "-"
_NOTHING = 1e-3
"""Errors in ulp below this are kept as 0."""


@cache
def edges(dtype: str) -> tuple[int, ...]:
    """Exponents at which the groups of a sign begin, rising, and at last the one beyond the format.

    Before the first begins the group of zero and the subnormal numbers, so that a sign has as many
    groups as there are edges.
    """
    fmt = DTYPES[dtype]
    wide = (fmt.emax + 1) // 8
    starts = [
        each
        for each in range(fmt.emin, fmt.emax + 1)
        if each == fmt.emin or each in _SINGLE or each % wide == 0
    ]
    return (*starts, fmt.emax + 1)


def largest(bits: Array, errors: Array, dtype: str) -> tuple[float, ...]:
    """The largest error in each group of finite inputs, from −max to max.

    Inputs are bit patterns; a group that none of them lies in has −1.
    """
    fields = bits.ravel() >> (DTYPES[dtype].precision - 1)
    found = np.full(len(_groups(dtype)), -1.0)
    if len(fields) and fields.min() == fields.max():
        found[fields[0]] = errors.max()
    else:
        np.maximum.at(found, fields, errors.ravel())
    merged = np.full(2 * len(edges(dtype)) + 1, -1.0)
    np.maximum.at(merged, _groups(dtype), found)
    return tuple(merged[:-1].tolist())


@cache
def _groups(dtype: str) -> Array:
    """The group of each sign and exponent, as they stand in a bit pattern; the last is of none."""
    fmt, ends = DTYPES[dtype], edges(dtype)
    exponents = np.arange(fmt.emin - 1, fmt.emax + 2)
    group = np.searchsorted(ends, exponents, side="right")
    positive, negative = len(ends) + group, len(ends) - 1 - group
    positive[-1] = negative[-1] = 2 * len(ends)
    return np.concatenate([positive, negative])


def pack(found: Sequence[float]) -> str:
    """Errors as words of three digits, a run of equal ones as one: `0*60 0.5 1.25 -*3`."""
    words = [_word(each) for each in found]
    runs = [(word, len(list(run))) for word, run in groupby(words)]
    return " ".join(word if count == 1 else f"{word}*{count}" for word, count in runs)


def _word(error: float) -> str:
    if error < 0:
        return _NONE
    return "0" if error < _NOTHING else f"{error:.3g}"


def unpack(text: str, dtype: str) -> tuple[float, ...]:
    """What `pack` made of the errors in a format; −1 where there was no input.

    Raises ValueError for any other text.
    """
    found: list[float] = []
    size = 2 * len(edges(dtype))
    for run in text.split():
        word, _, count = run.partition("*")
        times = int(count or 1)
        value = -1.0 if word == _NONE else float(word)
        if not 0 < times <= size or math.isnan(value) or (value < 0 and word != _NONE):
            raise ValueError(f"no run of errors: {run[:20]!r}")
        found += [value] * times
    if len(found) != size:
        raise ValueError(f"{len(found)} errors for the {size} groups of {dtype}")
    return tuple(found)
