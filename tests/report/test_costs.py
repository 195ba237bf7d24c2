"""What exp costs, its parts, the model and the wide forms: planted values, found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from actbench.__main__ import cli
from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import PROFILES as BENCH_PROFILES
from actbench.bench.catalog.cases import Case, Selection, expand
from actbench.bench.results.rows import Against, Cause, Ended, Other, Row, Sampling, Why
from actbench.bench.results.status import Status
from actbench.report.compare import pairs
from actbench.report.page import render
from actbench.report.read.evidence import Estimate
from actbench.report.read.rows import read
from actbench.report.sections import expcost, glance, parts, trust, wide
from actbench.report.tables.tables import all_tables, commands

MakeRun = Callable[..., Path]
Times = dict[str, tuple[float, float, float]]
SIZES = {"launch": 64, "l1": 1024, "between": 8192, "l2": 65536, "last_level": 2**20}
SIZES["memory"] = 2**23


def case_of(name: str, form: str, size: str = "l2", **where: Any) -> Case:
    fields = {"framework": "torch", "mode": "eager", "direction": "forward", "device": "cpu"}
    fields |= {"dtype": "float32", "threads": 1, **where}
    return Case(activation=name, form=form, size=SIZES[size], **fields)


def timed(name: str, form: str, times: Times, **where: Any) -> list[Row]:
    """One form at some size classes: time, low and high; relu is the unit of itself."""
    rows = []
    for size, estimate in times.items():
        case = case_of(name, form, size, **where)
        rows.append(Row(case, "time_per_call", *estimate))
        if name == "relu":
            rows.append(Row(case, "relative_cost", 1.0, 1.0, 1.0))
    return rows


def around(value: float, share: float = 0.01) -> tuple[float, float, float]:
    return value, value * (1 - share), value * (1 + share)


RELU = timed("relu", "native", {size: around(100.0) for size in SIZES})
ALGEBRAIC = timed("softsign", "textbook", {size: around(150.0) for size in SIZES})


# --- what exp costs ---


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 1.05, "same"),
        (1.01, 1.04, "same"),
        (0.94, 1.05, "open"),
        (0.96, 1.06, "open"),
        (1.0, 1.2, "open"),
        (1.01, 1.06, "dearer"),
        (0.90, 0.99, "cheaper"),
        (None, None, "bare"),
    ],
)
def test_a_difference_disappears_only_where_the_interval_says_so(
    low: float | None, high: float | None, expected: str
) -> None:
    assert pairs.kind(Estimate(1.0, low, high)) == expected


def test_a_ratio_is_as_wide_as_both_intervals_allow() -> None:
    assert Estimate(6, 4, 8).over(Estimate(2, 1, 4)) == Estimate(3, 1, 8)
    assert Estimate(1, -2, 4).over(Estimate(2, 1, 4)) == Estimate(0.5, -2, 4)
    assert Estimate(1, -4, -2).over(Estimate(2, 1, 4)) == Estimate(0.5, -4, -0.5)
    assert Estimate(6, 4, 8).over(Estimate(2)) == Estimate(3, None, None)
    assert Estimate(6, 4, 8).over(Estimate(2, 0, 4)) is None
    assert Estimate(6, 4, 8).over(Estimate(-2)) is None


def test_the_sentence_says_where_the_difference_disappears(make_run: MakeRun) -> None:
    """Planted: the same at launch, open at l1, dearer at l2, less at last_level, memory absent."""
    times = {
        "launch": around(101.0),
        "l1": (102.0, 90.0, 110.0),
        "l2": around(300.0),
        "last_level": around(50.0),
    }
    evidence = read([make_run([*RELU, *ALGEBRAIC, *timed("silu", "native", times)])])
    [table] = expcost.tables(evidence)
    [line] = table.lines
    [words] = [text for pair, text in line.words if pair.endswith("against relu [native]")]
    assert words == (
        "The difference disappears (at most 5%) at launch 1.01× (0.990–1.03); "
        "not told apart at l1 1.02× (0.891–1.11); takes longer at l2 3.00× (2.94–3.06); "
        "takes less time at last_level 0.500× (0.490–0.510)."
    )
    assert "memory" not in words
    [against_relu, against_algebraic] = table.tally
    assert "has disappeared (within 5%) at launch in 1 of 1;" in against_relu
    assert "not told apart at l1 in 1 of 1;" in against_relu
    assert "exp takes longer at l2 in 1 of 1" in against_relu
    assert "at no size is the difference shown to have disappeared" in against_algebraic
    totals = dict(zip([size.name for size in table.sizes], line.totals, strict=True))
    assert [entry.kind for entry in totals["launch"]] == ["same", "cheaper"]
    assert totals["memory"] == ()
    assert "between" not in totals
    page = render(evidence)
    assert against_relu in page
    assert "The difference disappears (at most 5%) at launch 1.01× (0.990–1.03)" in page


def test_one_pair_is_followed_through_every_size(make_run: MakeRun) -> None:
    """elu is cheaper at l1 and mish at memory, but silu is the cheapest at l2."""
    every = {"launch": 200.0, "l1": 200.0, "l2": 200.0, "memory": 200.0}
    cheap = {"elu": "l1", "mish": "memory"}
    rows = [*RELU, *timed("silu", "native", {size: around(each) for size, each in every.items()})]
    for name, at in cheap.items():
        times = {size: around(20.0 if size == at else 900.0) for size in every}
        rows += timed(name, "native", times)
    # Faster at l2 than any, but not timed at the other sizes: it cannot be followed.
    rows += timed("silu", "wide", {"l2": around(10.0)})
    [table] = expcost.tables(read([make_run(rows)]))
    [line] = table.lines
    assert line.exp == "silu [native]"
    assert [entry.value for entries in line.totals for entry in entries] == ["2.00×"] * 4
    assert [each.name for each in line.named] == ["silu [native]", "elu [native]"]


def test_the_arithmetic_of_families_and_their_ratio(make_run: MakeRun) -> None:
    l2 = {"l2": around(100.0)}
    rows = [*RELU, *ALGEBRAIC, *timed("silu", "native", l2), *timed("mish", "native", l2)]
    rows += timed("gelu", "native", {"l2": around(90.0)})
    planted = {
        ("relu", "native"): (0.02, -0.01, 0.05),
        ("softsign", "textbook"): (0.1, 0.08, 0.12),
        ("silu", "native"): (0.3, 0.2, 0.4),
        ("gelu", "native"): (0.4, 0.36, 0.48),
        ("mish", "native"): (2.0, 1.9, 2.1),
    }
    rows += [Row(case_of(*key), "arithmetic", *each) for key, each in planted.items()]
    [table] = expcost.tables(read([make_run(rows)]))
    [line] = table.lines
    largest, algebraic, exp, ratios = line.arithmetic
    assert (largest.text, largest.members) == ("0.0200", ("relu [native] -0.0100 to 0.0500",))
    assert algebraic.text == "0.100"
    assert exp.text == "0.300 to 2.00"
    assert exp.members == ("silu [native] 0.200–0.400", "mish [native] 1.90–2.10")
    assert ratios.text == "gelu [native]"
    assert ratios.members == (
        "over relu [native]: at least 7.20×: the interval of relu reaches 0",
        "over softsign [textbook]: 4.00× (3.00–6.00)",
    )
    assert dict(line.words)["arithmetic, ns an element"] == (
        "gelu [native] 0.400 (0.360–0.480); against relu [native] 0.0200 (-0.0100 to 0.0500), "
        "ratio at least 7.20×: the interval of relu reaches 0; against softsign [textbook] "
        "0.100 (0.0800–0.120), ratio 4.00× (3.00–6.00)."
    )


def test_no_ratio_of_arithmetic_where_either_may_be_nothing(make_run: MakeRun) -> None:
    rows = [*RELU, *timed("silu", "native", {"l2": around(100.0)})]
    rows.append(Row(case_of("relu", "native"), "arithmetic", 0.02, -0.01, 0.05))
    rows.append(Row(case_of("silu", "native"), "arithmetic", 0.02, -0.01, 0.05))
    [table] = expcost.tables(read([make_run(rows)]))
    assert "no ratio: the interval of relu reaches 0" in table.lines[0].arithmetic[-1].members[0]


@pytest.mark.parametrize("kept", ["exp", "algebraic", "relu", "exp and relu", "one size", "bare"])
def test_a_page_of_what_is_there(make_run: MakeRun, kept: str) -> None:
    """Whatever is missing, the page stands and claims nothing about it."""
    exp = timed("gelu", "native", {size: around(200.0) for size in SIZES})
    rows = {
        "exp": exp,
        "algebraic": ALGEBRAIC,
        "relu": RELU,
        "exp and relu": [*exp, *RELU],
        "one size": [row for row in [*exp, *RELU] if row.case.size == SIZES["memory"]],
        "bare": [replace(row, low=None, high=None) for row in [*exp, *RELU]],
    }[kept]
    evidence = read([make_run(rows)])
    tables = expcost.tables(evidence)
    page = render(evidence)
    if kept in ("exp", "algebraic", "relu"):
        assert tables == ()
        assert "no exp activation was timed beside relu" in page
        return
    [line] = tables[0].lines
    kinds = {entry.kind for entries in line.totals for entry in entries}
    assert kinds == ({"bare"} if kept == "bare" else {"dearer"})
    assert len(tables[0].sizes) == (1 if kept == "one size" else 5)
    assert len(tables[0].tally) == 1
    assert ("disappear" in dict(line.words)["gelu [native] against relu [native]"]) is False
    assert line.arithmetic[1].text == "not measured"


def test_sizes_that_are_no_class_go_by_their_elements(make_run: MakeRun) -> None:
    rows = [
        replace(row, case=replace(row.case, size=1000, device="cuda"))
        for row in [*RELU, *timed("gelu", "native", {"l2": around(200.0)})]
        if row.case.size == 65536
    ]
    evidence = read([make_run(rows)])
    [table] = expcost.tables(evidence)
    assert table.sizes == (pairs.Size("", 1000),)
    assert "exp takes longer at 1,000 elements in 1 of 1" in table.tally[0]
    assert "cuda" in table.heading


@pytest.mark.parametrize("other", [{"output": "reused"}, {"cache": "cold"}])
def test_reused_and_cold_cases_are_in_no_pair(make_run: MakeRun, other: dict[str, str]) -> None:
    rows = [*RELU, *timed("gelu", "native", {"l2": around(200.0)})]
    rows += timed("gelu", "native", {"l2": around(1.0), "memory": around(1.0)}, **other)
    rows += timed("gelu", "wide", {"l2": around(1.0)}, **other)
    rows += timed("relu", "native", {"l2": around(1.0), "memory": around(1.0)}, **other)
    evidence = read([make_run(rows)])
    [table] = expcost.tables(evidence)
    found = [entry.value for entries in table.lines[0].totals for entry in entries]
    assert found == ["2.00×"]
    assert wide.pivots(evidence) == []


def test_primitives_are_no_exp_activation(make_run: MakeRun) -> None:
    l2 = {"l2": around(100.0)}
    rows = [*timed("relu", "native", l2), *timed("gelu", "native", l2)]
    rows += timed("exp", "native", {size: around(1.0) for size in SIZES})
    [table] = expcost.tables(read([make_run(rows)]))
    assert [size.name for size in table.sizes] == ["l2"]
    assert table.lines[0].exp == "gelu [native]"
    assert table.lines[0].arithmetic[2].text == "not measured"


def test_the_command_line_says_what_the_page_says_first(runs: dict[str, Path]) -> None:
    told = CliRunner().invoke(cli, ["report", str(runs["split"])]).stdout
    evidence = read([runs["split"]])
    said = [*glance.headlines(evidence), *glance.verdict(evidence)]
    assert len(said) == 4
    assert told.splitlines()[:4] == said
    [table, *_] = expcost.tables(evidence)
    assert "has disappeared (within 5%) at launch in 2 of 2" in table.tally[0]


def test_every_run_and_device_says_its_own(make_run: MakeRun) -> None:
    rows = [*RELU, *timed("gelu", "native", {"l2": around(200.0)})]
    other = [replace(row, case=replace(row.case, device="cuda")) for row in rows]
    back = [replace(row, case=replace(row.case, direction="backward")) for row in rows]
    evidence = read([make_run([*back, *rows, *other])])
    tables = expcost.tables(evidence)
    assert [table.first for table in tables] == [True, False, True]
    assert [line.split(":")[0] for line in expcost.headlines(evidence)] == [
        "Forward, float32, cpu, 1 thread",
        "Forward, float32, cuda, 1 thread",
    ]


# --- the parts ---


def column(table: dict[str, Any], key: str) -> list[Any]:
    [at] = [place for place, each in enumerate(table["columns"]) if each["key"] == key]
    words = table["columns"][at].get("words")
    cells = [row[at] for row in table["rows"]]
    return [words[cell] for cell in cells] if words else cells


def options_of(command: str) -> dict[str, list[str]]:
    """The options of a command line, each with all of its values."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"--(\w+) '?([\w.]+)'?", command):
        found.setdefault(key, []).append(value)
    return found


