"""The exactness of plain forms, and the findings: errors beyond their bounds."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...bench.exactness.findings import BOUNDS, Finding, Nature, checked, verdict
from ...bench.results.rows import Point
from ..compare.settings import Setting, setting_of
from ..read.evidence import Checked, Evidence
from ..tables.pivot import EMPTY, Cell, Pivot, hot
from ..words import capital, counted, number, spelled, title, writable

ORDER = 40
TITLE = "Exactness and findings"
_CLOSE, _NEAR = 4, 20.0
_SHOWN: Mapping[Nature, tuple[str, int]] = {
    "value": ("Wrong values", 24),
    "path": ("Other results in the tail of an array, or in another layout", 8),
    "special": ("At infinity and NaN", 6),
    "flushed": ("Subnormal numbers that stand as zero", 4),
}
"""The kinds of findings: a heading, and the most that a page shows."""


@dataclass(frozen=True)
class Group:
    """Findings under one heading: those shown, with the names of their runs, and the number of
    others."""

    heading: str
    shown: Sequence[tuple[str, Finding]]
    rest: int

    @property
    def lines(self) -> list[tuple[str, Sequence[str]]]:
        """Each finding in one line, and the lines that demonstrate it."""
        return [(f"{run}{': ' * bool(run)}{line(f)}.", f.lines) for run, f in self.shown]


def SUMMARY(evidence: Evidence) -> str:
    """The numbers of cases and of findings."""
    total = sum(map(len, evidence.findings.values()))
    return (
        f"{counted(len(evidence.checked), 'case')} checked against proved values; "
        f"{counted(total, 'finding')} beyond a stated bound."
    )


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """Tables of errors, and findings with what shows them; None where nothing was checked."""
    if not evidence.checked:
        return None
    return {
        "sentences": sentences(evidence),
        "pivots": pivots(evidence),
        "verdicts": _verdicts(evidence),
        "groups": [group for nature in _SHOWN if (group := _group(evidence, nature)).shown],
        "commands": _commands(evidence),
        "bounds": [
            f"{capital(bound.words)}: {bound.wide:g} ulp, in 16-bit formats {bound.narrow:g}."
            for bound in BOUNDS.values()
        ],
    }


# --- errors ---------------------------------------------------------------------------------------


def sentences(evidence: Evidence) -> list[str]:
    """The numbers of frameworks' own functions that are not close: a sentence per framework."""
    by_who: dict[str, list[Checked]] = {}
    for check in evidence.checked:
        case = check.case
        if case.form == "native" and (case.direction, case.dtype) == ("forward", "float32"):
            run = evidence.label(check.run)
            who = ", ".join(filter(None, (setting_of(check.run, case).who, run)))
            by_who.setdefault(who, []).append(check)
    return [
        f"{who}: {counted(sum(check.error > _CLOSE for check in checks), 'native function')} of "
        f"{len(checks)} stray by more than {_WORDS[_CLOSE]} ulp in float32."
        for who, checks in by_who.items()
    ]


_WORDS = {_CLOSE: "four"}


def pivots(evidence: Evidence) -> list[Pivot]:
    """The errors of plain forms by framework and mode, a table per set of conditions."""
    by_conditions: dict[Setting, list[Checked]] = {}
    for check in evidence.checked:
        if check.plain and _compared(check):
            setting = replace(setting_of(check.run, check.case).conditions, threads=0)
            by_conditions.setdefault(setting, []).append(check)
    runs = list(evidence.runs)
    order = sorted(by_conditions, key=lambda s: (runs.index(s.run), s.prominence))
    return [_pivot(s, by_conditions[s], evidence.label(s.run)) for s in order]


def _compared(check: Checked) -> bool:
    return check.family != "primitive"


def _pivot(conditions: Setting, checks: Sequence[Checked], run: str) -> Pivot:
    near = any("max_ulp_near" in check.figures for check in checks)
    columns = {setting_of(c.run, c.case).who: setting_of(c.run, c.case).order for c in checks}
    cells: dict[str, dict[str, Cell]] = {}
    for check in checks:
        who = setting_of(check.run, check.case).who
        cells.setdefault(check.case.activation, {})[who] = _near(check) if near else _far(check)
    what = "Largest error over [−20, 20], ulp" if near else "Largest error, ulp"
    below = "; below it the median, and the largest absolute one" * near
    where = filter(None, (conditions.direction, conditions.dtype, conditions.device, run))
    names = sorted(columns, key=lambda who: columns[who])
    rows = [
        (spelled(name), "", [row.get(who, EMPTY) for who in names]) for name, row in cells.items()
    ]
    return Pivot(f"{what}{below}: {', '.join(where)}", "Activation", names, rows)


