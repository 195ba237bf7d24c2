"""Exact or tanh: which formula each native gelu follows, and what tanh saves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.catalog.frameworks import frameworks
from ..draw import strips
from ..draw.drawing import Panel
from ..draw.figure import Figure
from ..read.evidence import Checked, Estimate, Evidence, Timed, with_device
from ..words import capital, number, sentence, shortened, title
from . import ratios
from .answered import Answered, unmeasured
from .ratios import Line

QUESTION = "Is a framework's own GELU exact or the tanh approximation?"
_COMMAND = (
    "actbench run --activation gelu --activation gelu_tanh --form native "
    "--dtype float32 --dtype float16 --size l2"
)


def answer(evidence: Evidence) -> Answered:
    """What each framework's own gelu computes, by its errors, and the time of tanh over exact."""
    checked = _checked(evidence)
    formulas = [_formula(name, mine) for name, mine in _by_framework(checked).items()]
    sentences, figures, cases = _costs(evidence)
    if not formulas and not sentences:
        return unmeasured("default-gelu", QUESTION, with_device(evidence, _COMMAND))
    asked = [] if formulas else ["Which formula a native gelu follows was not checked in 16 bits."]
    absent = [] if sentences else ["What tanh saves was not timed."]
    return Answered(
        "default-gelu",
        QUESTION,
        (*_of(checked, evidence, (*formulas, *asked)), *sentences, *absent),
        figures,
        ratios.again([*cases, *(replace(each.case, size=0) for each in checked)])
        or with_device(evidence, _COMMAND),
        see={"accuracy": "How right each form is"},
    )


def _of(checked: Sequence[Checked], evidence: Evidence, told: Sequence[str]) -> Sequence[str]:
    return ratios.of_run(checked[0].run, evidence, told) if checked else told


# --- which formula --------------------------------------------------------------------------------


def _checked(evidence: Evidence) -> list[Checked]:
    """The errors of native gelu in 16 bits, where every input is tried: of the first run."""
    found = [
        each
        for each in evidence.checked
        if (each.case.activation, each.case.form, each.case.direction)
        == ("gelu", "native", "forward")
        and each.case.framework in frameworks()
        and each.case.dtype in DTYPES
        and each.case.size == 2**16
        and DTYPES[each.case.dtype].itemsize == 2
    ]
    return [each for each in found if (each.run, each.case.device) == _first(found)]


def _first(found: Sequence[Checked]) -> tuple[str, str]:
    return found[0].run, found[0].case.device


def _by_framework(checked: Iterable[Checked]) -> dict[str, list[Checked]]:
    found: dict[str, list[Checked]] = {}
    for each in sorted(checked, key=lambda each: title(each.case.framework).lower()):
        found.setdefault(each.case.framework, []).append(each)
    return found


def _formula(framework: str, mine: Sequence[Checked]) -> str:
    """Whether a native gelu is nearer to x·Φ(x), in some format, than the tanh formula ever is.

    The tanh formula lies `apart` from x·Φ(x) at one input. What is nowhere as far away as that
    does not follow it.
    """
    best = min(mine, key=lambda each: each.max_ulp / apart(each.case.dtype)[1])
    dtype = best.case.dtype
    worst = max((each for each in mine if each.case.dtype == dtype), key=lambda each: each.max_ulp)
    at, distance = apart(dtype)
    told = (
        f"It stays within {number(worst.max_ulp)} ulp of x·Φ(x) at every finite {dtype} input; the "
        f"tanh formula is {number(distance)} ulp away at {at:.3g}."
    )
    if worst.max_ulp >= distance:
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


# --- what it costs --------------------------------------------------------------------------------


def _costs(evidence: Evidence) -> tuple[tuple[str, ...], tuple[Figure, ...], list[Case]]:
    """Sentences, the chart, and the cases that both rest on; nothing where none was timed."""
    for setting, timed in ratios.groups(evidence, _wanted):
        found = {
            at: mine
            for at in ratios.places(evidence, setting, timed)
            if (mine := _lines(each for each in timed if each.case.size == at.size))
        }
        if not found:
            continue
        told = ratios.of_run(
            setting.run,
            evidence,
            [
                sentence(f"{at.words}: tanh {ratios.counts(_estimates(mine), 'exact')}")
                for at, mine in found.items()
            ],
        )
        used = [
            each for mine in found.values() for line in mine for each in (line.top, line.bottom)
        ]
        figure = Figure(
            "The tanh approximation over the exact GELU",
            "Time of each framework's own function, forward, "
            f"{ratios.under(setting, evidence)}; bars are 95 % intervals.",
            _panels(found),
        )
        return told, (figure,), [each.case for each in used]
    return (), (), []


def _wanted(each: Timed) -> bool:
    case = each.case
    names = ("gelu", "gelu_tanh")
    return case.activation in names and (case.form, case.direction) == ("native", "forward")


def _lines(timed: Iterable[Timed]) -> list[Line]:
    mine = list(timed)
    sides = [[m for m in mine if m.case.activation == name] for name in ("gelu_tanh", "gelu")]
    return ratios.over(*sides)


def _estimates(mine: Iterable[Line]) -> list[tuple[str, Estimate]]:
    return [(line.who, line.estimate) for line in mine]


def _panels(found: dict[ratios.Place, list[Line]]) -> tuple[Panel, ...]:
    drawn = {at: _strips(mine) for at, mine in found.items()}
    across = strips.limits([each for some in drawn.values() for each in some], 1.0)
    axis = "time over the exact gelu's (×), log scale"
    return tuple(
        strips.panel(f"q-tanh-{index}", capital(at.words), some, across, axis, "exact")
        for index, (at, some) in enumerate(drawn.items())
    )


def _strips(mine: Iterable[Line]) -> list[strips.Strip]:
    return [
        strips.Strip(
            shortened(title(line.top.case.framework), 12),
            shortened(line.top.case.mode, 12),
            (strips.Mark(line.top.family, "tanh", line.estimate),),
        )
        for line in mine
    ]
