"""Where on the input axis a plain form errs: the largest error in each binade."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...bench.catalog.dtypes import DTYPES
from ...bench.exactness.binades import edges
from ..draw.binades import Line, binades
from ..draw.figure import Figure
from ..read.evidence import FAMILIES, Checked, Evidence, plain
from ..words import title

_ALWAYS = "gelu"
_PANELS = 6
_LOWEST, _HIGHEST = 0.1, 2.0**24
"""Ends of the axis of errors, ulp: what lies beyond stands at them."""


@dataclass(frozen=True)
class _Group:
    """What is drawn together."""

    run: str
    device: str
    dtype: str


def figures(evidence: Evidence) -> Iterator[Figure]:
    """The chart of each run and device: in float32 where that was checked, else the first dtype."""
    groups: dict[tuple[str, str], dict[str, list[Checked]]] = {}
    for each in filter(_drawn, evidence.checked):
        by_dtype = groups.setdefault((each.run, each.case.device), {})
        by_dtype.setdefault(each.case.dtype, []).append(each)
    for index, ((run, device), by_dtype) in enumerate(groups.items()):
        dtype = "float32" if "float32" in by_dtype else next(iter(by_dtype))
        where = f", run {run}" if len(evidence.runs) > 1 else ""
        yield _figure(f"b{index}", _Group(where, device, dtype), by_dtype[dtype])


def _drawn(each: Checked) -> bool:
    """Whether a case is the value of an element-wise activation in its plain form."""
    case = each.case
    return (
        case.direction == "forward"
        and each.plain
        and each.family in FAMILIES
        and not each.rowwise
        and case.dtype in DTYPES
    )


def _figure(name: str, group: _Group, checked: Sequence[Checked]) -> Figure:
    sentence = f"Where on the input axis each errs: {group.dtype} on {group.device}{group.run}"
    kept = [each for each in checked if each.by_binade]
    if not kept:
        asked = f"--dtype {group.dtype} --device {group.device}"
        command = f"actbench run --only agreement {asked}"
        return Figure(
            sentence,
            "Not measured in this run: it kept the largest error over all inputs only.",
            command=command if plain(group.dtype, group.device) else "",
        )
    ends = edges(group.dtype)
    panels = [
        binades(f"{name}-{place}", activation, _lines(kept, activation), ends, (_LOWEST, _HIGHEST))
        for place, activation in enumerate(telling(kept))
    ]
    return Figure(
        sentence,
        "Largest error in each binade of the input, in ulp of the exact value, where a subnormal "
        "may stand as zero: gelu, and the activations whose plain forms have the largest errors. "
        "From −max on the left through zero to max on the right each step is one binade, outside "
        "±2^-32 and ±2^16 an eighth of the exponents of a sign. Dashed is 0.5 ulp: up to it a "
        "result is rounded as well as can be. Errors below 0.1 stand at 0.1, those from 2^24 on, "
        "and infinities or NaN where a number belongs, at the upper edge. The marker is the worst "
        "input, named below the axis. Modes with the same errors share a line.",
        tuple(panels),
    )


def telling(checked: Iterable[Checked]) -> list[str]:
    """gelu, and the activations whose plain forms have the largest errors, in that order."""
    worst: dict[str, float] = {}
    for each in checked:
        name = each.case.activation
        worst[name] = max(worst.get(name, 0.0), each.error)
    order = sorted(worst, key=lambda name: (name != _ALWAYS, -worst[name], name))
    return order[:_PANELS]


def _lines(checked: Iterable[Checked], activation: str) -> list[Line]:
    """A line a framework and mode; modes of a framework that err alike share one."""
    lines: dict[tuple[str, tuple[float, ...]], list[Checked]] = {}
    for each in checked:
        if each.case.activation == activation:
            lines.setdefault((each.case.framework, each.by_binade), []).append(each)
    made = [
        Line(_who(framework, found), errors, _worst(found[0]))
        for (framework, errors), found in lines.items()
    ]
    return sorted(made, key=lambda line: -max(_finite(each) for each in line.errors))


def _worst(checked: Checked) -> str:
    point = checked.worst_flushed or checked.worst
    return point.input if point else ""


def _who(framework: str, found: Sequence[Checked]) -> str:
    return f"{title(framework)}, {' and '.join(dict.fromkeys(each.case.mode for each in found))}"


def _finite(error: float) -> float:
    return _HIGHEST if math.isinf(error) else error