def command(tables: dict[str, Any], name: str, row: int) -> str:
    """The command that the page's script makes of a row."""
    keys = [each["key"] for each in tables[name]["columns"]]
    fields = {key: str(column(tables[name], key)[row]) for key in keys}
    return re.sub(r"\{(\w+)\}", lambda found: fields.get(found[1], "?"), commands()[name])


def test_parts_are_in_the_table_with_their_intervals(runs: dict[str, Path]) -> None:
    table = all_tables(read([runs["split"]]))["parts"]
    at = column(table, "activation").index("mish")
    assert column(table, "arithmetic")[at] == [1.96, 1.95, 1.97]
    assert column(table, "launch")[at] == [10000.0, 9000.0, 11000.0]
    assert column(table, "allocation")[at] == [1.5, 1.4, 1.6]
    assert column(table, "predicted")[at] == [0.5, None, None]
    [fit] = [each for each in table["columns"] if each["key"] == "fit"]
    assert fit["limit"] == 0.1


def test_the_command_of_a_split_measures_every_size_and_part(runs: dict[str, Path]) -> None:
    tables = all_tables(read([runs["split"]]))
    row = column(tables["parts"], "activation").index("mish")
    text = command(tables, "parts", row)
    found = options_of(text)
    assert "?" not in text
    assert found["size"] == ["launch", "l1", "between", "l2", "last_level", "memory"]
    assert found["activation"][0] == "mish"
    assert {"exp", "log1p", "tanh"} < set(found["activation"])
    assert found["output"] == ["fresh"]
    assert found["framework"] == ["torch"]
    # The harness understands it, and measures what the row was made from.
    asked = Selection(
        **{
            f"{key}s" if key != "threads" else key: tuple(
                map(int, values) if key == "threads" else values
            )
            for key, values in found.items()
        }
    )
    measured = {(each.activation, each.form) for each in expand(BENCH_PROFILES["standard"], asked)}
    assert {("mish", "native"), ("exp", "native"), ("tanh", "native")} <= measured


