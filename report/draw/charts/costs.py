"""Costs of every activation beside relu, in cache: forward, and the gradient alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...compare.families import CHOICES, chosen, cost
from ...compare.groups import Group, Series, foremost, groups, in_families
from ...read.evidence import FAMILIES, Evidence, Timed
from ...words import capital
from ..drawing import KEY, Row
from ..figure import Figure
from ..strips import Mark, Strip, Strips, panels

ORDER = 10


def figures(evidence: Evidence) -> Iterator[Figure]:
    """A chart per run and device, in its foremost conditions."""
    for index, group in enumerate(foremost(groups(evidence, evidence.timed, _wanted))):
        drawn = [Strips(series.who, _strips(evidence, group, series)) for series in group.series]
        yield Figure(
            f"What each activation costs beside relu, {group.cached.where}",
            f"{KEY}; bars are 95 % intervals. {capital(group.words)}; each activation in "
            "its fastest measured form, named below it; a hollow marker is the gradient alone, "
            "over relu's gradient. The axis is the same in every panel.",
            panels(f"costs-{index}", drawn, "relu"),
        )


def _wanted(timed: Timed) -> bool:
    return in_families(timed) and timed.cost is not None


def _strips(evidence: Evidence, group: Group[Timed], series: Series[Timed]) -> list[Strip]:
    at = series.at(group.cached)
    members = [case for family in FAMILIES for case in chosen(at, family, CHOICES[0])]
    return [_strip(evidence, member) for member in members]


def _strip(evidence: Evidence, member: Timed) -> Strip:
    backward = evidence.case(member.run, replace(member.case, direction="backward"))
    marks = [Mark(member.family, "", cost(member))]
    if backward and backward.cost and backward is not member:
        marks.append(Mark(member.family, "gradient", backward.cost, hollow=True))
    return Row(member.case.activation, member.case.form, tuple(marks))
