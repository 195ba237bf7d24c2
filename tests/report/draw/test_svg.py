"""Drawings in few letters: the same lines at the same places."""

from __future__ import annotations

import re

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.report.draw.charts import Limits
from actbench.report.draw.drawing import SOFT, broken, canvas, log_ticks, rows_moved, to_svg
from actbench.report.draw.svg import compact


def drawn(inside: str) -> str:
    document = (
        f'<?xml version="1.0"?><svg width="9pt" height="8pt" viewBox="0 0 9 8">{inside}</svg>'
    )
    return compact(document, "n")


def test_neighbours_of_one_style_are_one_path_or_one_group() -> None:
    line = '<g id="a"><path d="M 1 2 \nL 1 5.26 \nL 3 5.26" style="fill: none; stroke: red"/></g>'
    word = '<text style="font: 10px \'Sans\'; text-anchor: start" x="1.04" y="2">{}</text>'
    assert drawn(line * 2) == (
        '<svg width="9" height="8" viewBox="0 0 9 8">'
        '<path d="M1 2V5.3H3M1 2V5.3H3" style="fill:none;stroke:red"/></svg>'
    )
    assert drawn(word.format("a &lt; b") + word.format("c")).endswith(
        '<g style="font-size:10px"><text x="1" y="2">a &lt; b</text>'
        '<text x="1" y="2">c</text></g></svg>'
    )


def test_what_is_not_opaque_or_is_filled_stays_apart() -> None:
    for style in ("fill: red", "fill: none; stroke: red; opacity: 0.5"):
        path = f'<path d="M 1 2 L 3 4" style="{style}"/>'
        assert drawn(path * 2).count("<path") == 2


def test_a_tick_becomes_a_line_and_another_mark_stays_a_mark() -> None:
    use = (
        '<g clip-path="url(#{clip})"><use xlink:href="#{mark}" x="5" y="6" style="fill: red"/></g>'
    )
    tick = '<defs><path id="m1" d="M 0 0 L 0 3.5" style="stroke: blue"/></defs>'
    box = '<defs><path id="m2" d="M -1.25 1 L 1 1 z"/></defs>'
    clip = '<defs><clipPath id="p1"><rect x="0" y="0" width="5" height="5"/></clipPath></defs>'
    text = drawn(
        tick + use.format(clip="p1", mark="m1") + box + use.format(clip="p1", mark="m2") + clip
    )
    assert '<path clip-path="url(#n-0)" style="fill:none" d="M5 6V9.5"/>' in text
    assert '<path d="M-1.25 1H1z" id="n-1"/>' in text
    assert '<g clip-path="url(#n-0)" style="fill:red"><use href="#n-1" x="5" y="6"/></g>' in text
    assert text.count("<path") == 2


def test_a_hatch_is_kept_and_its_colour_is_no_reference() -> None:
    box = '<path d="M 0 0 L 5 0 L 5 5 z" style="fill: url(#h1); stroke: #abcdef"/>'
    hatch = (
        '<defs><pattern id="h1" patternUnits="userSpaceOnUse" x="0" y="0" width="72" height="72">'
        '<rect x="0" y="0" width="73" height="73" fill="none"/>'
        '<path d="M 0 36 \nL 36 0.123" style="stroke: red"/></pattern></defs>'
    )
    text = drawn(box + hatch)
    assert 'style="fill:url(#n-0);stroke:#abcdef"' in text
    assert '<pattern patternUnits="userSpaceOnUse" x="0" y="0" width="72" height="72" id' in text
    assert '<pattern id="h1"' not in text
    assert '<path d="M0 36L36 0.12" style="stroke: red"/></pattern>' in text


@pytest.mark.parametrize(
    ("limits", "some"), [((0.3, 50.0), True), ((0.02, 0.9), True), ((1.0, 1e7), False)]
)
def test_minor_ticks_stand_where_matplotlib_has_them(limits: Limits, some: bool) -> None:
    def places(figure: Figure, axes: Axes) -> set[str]:
        text = to_svg(figure, "x")
        found = re.findall(r"M([\d.]+) 58V60(?=[M\"])", text)
        assert len(found) == len(set(found))
        return set(found)

    with canvas(200, 100, 10, 10) as (figure, axes):
        axes.set(xscale="log", xlim=limits, yticks=[])
        axes.tick_params(which="minor", color=SOFT)
        theirs = places(figure, axes)
        majors = set(re.findall(r"M([\d.]+) 58V61.5", to_svg(figure, "x")))
    with canvas(200, 100, 10, 10) as (figure, axes):
        axes.set(xscale="log", xlim=limits, yticks=[])
        log_ticks(axes.xaxis, limits)
        ours = places(figure, axes)
    assert bool(theirs) is some
    assert theirs == ours - majors


def test_broken_lines_are_as_many_as_intervals() -> None:
    with canvas(200, 100, 10, 10) as (figure, axes):
        axes.plot(broken([(1, 2), (3, 4)]), broken([(0, 0), (1, 1)]), color=SOFT)
        axes.text(0, 1, "here", transform=rows_moved(axes, 30, 0))
        axes.set(xlim=(0, 5), ylim=(0, 1), xticks=[], yticks=[])
        text = to_svg(figure, "x")
    assert re.search(r'd="M46 58H82M118 30H154"', text)
    assert re.search(r'<text [^>]*x="40" y="30"', text)