def _far(check: Checked) -> Cell:
    return hot(check.error)


def _near(check: Checked) -> Cell:
    """The errors that a designer meets first; outside [−20, 20] only a mark of trouble."""
    figures = check.figures
    lines = [
        f"{number(figures[metric])}{unit}"
        for metric, unit in (("median_ulp_near", ""), ("max_absolute_near", " absolute"))
        if metric in figures
    ]
    outside = ["✗ outside"] * bool(figures.get("trouble_outside"))
    return hot(figures.get("max_ulp_near"), *lines, *outside)


# --- findings -------------------------------------------------------------------------------------


def _verdicts(evidence: Evidence) -> list[str]:
    return [
        ": ".join(
            filter(
                None,
                (capital(evidence.label(run)), verdict(findings, checked(evidence.runs[run]))),
            )
        )
        for run, findings in evidence.findings.items()
    ]


def _commands(evidence: Evidence) -> list[str]:
    return [
        f"actbench findings {shlex.quote(writable(str(evidence.runs[name].path)))}"
        for name, of_run in evidence.findings.items()
        if of_run
    ]


def _group(evidence: Evidence, nature: Nature) -> Group:
    """The findings of a kind, ordered by relevance to a designer; several runs share the room."""
    heading, most = _SHOWN[nature]
    by_run = evidence.findings
    room = max(1, most // max(1, len(by_run)))
    primitives = {check.case.activation for check in evidence.checked if not _compared(check)}
    shown: list[tuple[str, Finding]] = []
    rest = 0
    for name, of_run in by_run.items():
        alike = [finding for finding in of_run if finding.nature == nature]
        alike.sort(key=lambda finding: _remoteness(finding, primitives))
        shown += [(capital(evidence.label(name)), finding) for finding in alike[:room]]
        rest += len(alike[room:])
    return Group(heading, shown, rest)


def _remoteness(finding: Finding, primitives: Collection[str]) -> tuple[bool, bool, int, float]:
    """A sort key of findings: activations near 0 first, the frameworks' own, the farthest off."""
    point = finding.points[0] if finding.points else Point()
    known = point.got is not None and point.exact is not None
    off = abs((point.got or 0.0) - (point.exact or 0.0)) if known else 0.0
    return (
        finding.case.activation in primitives,
        not abs(point.x) <= _NEAR,
        list(BOUNDS).index(finding.kind),
        -math.inf if math.isnan(off) else -off,
    )


def line(finding: Finding) -> str:
    """A finding in one line: the function, its conditions, and the wrong and the right result.

    `JAX tanh GELU native backward, float32 eager and 5 more: f(1.08e19) = NaN, exactly 1.00`.
    """
    case, point = finding.case, finding.points[0] if finding.points else Point()
    names = f"{title(case.framework)} {spelled(case.activation)} {case.form} {case.direction}"
    names += f" and {len(finding.members) - 1} more" * (len(finding.members) > 1)
    first, *others = [" ".join(condition) for condition in finding.conditions]
    conditions = f"{first}{f' and {len(others)} more' * bool(others)}"
    of = "f′" if case.direction == "backward" else "f"
    at = f"{of}({_value(point.x)})" if point.input else "a result"
    if point.got is None:  # of NaN and numbers only the inputs are kept
        alone = bool(point.input) and math.isnan(point.x)
        said = " is a number" if alone else ": NaN for a number, or a number for NaN"
        return f"{names}, {conditions}: {at}{said}"
    got, exact = _apart(point.got, math.nan if point.exact is None else point.exact)
    return f"{names}, {conditions}: {at} = {got}, exactly {exact}"


def _apart(got: float, exact: float) -> tuple[str, str]:
    """Two numbers of three digits, or of as many as needed to differ."""
    texts = ((f"{got:.{digits}g}", f"{exact:.{digits}g}") for digits in range(4, 18))
    short = _value(got), _value(exact)
    return short if short[0] != short[1] else next((t for t in texts if t[0] != t[1]), short)


def _value(value: float) -> str:
    return "NaN" if math.isnan(value) else number(value)