@pytest.mark.parametrize(
    ("other", "frameworks", "modes"),
    [
        (Against(Other.FRAMEWORK, "torch"), ["jax", "torch"], ["eager"]),
        (Against(Other.MODE, "compiled"), ["jax"], ["eager", "compiled"]),
        (Against(Other.TAIL), ["jax"], ["eager"]),
        (Against(Other.VARIANT, "onednn=0"), ["jax"], ["eager"]),
    ],
)
def test_the_command_of_a_comparison_measures_both_sides(
    make_run: MakeRun, other: Against, frameworks: list[str], modes: list[str]
) -> None:
    case = case_of("gelu", "native", framework="jax")
    rows = [Row(case, "max_ulp_between", 1.0), Row(case, "equal_bits", 0.5)]
    tables = all_tables(read([make_run([replace(each, against=other) for each in rows])]))
    found = options_of(command(tables, "between", 0))
    assert found["framework"] == frameworks
    assert found["mode"] == modes
    assert found["only"] == ["agreement"]
    assert "size" not in found


@pytest.mark.parametrize(
    ("dtype", "size", "start"),
    [
        ("float32", 2**32, "actbench agree --exhaustive --framework torch "),
        ("float32", 7000, "actbench run --only agreement --framework torch "),
        ("float16", 2**16, "actbench run --only agreement --framework torch "),
    ],
)
def test_the_command_of_a_check_tries_as_many_inputs(
    make_run: MakeRun, dtype: str, size: int, start: str
) -> None:
    case = replace(case_of("gelu", "native", dtype=dtype), size=size)
    text = command(all_tables(read([make_run([Row(case, "max_ulp", 1.0)])])), "accuracy", 0)
    assert text.startswith(start)
    assert "?" not in text


