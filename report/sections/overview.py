"""The compact table: every setting against the three families, in words and ratios."""

from __future__ import annotations

from dataclasses import dataclass

from ..compare.families import VIEWS, Comparison, Summary, cost, summaries
from ..read.evidence import Evidence
from ..words import interval, number, title
from .answers import in_words, member


@dataclass(frozen=True)
class Cell:
    """A family in a setting: the range of its costs, and whose they are."""

    text: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One setting: what relu takes, what each family costs over it, and how they compare."""

    who: str
    size: str
    conditions: str
    baseline: str
    cells: tuple[Cell, ...]
    verdict: str


def views(evidence: Evidence) -> list[tuple[str, str, list[Line]]]:
    """The table once a way of choosing the form: its name, its meaning and its lines."""
    several = len(evidence.runs) > 1
    return [
        (name, meaning, [_line(each, several) for each in summaries(evidence, name, usual=False)])
        for name, meaning in VIEWS.items()
    ]


def _line(summary: Summary, with_run: bool) -> Line:
    setting = summary.setting
    return Line(
        f"{title(setting.framework)}, {setting.mode}",
        f"{setting.size:,}",
        in_words(setting, with_run),
        _baseline(summary),
        tuple(_cell(summary, family) for family in ("exp", "algebraic", "max")),
        _verdict(summary.comparison),
    )


def _baseline(summary: Summary) -> str:
    if summary.baseline is None:
        return "not measured"
    found = summary.baseline.estimates.get("time_per_element")
    return f"{number(found.value)} ({interval(found)})" if found else "not measured"


def _cell(summary: Summary, family: str) -> Cell:
    members = summary.families[family]
    if not members:
        alone = family == "max" and summary.baseline is not None
        return Cell("relu alone, the unit" if alone else "not measured")
    shown = [members[0], members[-1]] if len(members) > 1 else [members[0]]
    text = " to ".join(f"{number(cost(each).value)}×" for each in shown)
    return Cell(text, tuple(f"{member(each)} {interval(cost(each))}" for each in shown))


def _verdict(comparison: Comparison | None) -> str:
    if comparison is None:
        return "not measured"
    counts = (
        (len(comparison.cheaper_than), "cheaper than"),
        (len(comparison.dearer_than), "dearer than"),
        (len(comparison.undecided), "undecided against"),
    )
    told = ", ".join(f"{words} {amount}" for amount, words in counts if amount)
    return f"{comparison.algebraic.case.activation}: {told}"
