"""Operations a byte and a second, and the roofs above them, recomputed from the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench.results.rows import Row
from actbench.report.compare.families import setting_of
from actbench.report.compare.roofline import rooflines
from actbench.report.read.rows import read
from actbench.report.sections.figures import figures

from ..conftest import split_case, timing_rows

MakeRun = Callable[..., Path]
CACHED, MEMORY = 65536, 2**23
TIMES = {"relu": 0.1, "gelu": 0.5, "squareplus": 0.2, "copy": 0.08, "exp": 0.4, "add": 0.09}
"""ns an element in cache; from memory each takes 1 ns more."""
OPERATIONS = {"relu": 1, "gelu": 5, "squareplus": 5}
"""max; x · ½ · (1 + erf(x / √2)) with a square root to multiply by; (x + √(x² + b)) / 2."""


def rows(without: tuple[str, ...] = ()) -> list[Row]:
    """A run in which everything was timed in cache and from memory."""
    made = []
    for name, time in TIMES.items():
        for size, more in ((CACHED, 0.0), (MEMORY, 1.0)):
            form = "textbook" if name == "squareplus" else "native"
            case = split_case(name, form=form, size=size)
            relu = (TIMES["relu"] + more) * size
            if name not in without:
                made += timing_rows(case, (time + more) * size, 0.05, relu)
    return made


def test_points_and_roofs_are_those_of_the_rows(make_run: MakeRun) -> None:
    evidence = read([make_run(rows())])
    setting = setting_of("run", split_case("relu"))
    [found] = rooflines(evidence, setting).values()
    assert found.complete
    for points, more in ((found.cached, 0.0), (found.streamed, 1.0)):
        assert {each.timed.case.activation for each in points} == set(OPERATIONS)
        for each in points:
            name = each.timed.case.activation
            assert each.intensity == OPERATIONS[name] / 8
            time = TIMES[name] + more
            assert each.rate.value == pytest.approx(OPERATIONS[name] / time)
            assert each.rate.low == pytest.approx(OPERATIONS[name] / time / 1.05)
            assert each.rate.high == pytest.approx(OPERATIONS[name] / time / 0.95)
    assert found.copy_cached.rate.value == pytest.approx(8 / TIMES["copy"])
    assert found.copy_streamed.rate.value == pytest.approx(8 / (TIMES["copy"] + 1))
    assert found.single.timed.case.activation == "add"
    assert found.single.rate.value == pytest.approx(1 / TIMES["add"])


def test_two_bytes_an_element_double_the_intensity(make_run: MakeRun) -> None:
    narrow = [replace(row, case=replace(row.case, dtype="bfloat16")) for row in rows()]
    evidence = read([make_run(narrow)])
    setting = setting_of("run", split_case("relu", dtype="bfloat16"))
    [found] = rooflines(evidence, setting).values()
    assert {each.intensity for each in found.cached} == {1 / 4, 5 / 4}
    assert found.copy_cached.rate.value == pytest.approx(4 / TIMES["copy"])


def roofline_of(run: Path):  # type: ignore[no-untyped-def]
    [found] = [each for each in figures(read([run])) if "operations a second" in each.sentence]
    return found


def test_the_drawing_says_what_it_shows(make_run: MakeRun) -> None:
    figure = roofline_of(make_run(rows()))
    [panel] = figure.panels
    for words in ("copy in cache: 100 GB/s", "copy from memory: 7.41 GB/s", "add, 11.1"):
        assert words in panel.label
        assert words in panel.svg
    assert "10.0 at 0.625 for gelu at 65,536 elements" in panel.label
    assert "filled at 65,536 elements (2^16), hollow at 8,388,608 elements (2^23)" in figure.note
    assert figure.command == ""


@pytest.mark.parametrize(
    ("without", "lacking"),
    [(("copy",), "copy in cache: not measured"), (("exp", "add"), "operation: not measured")],
)
def test_a_roof_that_was_not_measured_is_not_drawn(
    make_run: MakeRun, without: tuple[str, ...], lacking: str
) -> None:
    figure = roofline_of(make_run(rows(without)))
    assert lacking in figure.panels[0].label
    assert "--activation copy" in figure.command
    assert "--activation exp" in figure.command


def test_without_any_roof_it_says_how_to_measure_them(make_run: MakeRun) -> None:
    figure = roofline_of(make_run(rows(("copy", "exp", "add"))))
    assert figure.panels == ()
    assert figure.note.startswith("Not measured in this run")
    assert "--activation copy" in figure.command