def test_the_command_of_a_failed_check_has_no_gap() -> None:
    text = commands()["exactness"]
    assert text.endswith("--only agreement")
    assert "{options}" not in text


def test_a_reused_output_is_measured_again_as_well(make_run: MakeRun) -> None:
    rows = timed("gelu", "native", {"l1": around(1.0), "l2": around(2.0), "memory": around(9.0)})
    rows += timed("gelu", "native", {"memory": around(5.0)}, output="reused")
    rows.append(Row(case_of("gelu", "native", "memory"), "memory", 0.3, 0.2, 0.4))
    tables = all_tables(read([make_run(rows)]))
    assert options_of(command(tables, "parts", 0)) == {
        "framework": ["torch"],
        "activation": ["gelu"],
        "form": ["native"],
        "mode": ["eager"],
        "direction": ["forward"],
        "device": ["cpu"],
        "dtype": ["float32"],
        "threads": ["1"],
        "cache": ["warm"],
        "size": ["l1", "l2", "memory"],
        "output": ["fresh", "reused"],
    }


def test_parts_that_a_framework_has_only_written_out_are_measured_so(make_run: MakeRun) -> None:
    """NumPy has no erf of its own: its form has to be asked for beside gelu's."""
    rows = timed("gelu", "wide", {"l1": around(1.0), "l2": around(2.0)}, framework="numpy")
    case = case_of("gelu", "wide", framework="numpy")
    rows.append(
        Row(case, "predicted_arithmetic", 0.3, operations={"add": 1, "multiply": 3, "erf": 1})
    )
    found = options_of(command(all_tables(read([make_run(rows)])), "parts", 0))
    assert "erf" in found["activation"]
    assert found["form"] == ["wide", "native", *CATALOG["erf"].forms[:1]]


