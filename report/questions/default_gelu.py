"""Exact or tanh: the formula of each framework's own gelu, and the time that tanh saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from ...bench.catalog.dtypes import DTYPES
from ..compare.commands import again
from ..compare.groups import Group, answering
from ..compare.pairs import Pair, pairs
from ..compare.settings import setting_of
from ..draw.strips import Mark
from ..read.evidence import Checked, Evidence, Timed
from ..words import number, title
from .answer import Answer, by_place, figure, unmeasured

ORDER = 100
_ANCHOR = "default-gelu"
_QUESTION = "Is a framework's own GELU exact or the tanh approximation?"
_MEASURE = (
    "--activation gelu --activation gelu_tanh --form native "
    "--dtype float32 --dtype float16 --size l2"
)


def answer(evidence: Evidence) -> Answer:
    """The formula of each framework's own gelu, by its errors, and tanh over exact."""
    checked = _checked(evidence)
    formulas = [_formula(framework, checks) for framework, checks in checked.items()]
    over = answering(evidence, pairs(evidence, _wanted, activation="gelu"))
    if not formulas and not over:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    sentences = formulas or ["Which formula a native gelu follows was not checked in 16 bits."]
    costs = by_place(over, "exact gelu") or ["What tanh saves was not timed."]
    note = "Time of each framework's own function, forward."
    drawn = figure("tanh", "The tanh approximation over the exact GELU", note, over, "gelu", _mark)
    return Answer(
        _ANCHOR,
        _QUESTION,
        (*sentences, *costs),
        (drawn,) * bool(over),
        _command([check for checks in checked.values() for check in checks], over),
        see={"accuracy": "How right each form is"},
    )


def _wanted(timed: Timed) -> bool:
    case = timed.case
    return (case.activation, case.form, case.direction) == ("gelu_tanh", "native", "forward")


def _mark(pair: Pair) -> Mark:
    return Mark(pair.top.family, "tanh", pair.ratio)


def _command(checked: Sequence[Checked], over: Sequence[Group[Pair]]) -> str:
    timed = [case for group in over for pair in group.records for case in (pair.top, pair.bottom)]
    return again([*(t.case for t in timed), *(replace(c.case, size=0) for c in checked)])


# --- which formula --------------------------------------------------------------------------------


def _checked(evidence: Evidence) -> dict[str, list[Checked]]:
    """Errors of native gelu over every 16-bit input, by framework, of one run."""
    by_framework: dict[str, list[Checked]] = {}
    first: set[tuple[str, str]] = set()
    for checked in sorted(filter(_is_whole, evidence.checked), key=_order):
        device = (checked.run, checked.case.device)
        if device in first or not first:
            first.add(device)
            by_framework.setdefault(checked.case.framework, []).append(checked)
    return by_framework


def _is_whole(checked: Checked) -> bool:
    case = checked.case
    native = (case.activation, case.form, case.direction) == ("gelu", "native", "forward")
    known = DTYPES.get(case.dtype)
    return native and known is not None and known.itemsize == 2 and case.size == 2**16


def _order(checked: Checked) -> tuple[str, str]:
    return checked.run, setting_of(checked.run, checked.case).order[1]


def _formula(framework: str, checks: Sequence[Checked]) -> str:
    """Say if a native gelu is nearer to x·Φ(x), in some format, than the tanh formula ever is.

    The tanh formula lies `apart` from x·Φ(x) at one input. A gelu that is nowhere as far away
    does not follow it.
    """
    best = min(checks, key=lambda checked: checked.max_ulp / apart(checked.case.dtype)[1])
    dtype = best.case.dtype
    worst = max(checked.max_ulp for checked in checks if checked.case.dtype == dtype)
    at, distance = apart(dtype)
    evidence = (
        f"It stays within {number(worst)} ulp of x·Φ(x) at every finite {dtype} input; the tanh "
        f"formula is {number(distance)} ulp away at {at:.3g}."
    )
    if worst >= distance:
        return f"{title(framework)}: undecided by these errors. {evidence}"
    return f"{title(framework)}: exact, as it is called here. {evidence}"


@cache
def apart(dtype: str) -> tuple[float, float]:
    """An input of a 16-bit format, and the distance of the two formulas there, in ulp.

    It is where they lie farthest apart of every 32nd from −6 to 0: Hendrycks, Gimpel 2016,
    arXiv 1606.08415, prints both.
    """
    inputs = [-step / 32 for step in range(1, 6 * 32 + 1)]
    distances = {x: abs(_tanh(x) - _exact(x)) / _unit(_exact(x), dtype) for x in inputs}
    at = max(distances, key=lambda x: distances[x])
    return at, distances[at]


def _exact(x: float) -> float:
    return x / 2 * math.erfc(-x / math.sqrt(2))


def _tanh(x: float) -> float:
    return x / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _unit(value: float, dtype: str) -> float:
    """The distance between neighbouring numbers at a value."""
    form = DTYPES[dtype]
    return math.ldexp(1.0, max(math.frexp(value)[1] - 1, form.emin) - form.precision + 1)
