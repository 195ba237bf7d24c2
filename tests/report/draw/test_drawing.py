"""Drawings as elements of a page: the same lines at the same places."""

from __future__ import annotations

import re

from actbench.report.draw.drawing import SOFT, beside, canvas, to_svg, whiskers
from actbench.report.read.evidence import Estimate


def test_an_element_of_a_page_has_ids_of_its_own_and_the_colours_of_the_page() -> None:
    with canvas(200, 100, 10, 10) as (figure, axes):
        axes.plot([1, 2], [1, 2], "o", color=SOFT)
        text = to_svg(figure, "x")
    assert text.startswith('<svg width="200" height="100"')
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert ids
    assert all(name.startswith("x-") for name in ids)
    assert set(re.findall(r'(?:href="|url\()#([\w-]+)', text)) == set(ids)
    assert "var(--soft)" in text
    assert not re.search(r"font-family|://|<style|xlink|#0101", text)


def test_what_lies_outside_the_axes_is_no_fault() -> None:
    with canvas(200, 100, 10, 10) as (figure, axes):
        axes.plot([5, 6], [5, 5], color=SOFT)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        assert to_svg(figure, "x").endswith("</svg>")


def test_whiskers_are_as_many_as_intervals() -> None:
    estimates = [Estimate(1.5, 1, 2), Estimate(3.5, 3, 4), Estimate(9.0)]
    with canvas(200, 100, 10, 10) as (figure, axes):
        whiskers(axes, [0, 1, 2], estimates, SOFT)
        beside(axes, 1, "here", 30)
        axes.set(xlim=(0, 5), ylim=(0, 1), xticks=[], yticks=[])
        text = to_svg(figure, "x")
    assert re.findall(r'd="(M [^"]*)"[^>]*stroke: var\(--soft\)', text) == [
        "M 46 58 L 82 58 ",
        "M 118 30 L 154 30 ",
    ]
    assert re.search(r'<text [^>]*x="40"', text)