def test_lines_that_do_not_fit_are_counted_and_the_worst_error_is_kept(
    runs: dict[str, Path], make_run: MakeRun
) -> None:
    told = parts.fit_sentence(read([runs["split"]]))
    assert told.startswith("14 of 14 lines were tested at a size")
    assert ": 1 line missed it by more than 10%" in told
    rows = [
        Row(case_of("gelu", "native", "between"), "fit_error", 0.02, 0.01, 0.03),
        Row(replace(case_of("gelu", "native"), size=4096), "fit_error", -0.3, -0.4, -0.2),
        Row(replace(case_of("gelu", "native"), size=2048), "fit_error", 0.05, 0.01, 0.06),
    ]
    # A line, and a case at sizes too near to each other for one: no line was there to test.
    rows.append(Row(case_of("gelu", "native", "launch"), "launch", 10.0, 9.0, 11.0))
    none = Row(case_of("elu", "native", "l1"), "launch", None, status=Status.UNSUPPORTED)
    evidence = read([make_run([*rows, none])])
    assert parts.fit_sentence(evidence).startswith("1 of 1 line ")
    assert evidence.splits[0].parts["fit_error"].size == 4096
    assert parts.poor_fit(evidence.splits[0])


def test_why_parts_are_missing_stands_in_the_row(make_run: MakeRun) -> None:
    case = case_of("gelu", "native")
    reason = "no copy was measured beside it: add --activation copy"
    cause = Cause(Why.NO_COPY, ("copy",))
    rows = [
        Row(case, "launch", 10.0, 9.0, 11.0),
        Row(case, "arithmetic", None, status=Status.UNSUPPORTED, cause=cause),
    ]
    table = all_tables(read([make_run(rows)]))["parts"]
    assert column(table, "note") == [f"arithmetic: {reason}"]


