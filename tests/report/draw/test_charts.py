"""Figures of charts and heat maps, recomputed from the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actbench.bench.exactness.binades import edges
from actbench.bench.host.errors import StoreError
from actbench.bench.results.rows import Point, Row
from actbench.report.draw.figure import Figure
from actbench.report.read.rows import read
from actbench.report.sections.charts import content
from actbench.report.words import elements, number

from ..conftest import _PER_ELEMENT, SPLIT_SIZES, split_case, split_rows, timing_rows

MakeRun = Callable[..., Path]


def figure_of(run: Path, words: str) -> Figure:
    figures = content(read([run]))["figures"]
    [chosen] = [figure for figure in figures if words in figure.sentence]
    return chosen


def test_the_copy_lies_beneath_the_time_of_an_element(make_run: MakeRun) -> None:
    figure = figure_of(make_run(split_rows()), "as the input grows")
    [panel] = figure.panels
    values = ", ".join(
        f"{number((10_000 + _PER_ELEMENT['copy'] * size) / size)} at {elements(size)}"
        for size in SPLIT_SIZES
    )
    assert f"copy {values}" in panel.label
    assert ">▁ copy</text>" in panel.svg
    assert "The grey area ends at the time of a copy" in figure.note
    assert figure.command == ""


def test_without_a_copy_the_chart_says_so(make_run: MakeRun) -> None:
    rows = [row for row in split_rows() if row.case.activation != "copy"]
    figure = figure_of(make_run(rows), "as the input grows")
    assert "A copy was not measured in PyTorch eager." in figure.note
    assert "grey area" not in figure.note
    assert figure.command.startswith(
        "actbench run --framework torch --activation copy --form native"
    )
    assert "copy</text>" not in figure.panels[0].svg


def checked(framework: str, mode: str, name: str, errors: list[float] | None) -> list[Row]:
    case = split_case(name, framework, mode, size=5000)
    worst = max(errors) if errors else 4.0
    point, binades = Point("0x1.8p+1", got=1.0, exact=2.0), tuple(errors or ())
    flushed = Row(case, "max_ulp_flushed", worst, worst=point, binades=binades)
    return [Row(case, "max_ulp", worst), flushed]


def profile(worst: float) -> list[float]:
    errors = [0.25] * (2 * len(edges("float32")))
    errors[90] = worst
    return errors


def test_errors_over_the_input_axis(make_run: MakeRun) -> None:
    rows = [
        *checked("torch", "eager", "gelu", profile(3.0)),
        *checked("torch", "compiled", "gelu", profile(3.0)),
        *checked("jax", "eager", "gelu", profile(float("inf"))),
        *checked("torch", "eager", "silu", profile(70.0)),
        *checked("torch", "eager", "mish", profile(80.0)),
    ]
    figure = figure_of(make_run(rows), "Where on the input axis")
    labels = [panel.label for panel in figure.panels]
    assert [label.split(":")[0] for label in labels] == ["gelu", "mish", "silu"]
    assert "JAX eager: ∞ ulp at 3; PyTorch eager and compiled: 3.00 ulp at 3" in labels[0]
    assert figure.command == ""


def test_a_run_without_errors_by_binade_says_how_to_measure_them(make_run: MakeRun) -> None:
    figure = figure_of(make_run(checked("torch", "eager", "gelu", None)), "Where on the input axis")
    assert figure.panels == ()
    assert figure.note.startswith("Not measured in this run")
    assert figure.command == "actbench run --only agreement --dtype float32 --device cpu"


@pytest.mark.parametrize("count", [1, 3, 129])
def test_malformed_errors_by_binade_are_refused(make_run: MakeRun, count: int) -> None:
    rows = checked("torch", "eager", "gelu", [0.5] * count)
    with pytest.raises(StoreError, match=f"{count} errors for the"):
        read([make_run(rows)])


def test_the_front_is_stated_and_filled(make_run: MakeRun) -> None:
    """Beaten: silu, dearer and no more exact than gelu; relu takes no part."""
    rows = []
    for name, cost, ulp in (("relu", 1.0, 0.0), ("gelu", 2.0, 1.5), ("silu", 9.0, 1.5)):
        case = split_case(name)
        rows += [*timing_rows(case, cost * 1e5, 0.01, 1e5), Row(case, "max_ulp", ulp)]
    figure = figure_of(make_run(rows), "Speed against exactness")
    assert figure.panels[0].label.endswith("3 forms; unbeaten: gelu 2.00 at 1.50 ulp")


def test_costs_are_stated_with_the_gradient_beside_them(make_run: MakeRun) -> None:
    rows = []
    for direction, gelu in (("forward", 2e5), ("backward", 3e5)):
        for name, time in (("relu", 1e5), ("gelu", gelu)):
            case = split_case(name, direction=direction)
            rows += timing_rows(case, time, 0.01, 1e5)
    figure = figure_of(make_run(rows), "What each activation costs beside relu")
    [panel] = figure.panels
    assert "gelu native: 2.00× (1.98–2.02), gradient 3.00× (2.97–3.03)" in panel.label
    assert "relu native" not in panel.label
