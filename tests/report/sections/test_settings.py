"""Every setting: each figure of the table is computed again here, from the rows alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.results.rows import Row
from actbench.bench.results.store import load
from actbench.report.compare.families import CHOICES
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections.settings import content, pivots
from actbench.report.tables.pivot import Cell
from actbench.report.words import number

from .conftest import RELU, cost_rows

MakeRun = Callable[..., Path]
Cells = dict[str, Cell]
SETTING = ["framework", "mode", "direction", "device", "dtype", "size", "threads"]
SETTING += ["output", "cache"]
TITLES = {"jax": "JAX", "numpy": "NumPy", "tensorflow": "TensorFlow", "torch": "PyTorch"}


def fastest(path: Path) -> pandas.DataFrame:
    """Each element-wise activation's cheapest form, setting by setting, from the rows."""
    rows = load(path).rows
    rows = rows[(rows.metric == "relative_cost") & (rows.status == "ok")].copy()
    rows["family"] = [CATALOG[name].family for name in rows.activation]
    rows = rows[[not CATALOG[name].rowwise for name in rows.activation]]
    return rows.loc[rows.groupby([*SETTING, "activation"]).value.idxmin()]


def table(evidence: Evidence, choice: str = "fastest") -> dict[tuple[str, str, str], Cells]:
    """The cells of every row by setting, conditions and size, under the titles of their columns."""
    at = [option.name for option in CHOICES].index(choice)
    pivot = pivots(evidence)[at]
    tabled = {}
    for who, below, cells in pivot.rows:
        named = dict(zip(pivot.columns, cells, strict=True))
        tabled[who, below, named["Size"].text] = named
    return tabled


def only(evidence: Evidence, choice: str = "fastest") -> Cells:
    [cells] = table(evidence, choice).values()
    return cells


def test_the_verdicts_count_what_the_rows_show(
    runs: dict[str, Path], evidence: dict[str, Evidence]
) -> None:
    shown = table(evidence["normal"])
    checked = 0
    for (framework, mode, direction, *_, size, _, _, _), group in fastest(runs["normal"]).groupby(
        SETTING
    ):
        key = (f"{TITLES[framework]} {mode}", f"{direction}, float32, cpu, 1 thread", f"{size:,}")
        algebraic = group[group.family == "algebraic"].sort_values("value").iloc[0]
        exp = group[group.family == "exp"]
        cell = shown[key]["Algebraic against exp"]
        less = int((exp.low > algebraic.high * 1.001).sum())
        count = re.search(r"(?<!in )less in (\d+)", cell.text)
        assert (int(count[1]) if count else 0) == less, key
        assert cell.lines == (f"{algebraic.activation} [{algebraic.form}], of {len(exp)}",) or (
            "†" in cell.lines[0]
        )
        checked += 1
    assert checked == len(shown)


def test_ranges_of_a_setting_are_those_of_the_rows(
    runs: dict[str, Path], evidence: dict[str, Evidence]
) -> None:
    words = "forward, float32, cpu, 1 thread"
    cells = table(evidence["normal"])["PyTorch compiled", words, "65,536"]
    chosen = fastest(runs["normal"]).query(
        "framework == 'torch' and mode == 'compiled' and direction == 'forward' and size == 65536"
    )
    for family in ("exp", "algebraic"):
        members = chosen[chosen.family == family].sort_values("value")
        for row, line in zip((members.iloc[0], members.iloc[-1]), cells[family].lines, strict=True):
            ends = f"{number(row.low)}–{number(row.high)}"
            assert line.replace("†", "") == f"{row.activation} [{row.form}] {ends}"
            assert f"{number(row.value)}×" in cells[family].text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (2.0, 2.2, "less in 1"),
        (0.5, 0.6, "longer in 1"),
        (1.15, 1.4, "not distinguished in 1"),
        (1.2, 1.4, "not distinguished in 1"),
    ],
)
def test_only_intervals_that_do_not_touch_are_distinguished(
    make_run: MakeRun, low: float, high: float, expected: str
) -> None:
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)]
    rows += cost_rows("gelu", (low + high) / 2, low, high)
    assert only(read([make_run(rows)]))["Algebraic against exp"].text == expected


def test_without_an_interval_nothing_is_distinguished(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)]
    bare = [Row(row.case, row.metric, row.value) for row in cost_rows("gelu", 9.0, 9.0, 9.0)]
    cells = only(read([make_run([*rows, *bare])]))
    assert cells["Algebraic against exp"].text == "without an interval in 1"
    assert cells["exp"].lines == ("gelu [wide] no interval",)


