"""Strips: what they say, and that they stand on the same axis."""

from __future__ import annotations

import re

from actbench.bench.results.estimate import Estimate
from actbench.report.draw.strips import Mark, Strip, Strips, panels


def test_every_mark_is_said_and_stands_on_the_same_axis() -> None:
    marks = (Mark("exp", "gelu", Estimate(4.0, 3.0, 5.0)), Mark("max", "leaky", Estimate(1.0)))
    near = [Strip("PyTorch", "eager", marks)]
    far = [Strip("JAX", "compiled", (Mark("exp", "gelu", Estimate(40.0)),))]
    contents = [Strips("In cache", near), Strips("Far", far), Strips("Nothing", [])]
    one, other = panels(contents, "log scale", "×", "relu")
    assert one.label == (
        "In cache, log scale: PyTorch eager: gelu 4.00× (3.00–5.00), leaky 1.00× (no interval)"
    )
    assert [len(re.findall("stroke-dasharray", panel.svg)) for panel in (one, other)] == [1, 1]
    ticks = [re.findall(r">(1|3|10|30)<", panel.svg) for panel in (one, other)]
    assert ticks[0] == ticks[1] == ["1", "3", "10", "30"]


def test_long_and_hostile_names_stay_inside() -> None:
    hostile = "<script>" + "x" * 100
    strip = Strip(hostile, hostile, (Mark("unknown", hostile, Estimate(2.0)),))
    [panel] = panels([Strips(hostile, [strip])], "log scale", " ns")
    assert "<script" not in panel.svg
    texts = re.findall(r"<text[^>]*>([^<]*)<", panel.svg)
    assert max(map(len, texts)) <= len("&lt;script&gt;") + 48
