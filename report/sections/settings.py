"""Every setting: the cost of each family over relu, and algebra against exp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compare.families import CHOICES, Choice, Summary, cost, member, summaries
from ..compare.ratios import Verdict, interval, verdict
from ..read.evidence import COARSE, Evidence
from ..tables.pivot import Cell, Pivot
from ..words import capital, number

ORDER = 50
TITLE = "Every setting"
LINK = "Every setting"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """A table per way of choosing the form."""
    return {
        "pivots": pivots(evidence),
        "coarse": f"{COARSE:,.0f}",
        "rowwise": sorted({timed.case.activation for timed in evidence.timed if timed.rowwise}),
    }


def pivots(evidence: Evidence) -> list[Pivot]:
    """Cost over relu by setting and family, the fastest form first."""
    return [_pivot(evidence, choice) for choice in CHOICES]


def _pivot(evidence: Evidence, choice: Choice) -> Pivot:
    several = len(evidence.runs) > 1
    return Pivot(
        f"{capital(choice.name)}: {choice.meaning}",
        "Setting",
        ("Size", "Algebraic against exp", "exp", "algebraic", "max", "relu, ns per element"),
        [
            (summary.setting.who, summary.setting.words(several), _cells(summary))
            for summary in summaries(evidence, choice)
        ],
    )


def _cells(summary: Summary) -> list[Cell]:
    families = [_family(summary, family) for family in ("exp", "algebraic", "max")]
    return [Cell(f"{summary.setting.size:,}"), against_exp(summary), *families, _unit(summary)]


def against_exp(summary: Summary) -> Cell:
    """The cheapest algebraic activation against every exp one, counted by verdict."""
    cheapest, ratios = summary.against_exp()
    if not ratios:
        return Cell("not measured")
    shown = [verdict(ratio) for _, ratio in ratios]
    counts = [f"{kind.brief} in {shown.count(kind)}" for kind in Verdict if kind in shown]
    return Cell(", ".join(counts), (f"{cheapest}, of {len(ratios)}",))


def _family(summary: Summary, family: str) -> Cell:
    """The range from the cheapest activation to the dearest."""
    members = summary.families[family]
    if not members:
        alone = family == "max" and summary.unit is not None
        return Cell("relu alone, the unit" if alone else "not measured")
    ends = [members[0], members[-1]][: len(members)]
    text = " to ".join(f"{number(cost(case).value)}×" for case in ends)
    return Cell(text, tuple(f"{member(case)} {interval(cost(case))}" for case in ends))


def _unit(summary: Summary) -> Cell:
    time = summary.unit and summary.unit.estimates.get("time_per_element")
    return Cell(f"{number(time.value)} ({interval(time)})" if time else "not measured")