def test_a_missing_family_and_a_missing_unit_are_not_measured(
    make_run: MakeRun, evidence: dict[str, Evidence]
) -> None:
    cells = only(read([make_run([*RELU, *cost_rows("gelu", 3, 2.9, 3.1)])]))
    assert cells["algebraic"].text == "not measured"
    assert cells["Algebraic against exp"].text == "not measured"
    assert cells["max"].text == "relu alone, the unit"
    assert only(evidence["single"])["relu, ns per element"].text == "not measured"


def test_row_wise_activations_and_primitives_are_in_no_family(make_run: MakeRun) -> None:
    """The cheapest of all is no rival; tanh, which is an activation as well, stays one."""
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2), *cost_rows("tanh", 3, 2.9, 3.1)]
    rows += [*cost_rows("copy", 0.1, 0.1, 0.1, form="native"), *cost_rows("exp", 99, 98, 100)]
    rows += cost_rows("softmax", 99, 98, 100)
    evidence = read([make_run(rows)])
    cells = only(evidence)
    assert cells["exp"].lines == ("tanh [wide] 2.90–3.10",)
    assert cells["algebraic"].lines == ("squareplus [wide] 1.00–1.20",)
    assert content(evidence)["rowwise"] == ["softmax"]


def test_a_form_far_from_exact_is_marked_and_not_sound(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("gelu", 3, 2.9, 3.1)]
    rows += cost_rows("squareplus", 1.1, 1.0, 1.2, form="textbook")
    rows += cost_rows("squareplus", 4.0, 3.9, 4.1)
    checked = [(rows[2].case, 1000.0), (rows[4].case, 1001.0), (rows[6].case, 0.6)]
    rows += [Row(case, "max_ulp", ulp) for case, ulp in checked]
    evidence = read([make_run(rows)])
    assert only(evidence)["algebraic"].lines == ("squareplus [textbook]† 1.00–1.20",)
    assert only(evidence)["Algebraic against exp"].text == "less in 1"
    assert only(evidence, "sound")["Algebraic against exp"].text == "longer in 1"


def test_ways_of_choosing_choose_their_forms(evidence: dict[str, Evidence]) -> None:
    for choice in CHOICES:
        rows = table(evidence["normal"], choice.name).values()
        texts = [line for row in rows for name in ("exp", "max") for line in row[name].lines]
        assert texts
        assert all("[native]" in line for line in texts) or choice.name != "native"
        assert not any("[native]" in line for line in texts) or choice.name != "written"
        assert not any("†" in line for line in texts) or choice.name != "sound"


def test_relu_itself_is_the_unit_and_other_forms_of_it_are_not(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("gelu", 3, 2.9, 3.1), *cost_rows("relu", 0.8, 0.7, 0.9, form="abs")]
    assert only(read([make_run(rows)]))["max"].lines == ("relu [abs] 0.700–0.900",)


def test_runs_are_never_compared_with_each_other(make_run: MakeRun) -> None:
    one = make_run([*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)], "one")
    two = make_run([*RELU, *cost_rows("gelu", 9, 8.9, 9.1)], "two")
    shown = table(read([one, two]))
    assert [below[-7:] for _, below, _ in shown] == ["run one", "run two"]
    assert {row["Algebraic against exp"].text for row in shown.values()} == {"not measured"}


@pytest.mark.parametrize("other", [{"output": "reused"}, {"cache": "cold"}])
def test_only_cases_with_the_same_output_and_cache_are_compared(
    make_run: MakeRun, other: dict[str, str]
) -> None:
    """Planted: reused and cold cases that are far cheaper, which stand in a row of their own."""
    rows = [*RELU, *cost_rows("squareplus", 5, 4.9, 5.1), *cost_rows("gelu", 3, 2.9, 3.1)]
    rows += cost_rows("squareplus", 0.01, 0.01, 0.01, **other)
    rows += [*cost_rows("relu", 1, 1, 1, form="native", **other)]
    rows += cost_rows("gelu", 3, 2.9, 3.1, **other)
    usual, apart = table(read([make_run(rows)])).items()
    assert usual[1]["Algebraic against exp"].text == "longer in 1"
    assert "0.0100" not in str(usual)
    assert next(iter(other.values())) in apart[0][1]
    assert "0.0100" in apart[1]["algebraic"].text
    assert apart[1]["Algebraic against exp"].text == "less in 1"
