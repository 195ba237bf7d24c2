"""The parts of all costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bench.results.metrics import POOR_FIT
from ..draw import parts
from ..read.evidence import Evidence, Split
from ..tables.grid import grid
from ..words import counted

ORDER = 30
TITLE = "Where the time goes"


def SUMMARY(evidence: Evidence) -> str:
    """The number of costs that were split."""
    split = [split for split in evidence.splits if split.part("launch")]
    return f"Launch, arithmetic, memory and allocation of {counted(len(split), 'cost')}."


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """The chart and the table of every split; None where no cost was split."""
    place = grid(evidence, "parts", "The parts of every cost, with 95 % intervals")
    if place is None:
        return None
    return {
        "sentences": fits(evidence),
        "figures": parts.figures(evidence),
        "legend": parts.LEGEND,
        "grid": place,
    }


def fits(evidence: Evidence) -> list[str]:
    """The number of fitted lines that missed the size that was left out."""
    tested = [split for split in evidence.splits if split.part("fit_error")]
    missed = sum(map(_misses, tested))
    if not tested:
        return ["No line was tested at a size that it does not rest on."]
    return [
        f"Of {counted(len(tested), 'line')} through two sizes, {missed:,} missed a third one by "
        "more than a tenth, marked ✗: do not trust those."
    ]


def _misses(split: Split) -> bool:
    miss = split.part("fit_error")
    return miss is not None and abs(miss.value) > POOR_FIT
