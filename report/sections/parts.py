"""Parts of every cost, and the cost of single operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bench.results.metrics import POOR_FIT
from ..compare.groups import Group, groups
from ..compare.parts import poor_fit
from ..compare.ratios import interval
from ..draw import parts
from ..draw.drawing import PARTS
from ..read.evidence import Estimate, Evidence, Split, with_device
from ..tables.grid import grid
from ..tables.pivot import Cell, Pivot
from ..words import capital, counted, number

ORDER = 70
TITLE = "Where the time goes"
LINK = "Where time goes"
_COPY = "copy"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Charts, the table of every split, and the table of primitives."""
    caption = "The parts of every cost, with 95 % intervals; ns per element unless stated otherwise"
    return {
        "fit": fit_sentence(evidence),
        "figures": parts.figures(evidence),
        "legend": {metric.replace("_", "-"): metric.replace("_", " ") for metric in PARTS},
        "grid": grid(evidence, "parts", caption),
        "primitives": primitives(evidence),
        "command": with_device(evidence, "actbench run --size launch --size l1 --size l2"),
        "command_of_primitives": with_device(
            evidence,
            "actbench run --activation copy --activation exp --size launch --size l1 --size l2",
        ),
    }


def fit_sentence(evidence: Evidence) -> str:
    """The number of fitted lines tested at a size left out, and of those that missed it."""
    tested = [split for split in evidence.splits if split.part("fit_error")]
    if not tested:
        return (
            "No line was tested at a size that it does not rest on: --size between measures that."
        )
    poor = sum(map(poor_fit, tested))
    lines = [split for split in evidence.splits if split.part("launch")]
    return (
        f"{len(tested):,} of {counted(len(lines), 'line')} were tested at a size that "
        f"they do not rest on: {counted(poor, 'line')} missed it by more than {POOR_FIT:.0%}, "
        "marked ✗ below: the split of such a case is not to be trusted."
    )


def primitives(evidence: Evidence) -> list[Pivot]:
    """The cost of each single operation, by framework and mode."""
    return [_pivot(group) for group in groups(evidence, evidence.splits, _is_primitive)]


def _is_primitive(split: Split) -> bool:
    return split.primitive and split.plain and _own(split) is not None


def _own(split: Split) -> Estimate | None:
    """A primitive's cost per element; that of a copy is the floor itself."""
    return split.part("copy_floor" if split.case.activation == _COPY else "arithmetic")


def _pivot(group: Group[Split]) -> Pivot:
    cells: dict[str, dict[str, Cell]] = {}
    for series in group.series:
        for split in series.records:
            cells.setdefault(split.case.activation, {})[series.who] = _cell(split)
    columns = [series.who for series in group.series]
    none = Cell("not measured")
    rows = [
        (name, "", [row.get(column, none) for column in columns]) for name, row in cells.items()
    ]
    return Pivot(capital(group.words), "Operation", columns, rows)


def _cell(split: Split) -> Cell:
    cost, form = _own(split), split.case.form
    assert cost is not None
    return Cell(number(cost.value), (interval(cost) + f" [{form}]" * (form != "native"),))
