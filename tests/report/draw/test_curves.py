"""Curves over size: what is drawn, and that labels fit."""

from __future__ import annotations

import re

from actbench.report.draw.curves import Curve, limits, panel
from actbench.report.read.evidence import Estimate

VALUES = {2**power: Estimate(10.0 / power, 9.0 / power, 11.0 / power) for power in (6, 12, 13, 20)}


def test_every_curve_is_told_and_named_with_its_sign() -> None:
    curves = [
        Curve("PyTorch eager", "torch", VALUES, dashed=True),
        Curve("PyTorch compiled", "torch", VALUES),
        Curve("JAX compiled", "jax", VALUES),
    ]
    found = panel("x", "gelu", curves, limits(curves), "ns")
    assert found.label.count("1.67 at 64 elements") == 3
    names = re.findall(r">([○□△◇] [^<]*)<", found.svg)
    assert names == ["○ PyTorch eager", "○ PyTorch compiled", "□ JAX compiled"]
    assert found.svg.count("stroke-dasharray") == 1


def test_labels_of_sizes_do_not_run_into_each_other() -> None:
    curves = [Curve("A", "a", VALUES)]
    found = panel("x", "gelu", curves, limits(curves), "ns")
    powers = re.findall(r">(2\^\d+)<", found.svg)
    assert powers == ["2^6", "2^12", "2^20"]


def test_one_size_and_hostile_names_are_drawn(hostile_text: str) -> None:
    curves = [Curve(hostile_text, hostile_text, {64: Estimate(1.0)})]
    found = panel("x", hostile_text, curves, limits(curves, 1.0), "ns", one=True)
    assert "<script" not in found.svg
    assert "</scr" not in found.svg


def test_limits_hold_every_interval_and_one() -> None:
    low, high = limits([Curve("A", "a", {**VALUES, 2**21: Estimate(1.0, -1.0, 80.0)})], 1.0, 50.0)
    assert 0 < low < 9 / 20
    assert high > 80
