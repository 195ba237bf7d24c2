"""Bars of the parts of a cost: as long as the parts, side by side, negative ones to the left."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.report.draw.parts import LEGEND, figures
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import part_rows, split_case


def bars(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Left end and width of each part's bars."""
    drawn: dict[str, list[tuple[float, float]]] = {}
    pattern = r'<rect x="([\d.-]+)" y="[\d.]+" width="([\d.]+)"[^>]*var\(--([\w-]+)\)'
    for left, width, part in re.findall(pattern, svg):
        drawn.setdefault(part, []).append((float(left), float(width)))
    return drawn


def test_bars_add_up_and_have_the_lengths_of_the_parts(evidence: dict[str, Evidence]) -> None:
    [figure] = figures(evidence["split"])
    assert [panel.label.split(",")[0] for panel in figure.panels] == [
        "JAX compiled",
        "PyTorch eager",
    ]
    panel = figure.panels[1]
    drawn = bars(panel.svg)
    assert set(drawn) == set(LEGEND)
    # gelu, the fourth: 0.46 ns of arithmetic above a floor of 0.04.
    (floor, width), (arithmetic, own) = drawn["copy-floor"][3], drawn["arithmetic"][3]
    assert arithmetic == pytest.approx(floor + width, abs=0.1)
    assert own / width == pytest.approx(0.46 / 0.04, rel=0.1)
    assert "gelu: " in panel.label
    assert "arithmetic 0.460" in panel.label


def test_a_part_below_0_stands_left_of_it(make_run: Callable[..., Path]) -> None:
    case = replace(split_case("gelu"), size=0)
    rows = [
        replace(row, value=-0.5, low=-0.6, high=-0.4) if row.metric == "memory" else row
        for row in part_rows(case, 0.4, 100.0)
    ]
    [figure] = figures(read([make_run(rows)]))
    drawn = bars(figure.panels[0].svg)
    [(left, width)], [(zero, _)] = drawn["memory"], drawn["allocation"]
    assert left + width == pytest.approx(zero, abs=0.1)


def test_without_parts_there_is_no_chart(evidence: dict[str, Evidence]) -> None:
    assert figures(evidence["single"]) == []
    assert figures(evidence["hostile"])[0].panels[0].svg.count("<script") == 0
