"""Cells of the matrix: what is measured, in which form, how it is written and marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.estimate import Estimate
from actbench.bench.results.rows import Against, Other, Row, described
from actbench.bench.results.status import Status
from actbench.report.matrix import cells
from actbench.report.matrix.cells import Cell, Table, figures, shade, table
from actbench.report.matrix.drawer import drawers
from actbench.report.matrix.head import CHEAPEST, OWN, conditions
from actbench.report.matrix.model import GROUPS, matrix
from actbench.report.matrix.source import source
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import CLASSES, case_tail

MakeRun = Callable[..., Path]


def case(activation: str, **changes: Any) -> Case:
    fields = dict(
        zip(("direction", "device", "dtype", "size", "threads"), case_tail(), strict=True)
    )
    return Case(**{"framework": "torch", "form": "native", "mode": "eager", **fields, **changes},
                activation=activation)  # fmt: skip


def timed(
    activation: str, value: float, half: float = 0.01, over: str = "max", **changes: Any
) -> list[Row]:
    of = case(activation, **changes)
    ends = (value, value - half, value + half)
    time = Row(of, "time_per_call", *(1000 * end for end in ends))
    unit = Against(Other.UNIT, "relu", over)
    return [time, Row(of, "relative_cost", *ends, against=unit)]


def unit(**changes: Any) -> list[Row]:
    return timed("relu", 1.0, 0.0, form="max", **changes)


def first(evidence: Evidence, at: int = 0) -> Table:
    return table(evidence, matrix(evidence), matrix(evidence).views[at])


def cell(shown: Table, name: str, column: int = 0) -> Cell:
    [found] = [
        line.cells[column] for _, lines in shown.groups for line in lines if line.name == name
    ]
    return found


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (1.333, 1.313, 1.353, ("1.33", "±0.02")),
        (2.38, 1.95, 2.81, ("2.38", "±0.43")),
        (11.62, 7.7, 15.5, ("11.6", "±3.9")),
        (64.9, 26.0, 103.0, ("65", "±38")),
        (1.0, 0.9999, 1.0001, ("1.00", "±0.01")),
        (0.214, 0.119, 0.309, ("0.214", "±0.095")),
        (1234.0, 1200.0, 1268.0, ("1,230", "±34")),
        (5.0, None, None, ("5.00", "")),
    ],
)
def test_three_digits_and_the_half_width_to_the_same_decimal(
    value: float, low: float | None, high: float | None, shown: tuple[str, str]
) -> None:
    assert figures(Estimate.of(value, low, high)) == shown


def test_a_shade_is_logarithmic_and_ends() -> None:
    assert [shade(cost) for cost in (1, 30, 1 / 30, 1000, 0.0001)] == [0, 10, -10, 10, -10]
    assert shade(30**0.5) == 5


def test_the_plain_form_stands_for_an_activation_else_the_cheapest(make_run: MakeRun) -> None:
    rows = [*unit(), *timed("gelu", 3), *timed("gelu", 2, form="wide")]
    rows += [*timed("silu", 5, form="wide"), *timed("silu", 4, form="textbook")]
    shown = first(read([make_run(rows)]))
    assert cell(shown, "gelu").text == "3.00"
    assert cell(shown, "gelu").about == ""
    assert cell(shown, "silu").text == "4.00"
    assert cell(shown, "silu").about == "textbook form"


def test_marks_say_what_is_undecided_inexact_and_dear(make_run: MakeRun) -> None:
    rows = [*unit(), *timed("relu", 1.5), *timed("gelu", 1.1, 0.2), *timed("silu", 3)]
    rows += [Row(case("gelu"), "max_ulp", 2e6), Row(case("silu"), "max_ulp", 2e6)]
    rows += [Row(case("silu"), "max_ulp_near", 2.0), Row(case("silu"), "trouble_outside", 9.0)]
    evidence = read([make_run(rows)])
    shown = first(evidence)
    assert cell(shown, "relu").marks == ("dear",)
    assert cell(shown, "gelu").marks == ("inexact", "undecided")
    assert cell(shown, "gelu").shade == 0
    assert cell(shown, "silu").marks == ("outside",)
    assert cell(shown, "silu").shade == 3
    [note] = shown.notes
    assert note == "PyTorch eager: its own relu costs 1.50 times the cheapest, relu as max."


def test_the_unit_is_one_and_its_time_heads_the_column(make_run: MakeRun) -> None:
    shown = first(read([make_run([*timed("relu", 1.0, 0.0, "native"), *timed("gelu", 2)])]))
    assert cell(shown, "relu").text == "1"
    assert [head.unit for head in shown.heads] == ["ReLU 1.00 µs"]
    written_out = first(read([make_run([*unit(), *timed("gelu", 2)], "written")]))
    assert [head.unit for head in written_out.heads] == ["ReLU (max) 1.00 µs"]


def test_a_unit_that_is_slow_itself_is_marked(make_run: MakeRun) -> None:
    slow = [
        replace(row, value=5000.0, low=4900.0, high=5100.0) for row in unit(mode="compiled")[:1]
    ]
    rows = [*unit(), *slow, *unit(mode="compiled")[1:], *timed("gelu", 2, mode="compiled")]
    shown = first(read([make_run(rows)]))
    assert [head.marked for head in shown.heads] == [True, False]
    [note] = shown.notes
    words = "PyTorch compiled: its unit takes 5.00 µs, eager 1.00 µs: costs over it read low."
    assert note == words


def test_a_cell_without_a_figure_says_why(make_run: MakeRun) -> None:
    rows = [*unit(), *timed("gelu", 2, mode="compiled"), *timed("silu", 2), *unit(mode="compiled")]
    failed = Row(case("gelu"), "time_per_call", None, status=Status.REFUSED, reason="too fast")
    shown = first(read([make_run([*rows, failed])]))
    assert cell(shown, "gelu", 1).text == "–"
    assert cell(shown, "gelu", 1).about == "refused: too fast"
    assert cell(shown, "silu", 0).about == "not part of this run"


def test_errors_are_a_view_of_their_own_over_the_range_that_people_use(make_run: MakeRun) -> None:
    rows = [*unit(), *timed("gelu", 2), Row(case("gelu", dtype="bfloat16"), "max_ulp", 3e5)]
    rows += [Row(case("gelu", dtype="bfloat16"), "max_ulp_near", 1.25)]
    evidence = read([make_run(rows)])
    assert [view.key for view in matrix(evidence).views] == [
        "cost|cache|forward|float32|1 thread",
        "time|cache|forward|float32|1 thread",
        "error||forward|bfloat16|",
    ]
    assert cell(first(evidence, 2), "gelu").text == "1.25"
    assert cell(first(evidence, 1), "gelu").text == "2.00 µs"


def test_places_are_those_that_were_timed(make_run: MakeRun) -> None:
    def places(*sizes: int) -> list[str]:
        rows = [row for size in sizes for row in (*unit(size=size), *timed("gelu", 2, size=size))]
        cells_ = matrix(read([make_run(rows, "-".join(map(str, sizes)))]))
        return [cells_.place(view) for view in cells_.views if view.figure == "cost"]

    assert places(*CLASSES.values()) == [
        "in cache",
        "from memory, into fresh pages",
        "one tiny call",
    ]
    assert places(CLASSES["l1"]) == ["in cache"]
    assert places(CLASSES["last_level"]) == ["in the last-level cache"]
    assert places(64, 1000, 20000) == ["one tiny call", "at 1,000 elements", "at 20,000 elements"]


def test_two_runs_stand_side_by_side_and_cuda_beside_the_cpu(make_run: MakeRun) -> None:
    both = [*unit(), *timed("gelu", 2), *unit(mode="compiled"), *timed("gelu", 3, mode="compiled")]
    gpu = [*unit(device="cuda"), *timed("gelu", 4, device="cuda")]
    evidence = read([make_run(both, "one"), make_run([*both, *gpu], "two")])
    shown = first(evidence)
    heads = [(head.mode, head.label) for head in shown.heads]
    assert heads == [
        ("compiled", "A cpu"), ("compiled", "B cpu"),
        ("eager", "A cpu"), ("eager", "B cpu"), ("eager", "B cuda"),
    ]  # fmt: skip
    assert [head.apart for head in shown.heads] == [False, False, True, False, False]
    assert cell(shown, "gelu", 4).text == "4.00"
    lines = conditions(evidence, matrix(evidence))
    assert [line.split(" · ")[0] for line in lines] == [CHEAPEST, "A: run one", "B: run two"]
    assert "cuda" in lines[2]


@pytest.mark.parametrize(
    ("hosts", "marks"),
    [
        (("n1.example.org", "n2.example.org"), ["n1", "n2"]),
        (("n1-10.0.0.1", "n1-10.0.0.2"), ["n1-10.0.0.1", "n1-10.0.0.2"]),
        (("n1", "n1"), ["A", "B"]),
        (("n1", ""), ["A", "B"]),
    ],
)
def test_hosts_of_a_fleet_stand_side_by_side_by_name(
    make_run: MakeRun, hosts: tuple[str, str], marks: list[str]
) -> None:
    rows = [*unit(), *timed("gelu", 2)]
    runs = [make_run(rows, f"run{at}", host=host) for at, host in enumerate(hosts)]
    evidence = read(runs)
    assert [head.label for head in first(evidence).heads] == marks
    lines = conditions(evidence, matrix(evidence))[1:]
    assert [line.partition(":")[0] for line in lines] == marks
    noun = "run" if marks == ["A", "B"] else "host"
    assert [evidence.label(run) for run in evidence.runs] == [f"{noun} {mark}" for mark in marks]
    alone = read(runs[:1])
    assert [alone.label(run) for run in alone.runs] == [""]


def test_the_unit_is_the_cheapest_relu_where_it_was_chosen(make_run: MakeRun) -> None:
    def said(rows: list[Row], name: str) -> str:
        evidence = read([make_run(rows, name)])
        return conditions(evidence, matrix(evidence))[0]

    dear = [*unit(), *timed("relu", 1.5), *timed("gelu", 2)]
    assert said(dear, "dear").startswith(
        f"{CHEAPEST} · Example CPU, 2 cores · 1 thread · PyTorch 2.13"
    )
    assert said(dear, "again").endswith(" · 31 January 2025")
    own = [*timed("relu", 1.0, 0.0), *timed("relu", 0.5, form="max"), *timed("gelu", 2)]
    evidence = read([make_run(own, "own", blocks=0)])
    assert conditions(evidence, matrix(evidence))[0].startswith(f"{OWN} · "), "an older run"


def test_a_drawer_has_what_is_behind_a_cell(make_run: MakeRun) -> None:
    rows = [*unit(), *timed("gelu", 2), *timed("gelu", 4, form="wide"), *timed("copy", 0.5)]
    rows += [
        Row(case("gelu", size=5000), "max_ulp", 4.0),
        Row(case("gelu"), "arithmetic", 0.25, 0.2, 0.3),
    ]
    evidence = read([make_run(rows)])
    content = drawers(evidence, matrix(evidence))
    drawer = content["drawers"]["gelu@torch-eager|forward|float32"]
    assert drawer["title"] == "gelu, PyTorch eager"
    assert drawer["times"] == [
        [65536, [2000.0, 1990.0, 2010.0], [2.0, 1.99, 2.01], "relu max", "1 thread", "", 1]
    ]
    assert drawer["parts"]["arithmetic"] == [0.25, 0.2, 0.3]
    assert drawer["errors"] == {"max_ulp": 4.0}
    assert [form for form, *_ in drawer["forms"]] == ["native", "wide"]
    assert drawer["command"].startswith("actbench run --framework torch --activation gelu ")
    assert content["sources"][drawer["source"]].endswith("return functional.gelu(x)")
    [floor] = content["floors"][drawer["floor"]]
    assert floor[1] == [500.0, 490.0, 510.0]


def test_drawers_stand_in_the_order_of_the_rows_whatever_the_hashes(make_run: MakeRun) -> None:
    names = ("gelu", "silu", "mish", "elu", "selu", "celu", "tanh", "sigmoid")
    evidence = read([make_run([*unit(), *(row for name in names for row in timed(name, 2))])])
    table = matrix(evidence)
    content = dict.fromkeys(key.partition("@")[0] for key in drawers(evidence, table)["drawers"])
    assert list(content) == [name for group in table.rows.values() for name in group]


def test_sources_are_read_and_nothing_is_imported() -> None:
    assert source("torch", "squareplus(b=0.25)", "textbook").startswith("def squareplus_textbook(")
    assert source("torch", "leaky_relu", "wide").startswith("@_wide(")
    assert source("nowhere", "gelu", "native") == ""
    assert source("torch", "gelu", "gone") == ""


def test_every_mark_has_words() -> None:
    assert all(glyph and words for glyph, words in cells.MARKS.values())


def test_how_long_rows_are_stands_above_their_costs(make_run: MakeRun) -> None:
    rows = [*unit(size=50257), *timed("softmax", 5.0, size=50257)]
    shown = first(read([make_run(list(described(rows)))]))
    headings = [heading for heading, _ in shown.groups]
    assert headings == [GROUPS["max"], f"{GROUPS['rowwise']}, rows of 50,257"]
