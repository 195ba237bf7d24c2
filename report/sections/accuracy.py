"""Exactness of every form: the frameworks' own functions in words, then every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..compare.settings import setting_of
from ..read.evidence import Checked, Evidence, with_device
from ..tables.grid import grid
from ..tables.pivot import EMPTY, Cell, Pivot, hot
from ..words import counted, number, short_hex

ORDER = 120
TITLE = "How right each form is"
LINK = "Exactness"
_CLOSE = 4


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Sentences and the table of errors."""
    return {
        "pivots": pivots(evidence),
        "sentences": sentences(evidence),
        "grid": grid(evidence, "accuracy", "Largest error against the exact value, by form"),
        "command": with_device(evidence, "actbench run"),
    }


def sentences(evidence: Evidence) -> list[str]:
    """Errors of the frameworks' own activations: a sentence per framework, mode and direction."""
    groups: dict[str, list[Checked]] = {}
    for checked in evidence.checked:
        case = checked.case
        if case.form == "native" and checked.family != "primitive":
            words = [setting_of(checked.run, case).who, case.direction, case.dtype, case.device]
            words += [f"run {checked.run}"] * (len(evidence.runs) > 1)
            groups.setdefault(", ".join(words), []).append(checked)
    return [_sentence(who, checks) for who, checks in groups.items()]


def _sentence(who: str, checks: Sequence[Checked]) -> str:
    close = sum(checked.max_ulp <= _CLOSE for checked in checks)
    largest = max(checks, key=lambda checked: checked.max_ulp)
    point = largest.worst
    at = f" at {point.x:.6g}, {short_hex(point.input)}" if point and point.input else ""
    return (
        f"{who}: {close} of {counted(len(checks), 'native function')} stay within {_CLOSE} ulp on "
        f"the inputs tested; the largest error is that of {largest.case.activation} "
        f"({number(largest.max_ulp)} ulp{at})."
    )


def pivots(evidence: Evidence) -> list[Pivot]:
    """The largest error of each form against framework and mode, a table per direction."""
    groups: dict[tuple[str, ...], list[Checked]] = {}
    for check in evidence.checked:
        case = check.case
        run = [f"run {check.run}"] * (len(evidence.runs) > 1)
        groups.setdefault((case.direction, case.dtype, case.device, *run), []).append(check)
    return [_pivot(", ".join(key), check) for key, check in groups.items()]


def _pivot(heading: str, checks: Sequence[Checked]) -> Pivot:
    cells: dict[tuple[str, str], dict[str, Cell]] = {}
    orders = {}
    for checked in checks:
        setting = setting_of(checked.run, checked.case)
        orders[setting.who] = setting.order
        form = (checked.case.activation, checked.case.form)
        cells.setdefault(form, {})[setting.who] = hot(checked.max_ulp)
    columns = sorted(orders, key=lambda who: orders[who])
    rows = [(*form, [row.get(who, EMPTY) for who in columns]) for form, row in cells.items()]
    return Pivot(f"Largest error, ulp: {heading}", "Activation", columns, rows)
