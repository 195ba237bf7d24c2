"""The primitive of a framework that is to blame where a wide form breaks its promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..catalog.activations import PRIMITIVES, find_reference
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..results.rows import Cause, Row, Why

WIDE, NARROW = 2.0, 1.0
"""The largest error of a wide form in ulp, value and gradient, in float32 and in 16-bit formats."""


def promised(case: Case) -> float | None:
    """The bound that a case promises to keep, in ulp; None where it promises nothing.

    Nothing is wider than float64, and rows have no bound of their own.
    """
    dtype = DTYPES[case.dtype]
    if case.form != "wide" or not dtype.is_countable or find_reference(case.activation).rowwise:
        return None
    return NARROW if dtype.is_small else WIDE


def blamed(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, where `max_ulp` of a wide form that breaks its promise names the primitive to
    blame."""
    rows = list(rows)
    errors = [row for row in rows if row.metric in _ERRORS and row.value is not None]
    flushed = {row.case: row.value for row in errors if row.metric == "max_ulp_flushed"}
    primitives: dict[_Place, list[Row]] = {}
    for row in errors:
        if row.case.activation in PRIMITIVES and row.case.direction == "forward":
            primitives.setdefault(_place(row.case), []).append(row)
    for row in rows:
        bound = promised(row.case) if row.metric == "max_ulp" else None
        if bound is None or row.value is None or row.value <= bound:
            yield row
        else:
            beside = primitives.get(_place(row.case), [])
            yield replace(row, cause=_cause(row.case, bound, flushed.get(row.case), beside))


_ERRORS = ("max_ulp", "max_ulp_flushed")
_Place = tuple[str, str, str, str]


def _place(case: Case) -> _Place:
    return case.framework, case.mode, case.device, case.dtype


def _cause(case: Case, bound: float, flushed: float | None, primitives: Sequence[Row]) -> Cause:
    """The likely cause: flushing, where the error is within the bound without it and any primitive
    flushes.

    Else the first primitive of the formula that exceeds the bound by itself.
    """
    if flushed is not None and flushed <= bound:
        why, metric, names = Why.FLUSHED, "max_ulp", tuple(PRIMITIVES)
    else:
        operations = tuple(find_reference(case.activation).operations)
        why, metric, names = Why.INEXACT, "max_ulp_flushed", operations
    for row in primitives:
        known = row.metric == metric and row.case.activation in names
        if known and row.value is not None and row.value > bound:
            return Cause(why, (row.case.activation,), row.value)
    return Cause(why)
