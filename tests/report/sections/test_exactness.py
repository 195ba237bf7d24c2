"""Exactness and findings: what a designer can use first, and each finding in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from actbench.bench.exactness.findings import findings
from actbench.bench.results.rows import Point, Row
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections import exactness

from ..conftest import split_case
from ..sentences import is_short

MakeRun = Callable[..., Path]
GELU = split_case("gelu", size=5000)
FAR = Point("0x1p+10", got=float("nan"), exact=1024.0)
NEAR = Point("-0x1.8p+2", got=-0.5, exact=-1e-8)


def test_errors_are_those_near_0_where_a_run_has_them(make_run: MakeRun) -> None:
    evidence = read(
        [make_run([Row(GELU, "max_ulp", 1e9), Row(replace(GELU, mode="compiled"), "max_ulp", 2.0)])]
    )
    [table] = exactness.pivots(evidence)
    assert table.heading == "Largest error, ulp: forward, float32, cpu"
    assert table.columns == ["PyTorch compiled", "PyTorch eager"]
    [(name, _, cells)] = table.rows
    assert (name, [cell.text for cell in cells]) == ("GELU", ["2.00", "1.00e9"])
    near = {
        "max_ulp_near": 3.0,
        "median_ulp_near": 0.25,
        "max_absolute_near": 1e-7,
        "trouble_outside": 2.0,
    }
    later = replace(evidence.checked[0], figures={**evidence.checked[0].figures, **near})
    [table] = exactness.pivots(replace(evidence, checked=[later]))
    assert table.heading.startswith("Largest error over [−20, 20], ulp; below it the median")
    [cell] = table.rows[0][2]
    assert (cell.text, cell.lines) == ("3.00", ("0.250", "1.00e-7 absolute", "✗ outside"))


def test_float32_forward_comes_first(make_run: MakeRun) -> None:
    cases = [
        replace(GELU, direction="backward"),
        replace(GELU, dtype="bfloat16"),
        GELU,
    ]
    tables = exactness.pivots(read([make_run([Row(case, "max_ulp", 1.0) for case in cases])]))
    assert [table.heading.split(": ")[1] for table in tables] == [
        "forward, float32, cpu",
        "backward, float32, cpu",
        "forward, bfloat16, cpu",
    ]


def test_native_functions_that_stray_are_counted(evidence: dict[str, Evidence]) -> None:
    of_run = exactness.sentences(evidence["normal"])
    assert all(map(is_short, of_run))
    strays = [
        check
        for check in evidence["normal"].checked
        if (check.case.framework, check.case.mode, check.case.form, check.case.direction)
        == ("jax", "compiled", "native", "forward")
    ]
    amount = sum(check.max_ulp > 4 for check in strays)
    assert (
        f"JAX compiled: {amount} native functions of {len(strays)} stray by more than four ulp in "
        "float32." in of_run
    )


def test_a_finding_is_one_line(make_run: MakeRun) -> None:
    rows = [
        Row(GELU, "max_ulp", 1e6, worst=NEAR),
        Row(replace(GELU, mode="compiled"), "max_ulp", 1e6, worst=NEAR),
    ]
    [finding] = findings(read([make_run(rows)]).runs["run"])
    assert exactness.line(finding) == (
        "PyTorch GELU native forward, float32 eager and 1 more: f(-6.00) = -0.500, exactly -1.00e-8"
    )


def test_what_is_near_comes_before_what_is_graver(make_run: MakeRun) -> None:
    rows = [
        Row(replace(GELU, activation="silu"), "max_ulp", float("inf"), worst=FAR),
        Row(GELU, "max_ulp", 1e6, worst=NEAR),
    ]
    content = exactness.content(read([make_run(rows)]))
    assert content
    [group] = content["groups"]
    assert [line.split()[1] for line, _ in group.lines] == ["GELU", "SiLU"]
    assert group.lines[1][0].endswith("f(1,020) = NaN, exactly 1,020.")
    assert all(lines for _, lines in group.lines)


def test_a_published_run_has_every_finding_counted(published: Evidence) -> None:
    content = exactness.content(published)
    assert content
    total = sum(map(len, published.findings.values()))
    shown = sum(len(group.shown) + group.rest for group in content["groups"])
    assert shown == total > 100
    assert f"{total} findings" in exactness.SUMMARY(published)
    lines = [line for group in content["groups"] for line, _ in group.lines]
    assert all(len(line.split()) <= 25 for line in lines), max(lines, key=len)


def test_without_a_check_there_is_no_section(make_run: MakeRun) -> None:
    assert exactness.content(read([make_run([])])) is None
