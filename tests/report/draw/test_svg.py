"""Drawings as elements of a page: places, ticks, colours of the page, and no markup of others."""

from __future__ import annotations

import re

import pytest

from actbench.bench.results.estimate import Estimate
from actbench.report.draw.svg import Drawing, Scale, logarithmic, shortened, tick_label


def test_a_scale_maps_its_ends_to_its_sides_and_holds_what_lies_beyond() -> None:
    scale = Scale(1, 100, 50, 150)
    assert [scale(value) for value in (1, 10, 100, 1e9, -3)] == [50, 100, 150, 150, 50]
    flat = Scale(-1, 3, 0, 40, log=False)
    assert [flat(value) for value in (-1, 0, 3)] == [0, 10, 40]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.8, 7, [1, 2, 5]),
        (0.8, 99, [1, 3, 10, 30]),
        (0.8, 2000, [1, 10, 100, 1000]),
        (0.06, 0.9, [0.1, 0.2, 0.5]),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high, 0, 1).ticks() == pytest.approx(ticks)


def test_ticks_from_0_on_are_round() -> None:
    assert Scale(-0.3, 1.9, 0, 1, log=False).ticks() == pytest.approx([0, 1])
    assert Scale(0, 0.35, 0, 1, log=False).ticks() == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_logarithmic_scale_holds_every_positive_value() -> None:
    scale = logarithmic([0.2, 30.0, -5.0, 0.0], 0, 1)
    assert scale.low < 0.2
    assert scale.high > 30
    alone = logarithmic([], 0, 1)
    assert alone.high / alone.low >= 3


def test_labels_of_ticks() -> None:
    labels = [tick_label(value) for value in (0.5, 3.0, 1000.0, 1e6, 1e-5, 0.0)]
    assert labels == ["0.5", "3", "1,000", "1e6", "1e-5", "0"]


def test_an_element_takes_the_colours_of_the_page_and_escapes_its_texts() -> None:
    drawing = Drawing(200, 100)
    drawing.text(10, 20, "<script>&", bold=True)
    drawing.marker(50, 50, "exp")
    drawing.marker(60, 50, "nobody", hollow=True)
    text = drawing.svg()
    assert text.startswith('<svg viewBox="0 0 200 100" width="200" height="100">')
    assert "&lt;script&gt;&amp;" in text
    assert re.findall(r"stroke:([^;]*);", text) == ["var(--exp)", "var(--unknown)"]
    assert " id=" not in text


def test_an_interval_without_ends_is_not_drawn() -> None:
    drawing, scale = Drawing(100, 10), Scale(1, 10, 0, 100)
    drawing.interval(scale, 5, Estimate(3.0), "red")
    assert "<path" not in drawing.svg()
    drawing.interval(scale, 5, Estimate(3.0, 0.5, 100.0), "red")
    assert 'd="M0 5L100 5"' in drawing.svg()


def test_a_text_is_cut_to_its_room() -> None:
    assert shortened("short", 100) == "short"
    assert shortened("x" * 100, 54) == "x" * 9 + "…"