def test_parts_are_drawn_for_each_framework_and_mode(runs: dict[str, Path]) -> None:
    evidence = read([runs["split"]])
    [figure] = parts.figures(evidence)
    assert [panel.label.split(":")[0] for panel in figure.panels] == [
        "JAX, compiled",
        "PyTorch, eager",
    ]
    assert "mish 1.96" in figure.panels[0].label
    assert "copy" not in figure.panels[0].label
    colours = ("copy-floor", "arithmetic", "memory", "allocation", "launch", "handoff")
    assert all(f"var(--{name})" in figure.panels[0].svg for name in colours)
    assert "not measured" not in figure.panels[0].svg


def test_parts_that_were_not_measured_are_said_to_be_so(make_run: MakeRun) -> None:
    rows = [
        Row(case_of("gelu", "native"), "arithmetic", -0.1, -0.2, 0.1),
        Row(case_of("gelu", "native"), "copy_floor", 0.05, 0.04, 0.06),
    ]
    [figure] = parts.figures(read([make_run(rows)]))
    assert figure.panels[0].svg.count("not measured") == 2


# --- the model ---


def test_predictions_are_counted_and_surprises_listed_with_their_cause(
    runs: dict[str, Path],
) -> None:
    evidence = read([runs["split"]])
    [sentence] = parts.model_sentences(evidence)
    assert sentence == (
        "PyTorch, eager: 1 of 2 predictions not shown to be more than 25% off; "
        "1 surprise: branch (1)."
    )
    table = all_tables(evidence)["surprises"]
    assert column(table, "activation") == ["mish"]
    assert column(table, "surprise") == [[3.7, 3.6, 3.8]]
    assert column(table, "cause") == ["branch"]
    assert column(table, "detail") == [
        "branch: sorted inputs take 20% of the time, so it mispredicts"
    ]
    [figure] = parts.model_figures(evidence)
    assert "silu native 0.290 and 0.300" in figure.panels[0].label
    assert "mish native 0.540 and 2.00" in figure.panels[0].label


def test_the_farthest_surprise_comes_first_in_either_direction(make_run: MakeRun) -> None:
    planted = {"gelu": 1.5, "silu": 0.1, "mish": 4.0}
    rows = [Row(case_of(name, "native"), "surprise", v, v, v) for name, v in planted.items()]
    table = all_tables(read([make_run(rows)]))["surprises"]
    assert column(table, "activation") == ["silu", "mish", "gelu"]


def test_primitives_have_a_table_of_their_own(make_run: MakeRun) -> None:
    rows = [
        Row(case_of("exp", "native"), "arithmetic", 0.25, 0.24, 0.26),
        Row(case_of("copy", "native"), "arithmetic", 0.0, -0.01, 0.01),
        Row(case_of("copy", "native"), "copy_floor", 0.05, 0.04, 0.06),
        Row(case_of("tanh", "native"), "arithmetic", 0.5, 0.4, 0.6),
        Row(case_of("gelu", "native"), "arithmetic", 0.7, 0.6, 0.8),
        Row(case_of("erf", "textbook"), "arithmetic", 9.0, 9.0, 9.0),
    ]
    rows.append(Row(case_of("exp", "native", framework="jax"), "arithmetic", 0.3, 0.2, 0.4))
    [pivot] = parts.primitives(read([make_run(rows)]))
    assert pivot.columns == ("JAX, eager", "PyTorch, eager")
    found = {name: [cell.text for cell in cells] for name, _, cells in pivot.rows}
    assert found == {
        "tanh": ["not measured", "0.500"],
        "copy": ["not measured", "0.0500"],
        "exp": ["0.300", "0.250"],
    }


