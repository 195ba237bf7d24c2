"""Bars of shares: what they say, where they stand, and that no text leaves the drawing."""

from __future__ import annotations

import re

import pytest

from actbench.report.draw.bars import Bar, Group, panel
from actbench.report.draw.drawing import COLOURS

TWO = {"one": COLOURS["max"], "two": COLOURS["exp"]}


def strokes(svg: str, colour: str) -> list[tuple[float, float]]:
    """Where each bar of a colour starts and ends across."""
    found = [path for path in re.findall(r"<path[^>]*>", svg) if f"fill: var(--{colour})" in path]
    moves = r"M ([\d.]+) [\d.]+ L ([\d.]+)"
    return [(float(a), float(b)) for path in found for a, b in re.findall(moves, path)]


def test_shares_stand_one_after_the_other_and_below_0_to_the_left() -> None:
    bars = (Bar("a", {"one": 0.25, "two": 0.75}), Bar("b", {"one": -0.25, "two": 1.25}))
    svg = panel("x", "Title", [Group("who", "below", bars)], "axis", TWO).svg
    (zero, quarter), (same_zero, left) = strokes(svg, "max")
    (start, whole), (other_zero, right) = strokes(svg, "exp")
    assert (same_zero, start, other_zero) == pytest.approx((zero, quarter, zero))
    unit = whole - zero
    assert abs((quarter - zero) / unit - 0.25) < 0.01
    assert abs((left - zero) / unit + 0.25) < 0.01
    assert abs((right - zero) / unit - 1.25) < 0.01


def test_it_says_what_it_shows_and_keeps_long_and_hostile_names_inside() -> None:
    hostile = "<script>" + "x" * 100
    bars = (Bar(hostile, {"one": 1.0}),)
    found = panel("x", "Title", [Group(hostile, hostile, bars)], "axis", TWO)
    assert found.label == f"Title: axis: {hostile} {hostile}: {hostile}"
    assert "<script" not in found.svg
    texts = re.findall(r"<text[^>]*>([^<]*)<", found.svg)
    assert max(map(len, texts)) <= len("&lt;script&gt;") + 30
    assert not any("two" in text for text in texts)
