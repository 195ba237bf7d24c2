"""Whole numbers as inputs: the functions that compute with them, truncate, or refuse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import find_reference
from ..catalog.cases import Case, plain_form
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..results.rows import Outcome, Point, Row, Whole
from ..results.samples import OfWhole, WholeAnswer
from ..worker.protocol import OnWhole
from . import reference

Array = np.ndarray[Any, Any]

_ROWS: Sequence[Array] = tuple(
    np.array([numbers], dtype)
    for dtype, numbers in (
        ("int32", range(-3, 5)),
        ("int64", range(-3, 5)),
        ("bool", [False, True] * 4),
    )
)
"""One row of each dtype; halves and groups divide it."""
_OFF = 0.01
"""The relative error from which on a result is wrong: more than rounding explains in any format."""


def arrays(case: Case) -> list[Array]:
    """The row of each dtype, on the axis that a case has its rows on."""
    return [inputs.turned(row, find_reference(case.activation).axis) for row in _ROWS]


def cases(swept: Iterable[Case]) -> list[Case]:
    """The cases to try: the plain form of each swept activation, once, eager and forward."""
    chosen: dict[tuple[str, str], Case] = {}
    for case in swept:
        plain = plain_form(find_reference(case.activation), frameworks()[case.framework])
        if (case.mode, case.form) == ("eager", plain):
            sized = replace(case, direction="forward", dtype="float32", size=_ROWS[0].size)
            chosen.setdefault((case.framework, case.activation), sized)
    return list(chosen.values())


def taken(case: Case, answers: Sequence[OnWhole]) -> OfWhole:
    """The sample of the answers to each of the arrays."""
    return OfWhole(
        case,
        tuple(
            WholeAnswer(
                array.dtype.name,
                tuple(map(int, array.ravel())),
                answer.dtype,
                tuple(value.hex() for value in answer.values),
                answer.failure.reason if answer.failure else "",
            )
            for array, answer in zip(_ROWS, answers, strict=True)
        ),
    )


def row(sample: OfWhole) -> Row:
    """The row on what a case returns for whole numbers."""
    judged = tuple(_judged(sample.case, answer) for answer in sample.answers)
    right = sum(answer.outcome in (Outcome.FLOATING, Outcome.WHOLE) for answer in judged)
    return Row(sample.case, "whole_numbers", right / len(judged), whole=judged)


def _judged(case: Case, answer: WholeAnswer) -> Whole:
    if not answer.result:
        return Whole(answer.dtype, Outcome.REFUSED, reason=answer.reason)
    got = np.array([float.fromhex(text) for text in answer.got])
    x = np.array(answer.numbers, np.float64)
    activation = find_reference(case.activation)
    if activation.rowwise:
        exact = reference.row_values(activation, x[None])
    else:
        exact = reference.exact_values(activation, "forward", x)
    values = exact.values.ravel()
    if got.size != values.size:
        return Whole(answer.dtype, Outcome.WRONG, answer.result)
    floating = answer.result in DTYPES
    wrong = (
        ~np.isclose(got, values, _OFF, _OFF / 100, equal_nan=True) if floating else got != values
    )
    if not wrong.any():
        outcome = Outcome.FLOATING if floating else Outcome.WHOLE
        return Whole(answer.dtype, outcome, answer.result)
    first = int(np.flatnonzero(wrong)[0])
    place = Point(output=first) if activation.rowwise else Point(float(x[first]).hex())
    example = replace(place, got=float(got[first]), exact=float(values[first]))
    cut = not floating and bool((np.abs(got - values)[wrong] < 1).all())
    return Whole(answer.dtype, Outcome.TRUNCATED if cut else Outcome.WRONG, answer.result, example)