# --- what correctness costs ---


def test_the_wide_form_beside_the_plain_one(make_run: MakeRun) -> None:
    rows = [*RELU, *timed("softplus", "native", {"l2": (100.0, 80.0, 125.0)})]
    rows += timed("softplus", "wide", {"l2": (200.0, 190.0, 250.0), "l1": around(1.0)})
    rows += timed("softplus", "textbook", {"l2": around(1.0)})
    rows += timed("squareplus", "textbook", {"l2": around(10.0)})
    rows += timed("squareplus", "wide", {"l2": around(30.0)})
    rows += timed("gelu", "wide", {"l2": around(30.0)})
    for name, form, ulp, flushed in (
        ("softplus", "wide", 1e6, 0.6),
        ("softplus", "native", 1.2, 1.2),
        ("squareplus", "wide", 0.5, 0.5),
    ):
        rows.append(Row(case_of(name, form), "max_ulp", ulp))
        rows.append(Row(case_of(name, form), "max_ulp_flushed", flushed))
    [pivot] = wide.pivots(read([make_run(rows)]))
    assert pivot.heading.endswith("1 thread, l2 (65,536 elements)")
    found = {name: cells for name, _, cells in pivot.rows}
    assert set(found) == {"softplus", "squareplus"}
    [cell] = found["softplus"]
    assert cell.text == "2.00×"
    assert cell.members == ("1.52–3.12 [native]", "0.600 against 1.20 ulp")
    assert found["squareplus"][0].members[1] == "0.500 ulp, only wide checked"


# --- trust ---


def test_what_was_refused_or_failed_comes_before_what_does_not_exist(make_run: MakeRun) -> None:
    statuses = ("unsupported", "error", "refused", "unsupported", "oom")
    names = ("relu", "gelu", "silu", "elu", "mish")
    rows = [
        Row(case_of(name, "native"), "time_per_call", None, status=status)
        for name, status in zip(names, statuses, strict=True)
    ]
    table = all_tables(read([make_run(rows)]))["missing"]
    assert column(table, "status") == ["refused", "error", "oom", "unsupported", "unsupported"]


def test_how_sampling_ended_is_counted(make_run: MakeRun) -> None:
    ends = {Ended.NARROW: 3, Ended.DIFFER: 2, Ended.BUDGET: 1}
    names = iter(["relu", "gelu", "silu", "elu", "mish", "tanh"])
    rows = [
        Row(case_of(next(names), "native"), "time_per_call", 1.0, sampling=Sampling(2, 9, 0, end))
        for end, amount in ends.items()
        for _ in range(amount)
    ]
    evidence = read([make_run(rows, spoilt_samples=0)])
    [(_, told)] = trust.state(evidence)
    line = " ".join(text for _, text in told)
    assert (
        "3 of 6 intervals reached ±2%, 2 stayed wider because processes differ and "
        "1 stayed wider when the budget ended" in line
    )
    assert "0.031 s of it a case" in line
    assert "412 s of compiling, all processes together" in line
    assert "0 samples preempted or beside a slow clock." in line


def test_refused_cases_stand_on_top(runs: dict[str, Path]) -> None:
    evidence = read([runs["split"]])
    [refusal] = trust.refusals(evidence)
    assert "refused 1 case, whose times would mislead: returns before its work is done" in refusal
    assert "JAX gelu native compiled forward (float32, 4,194,304 elements (2^22))" in refusal
    page = render(evidence)
    assert page.index(refusal) < page.index('class="trust"')
    told = dict(trust.state(evidence)[0][1])
    assert "1 REFUSED, 0 failed" in told["Measured"]
    assert told["Checks"].endswith("; 1 case REFUSED.")
    assert column(all_tables(evidence)["missing"], "status") == ["refused"]
    assert trust.refusals(read([runs["failing"]])) == []
