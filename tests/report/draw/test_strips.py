"""Strips: what they say, and that no text leaves the drawing."""

from __future__ import annotations

import re

from actbench.report.draw.drawing import Row
from actbench.report.draw.strips import Mark, Strips, panels
from actbench.report.read.evidence import Estimate


def test_every_mark_is_stated_and_stands_on_the_same_axis() -> None:
    marks = (Mark("exp", "gelu", Estimate(4.0, 3.0, 5.0)), Mark("max", "leaky", Estimate(1.0)))
    few = [Row("PyTorch", "eager", marks)]
    far = [Row("JAX", "compiled", (Mark("exp", "gelu", Estimate(40.0)),))]
    one, other = panels("x", [Strips("In cache", few, "64"), Strips("Far", far)], "relu")
    assert one.label == (
        "In cache, 64: time over that of relu (×), log scale: PyTorch eager: gelu 4.00× "
        "(3.00–5.00), leaky 1.00× (no interval)"
    )
    lines = [re.findall(r"stroke-dasharray[^/]*", panel.svg) for panel in (one, other)]
    assert [len(line) for line in lines] == [1, 1]
    ticks = [re.findall(r">(1|3|10|30)<", panel.svg) for panel in (one, other)]
    assert ticks[0] == ticks[1]


def test_long_and_hostile_names_stay_inside() -> None:
    hostile = "<script>" + "x" * 100
    strip = Row(hostile, hostile, (Mark("unknown", hostile, Estimate(2.0)),))
    [panel] = panels("x", [Strips(hostile, [strip], hostile[:40])], "relu")
    assert "<script" not in panel.svg
    texts = re.findall(r"<text[^>]*>([^<]*)<", panel.svg)
    assert max(map(len, texts)) <= len("&lt;script&gt;") + 48


def test_nothing_to_draw_is_no_panel() -> None:
    assert panels("x", [Strips("In cache", [])], "relu") == ()
