"""Curves over size: what is drawn, and that labels fit."""

from __future__ import annotations

import re

from actbench.report.draw.curves import Curve, Curves, panels
from actbench.report.draw.drawing import Panel, ends, limits
from actbench.report.read.evidence import Estimate

VALUES = {2**power: Estimate(10.0 / power, 9.0 / power, 11.0 / power) for power in (6, 12, 13, 20)}


def drawn(*curves: Curve, title: str = "gelu", one: bool = False) -> Panel:
    [panel] = panels("x", [Curves(title, curves)], "ns", one)
    return panel


def test_every_curve_is_stated_and_named_with_its_sign() -> None:
    svg_panel = drawn(
        Curve("PyTorch eager", "torch", VALUES, dashed=True),
        Curve("PyTorch compiled", "torch", VALUES),
        Curve("JAX compiled", "jax", VALUES),
    )
    assert svg_panel.label.count("1.67 at 64 elements") == 3
    names = re.findall(r">([○□△◇] [^<]*)<", svg_panel.svg)
    assert names == ["○ PyTorch eager", "○ PyTorch compiled", "□ JAX compiled"]
    assert svg_panel.svg.count("stroke-dasharray") == 1


def test_a_floor_is_an_area_below_the_curves() -> None:
    svg_panel = drawn(Curve("copy", "copy", VALUES, floor=True), Curve("gelu", "gelu", VALUES))
    assert re.findall(r">([▁○] [^<]*)<", svg_panel.svg) == ["▁ copy", "○ gelu"]
    assert "fill: var(--line)" in svg_panel.svg


def test_labels_of_sizes_do_not_run_into_each_other() -> None:
    powers = re.findall(r">(2\^\d+)<", drawn(Curve("A", "a", VALUES)).svg)
    assert powers == ["2^6", "2^12", "2^20"]


def test_one_size_and_hostile_names_are_drawn(hostile_text: str) -> None:
    curve = Curve(hostile_text, hostile_text, {64: Estimate(1.0)})
    svg_panel = drawn(curve, title=hostile_text, one=True)
    assert "<script" not in svg_panel.svg
    assert "</scr" not in svg_panel.svg


def test_limits_hold_every_interval_and_what_else_is_drawn() -> None:
    values = ends([*VALUES.values(), Estimate(1.0, -1.0, 80.0)])
    low, high = limits([*values, 1.0, 50.0])
    assert 0 < low < 9 / 20
    assert high > 80
