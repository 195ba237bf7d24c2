"""Exact or tanh: which formula each framework's own gelu follows, and what tanh saves."""

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
    """What each framework's own gelu computes, by its errors, and the time of tanh over exact."""
    checked = _checked(evidence)
    formulas = [_formula(framework, found) for framework, found in checked.items()]
    over = answering(evidence, pairs(evidence, _wanted, activation="gelu"))
    if not formulas and not over:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    told = formulas or ["Which formula a native gelu follows was not checked in 16 bits."]
    costs = by_place(over, "exact gelu") or ["What tanh saves was not timed."]
    note = "Time of each framework's own function, forward."
    drawn = figure("tanh", "The tanh approximation over the exact GELU", note, over, "gelu", _mark)
    return Answer(
        _ANCHOR,
        _QUESTION,
        (*told, *costs),
        (drawn,) * bool(over),
        _command([each for found in checked.values() for each in found], over),
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
    """By framework the errors of native gelu in 16 bits, where every input is tried: of one run."""
    found: dict[str, list[Checked]] = {}
    first: set[tuple[str, str]] = set()
    for checked in sorted(filter(_is_whole, evidence.checked), key=_order):
        place = (checked.run, checked.case.device)
        if place in first or not first:
            first.add(place)
            found.setdefault(checked.case.framework, []).append(checked)
    return found


def _is_whole(checked: Checked) -> bool:
    case = checked.case
    native = (case.activation, case.form, case.direction) == ("gelu", "native", "forward")
    known = DTYPES.get(case.dtype)
    return native and known is not None and known.itemsize == 2 and case.size == 2**16


def _order(checked: Checked) -> tuple[str, str]:
    return checked.run, setting_of(checked.run, checked.case).order[1]


def _formula(framework: str, found: Sequence[Checked]) -> str:
    """Whether a native gelu is nearer to x·Φ(x), in some format, than the tanh formula ever is.

    The tanh formula lies `apart` from x·Φ(x) at one input. What is nowhere as far away as that
    does not follow it.
    """
    best = min(found, key=lambda checked: checked.max_ulp / apart(checked.case.dtype)[1])
    dtype = best.case.dtype
    worst = max(checked.max_ulp for checked in found if checked.case.dtype == dtype)
    at, distance = apart(dtype)
    told = (
        f"It stays within {number(worst)} ulp of x·Φ(x) at every finite {dtype} input; the tanh "
        f"formula is {number(distance)} ulp away at {at:.3g}."
    )
    if worst >= distance:
        return f"{title(framework)}: these errors do not say. {told}"
    return f"{title(framework)}: exact, as it is called here. {told}"


@cache
def apart(dtype: str) -> tuple[float, float]:
    """An input of a 16-bit format and how far the two formulas lie apart there, in ulp.

    It is where they lie farthest apart of every 32nd from −6 to 0: Hendrycks, Gimpel 2016,
    arXiv 1606.08415, prints both.
    """
    places = [-step / 32 for step in range(1, 6 * 32 + 1)]
    found = {x: abs(_tanh(x) - _exact(x)) / _unit(_exact(x), dtype) for x in places}
    at = max(found, key=lambda x: found[x])
    return at, found[at]


def _exact(x: float) -> float:
    return x / 2 * math.erfc(-x / math.sqrt(2))


def _tanh(x: float) -> float:
    return x / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _unit(value: float, dtype: str) -> float:
    """The distance between neighbouring numbers at a value."""
    form = DTYPES[dtype]
    return math.ldexp(1.0, max(math.frexp(value)[1] - 1, form.emin) - form.precision + 1)
