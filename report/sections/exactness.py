"""How right the frameworks' own functions are, in words."""

from __future__ import annotations

from collections.abc import Sequence

from ...bench.results.rows import Point
from ..read.evidence import Evidence
from ..words import counted, number, short_hex, title


def sentences(evidence: Evidence) -> list[str]:
    """How right the frameworks' own activations are: a sentence a framework, mode and direction."""
    groups: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    for each in evidence.checked:
        case = each.case
        if case.form == "native" and each.family != "primitive":
            key = (each.run, case.framework, case.mode, case.direction, case.device, case.dtype)
            where = f"{case.activation} ({number(each.max_ulp)} ulp{_at(each.worst)})"
            groups.setdefault(key, []).append((each.max_ulp, where))
    several = len(evidence.runs) > 1
    return [_exact(key, found, several) for key, found in groups.items()]


def _at(worst: Point | None) -> str:
    return f" at {worst.x:.6g}, {short_hex(worst.input)}" if worst and worst.input else ""


def _exact(key: tuple[str, ...], found: Sequence[tuple[float, str]], with_run: bool) -> str:
    run, framework, mode, direction, device, dtype = key
    close = sum(error <= 4 for error, _ in found)
    where = f" in run {run}" if with_run else ""
    return (
        f"{title(framework)}, {mode}, {direction}, {dtype}, {device}{where}: {close} of "
        f"{counted(len(found), 'native function')} stay within 4 ulp on the inputs tested; "
        f"the largest error is that of {max(found)[1]}."
    )
