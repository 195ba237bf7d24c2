"""Parts of costs and their predictions: planted, and recovered from the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.bench.results.status import Status
from actbench.report.compare.parts import poor_fit
from actbench.report.draw.parts import figures
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections import model, parts

from ..conftest import split_case

MakeRun = Callable[..., Path]


def gelu(size: int = 65536, **changes: Any) -> Case:
    return split_case("gelu", size=size, **changes)


def test_lines_that_do_not_fit_are_counted_and_the_worst_error_is_kept(
    evidence: dict[str, Evidence], make_run: MakeRun
) -> None:
    sentence = parts.fit_sentence(evidence["split"])
    assert sentence.startswith("14 of 14 lines were tested at a size")
    assert ": 1 line missed it by more than 10%" in sentence
    rows = [
        Row(gelu(8192), "fit_error", 0.02, 0.01, 0.03),
        Row(gelu(4096), "fit_error", -0.3, -0.4, -0.2),
        Row(gelu(2048), "fit_error", 0.05, 0.01, 0.06),
        # A line, and a case at sizes too near to each other for one: no line was there to test.
        Row(gelu(64), "launch", 10.0, 9.0, 11.0),
        Row(split_case("elu", size=1024), "launch", None, status=Status.UNSUPPORTED),
    ]
    kept = read([make_run(rows)])
    assert parts.fit_sentence(kept).startswith("1 of 1 line ")
    assert kept.splits[0].parts["fit_error"].size == 4096
    assert poor_fit(kept.splits[0])


def test_parts_are_drawn_for_each_framework_and_mode(evidence: dict[str, Evidence]) -> None:
    [figure] = figures(evidence["split"])
    assert [panel.label.split(":")[0] for panel in figure.panels] == [
        "JAX compiled",
        "PyTorch eager",
    ]
    assert "mish 1.96" in figure.panels[0].label
    assert "copy" not in figure.panels[0].label
    colours = ("copy-floor", "arithmetic", "memory", "allocation", "launch", "handoff")
    assert all(f"var(--{name})" in figure.panels[0].svg for name in colours)
    assert "not measured" not in figure.panels[0].svg


def test_parts_that_were_not_measured_are_said_to_be_so(make_run: MakeRun) -> None:
    rows = [
        Row(gelu(), "arithmetic", -0.1, -0.2, 0.1),
        Row(gelu(), "copy_floor", 0.05, 0.04, 0.06),
    ]
    [figure] = figures(read([make_run(rows)]))
    assert figure.panels[0].svg.count("not measured") == 2


def test_predictions_are_counted(evidence: dict[str, Evidence]) -> None:
    [sentence] = model.sentences(evidence["split"])
    assert sentence == (
        "PyTorch eager: 1 of 2 predictions not shown to be more than 25% off; "
        "1 surprise: branch (1)."
    )


def test_primitives_have_a_table_of_their_own(make_run: MakeRun) -> None:
    rows = [
        Row(split_case("exp"), "arithmetic", 0.25, 0.24, 0.26),
        Row(split_case("copy"), "arithmetic", 0.0, -0.01, 0.01),
        Row(split_case("copy"), "copy_floor", 0.05, 0.04, 0.06),
        Row(split_case("tanh"), "arithmetic", 0.5, 0.4, 0.6),
        Row(gelu(), "arithmetic", 0.7, 0.6, 0.8),
        Row(split_case("erf", form="textbook"), "arithmetic", 9.0, 9.0, 9.0),
        Row(replace(split_case("exp"), framework="jax"), "arithmetic", 0.3, 0.2, 0.4),
    ]
    [pivot] = parts.primitives(read([make_run(rows)]))
    assert pivot.columns == ["JAX eager", "PyTorch eager"]
    texts = {name: [cell.text for cell in cells] for name, _, cells in pivot.rows}
    assert texts == {
        "tanh": ["not measured", "0.500"],
        "copy": ["not measured", "0.0500"],
        "exp": ["0.300", "0.250"],
    }
