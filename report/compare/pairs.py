"""Pairs: a case over the same case with one field changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ...bench.catalog.cases import Case
from ..read.evidence import Estimate, Evidence, Timed
from .ratios import ratio
from .settings import Setting, setting_of


@dataclass(frozen=True)
class Pair:
    """A case over another of the same run."""

    top: Timed
    bottom: Timed
    ratio: Estimate

    @property
    def run(self) -> str:
        """The run of both."""
        return self.top.run

    @property
    def case(self) -> Case:
        """The case above."""
        return self.top.case

    @property
    def setting(self) -> Setting:
        """The setting of the case above."""
        return setting_of(self.run, self.case)

    @property
    def name(self) -> str:
        """The activation of the case above."""
        return self.top.case.activation


def pairs(evidence: Evidence, wanted: Callable[[Timed], bool], **others: Any) -> list[Pair]:
    """Every wanted case over the same case with other values in some fields.

    A form of `PLAIN` stands for the one that people take first.
    """
    compared = []
    for top in filter(wanted, evidence.timed):
        bottom = evidence.case(top.run, replace(top.case, **others))
        over = ratio(top, bottom) if bottom and bottom is not top else None
        compared += [Pair(top, bottom, over)] if bottom and over else []
    return compared
