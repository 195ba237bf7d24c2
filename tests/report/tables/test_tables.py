"""The tables: every cell is that of a row, and every command measures its row again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.rows import Against, Ended, Other, Row, Sampling
from actbench.bench.results.status import Status
from actbench.bench.results.store import load
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.tables.tables import all_tables

from ..conftest import split_case, timing_rows

MakeRun = Callable[..., Path]
Table = dict[str, Any]


def column(table: Table, key: str) -> list[Any]:
    [at] = [index for index, header in enumerate(table["columns"]) if header["key"] == key]
    words = table["columns"][at].get("words")
    cells = [row[at] for row in table["rows"]]
    return [words[cell] for cell in cells] if words else cells


def options_of(command: str) -> dict[str, list[str]]:
    """The options of a command line, each with all of its values."""
    options: dict[str, list[str]] = {}
    words = [word for word in shlex.split(command) if word != "--exhaustive"]
    for key, value in zip(words[2::2], words[3::2], strict=True):
        options.setdefault(key.removeprefix("--"), []).append(value)
    return options


def test_values_in_the_data_are_those_of_the_rows(
    runs: dict[str, Path], evidence: dict[str, Evidence]
) -> None:
    table = all_tables(evidence["normal"])["timings"]
    rows = load(runs["normal"]).rows
    costs = rows[(rows.metric == "relative_cost") & (rows.status == "ok")]
    shown = [cell[0] for cell in column(table, "cost")]
    assert shown == pytest.approx(costs.value.tolist(), rel=1e-5)
    assert "inf" in column(table, "ulp")


def test_counts_are_kept_to_the_last_digit(make_run: MakeRun) -> None:
    """A sweep over 2^32 inputs counts more than six digits, and the page shows every digit."""
    case = split_case("gelu", size=2**32)
    rows = [Row(case, "max_ulp", 1.0), Row(case, "not_correctly_rounded", 196_294_207.0)]
    table = all_tables(read([make_run(rows)]))["accuracy"]
    assert column(table, "rounding") == [196_294_207]


def test_a_count_without_end_is_shown_as_one(make_run: MakeRun) -> None:
    case = split_case("gelu", size=5000)
    counts = ("nan_mismatches", "not_correctly_rounded")
    rows = [Row(case, "max_ulp", 1.0), *(Row(case, name, float("inf")) for name in counts)]
    table = all_tables(read([make_run(rows)]))["accuracy"]
    assert [column(table, name) for name in ("nan", "rounding")] == [["inf"], ["inf"]]


def test_why_sampling_ended_is_a_column_of_its_own(make_run: MakeRun) -> None:
    ends = {
        "relu": Sampling(1, 9, 0, Ended.NARROW),
        "elu": Sampling(2, 8, 1, Ended.DIFFER),
        "silu": Sampling(1, 3, 0, Ended.BUDGET),
        "gelu": None,
    }
    rows = [
        Row(split_case(name), "time_per_call", 1.0, 0.9, 1.1, sampling=sampling)
        for name, sampling in ends.items()
    ]
    table = all_tables(read([make_run(rows)]))["timings"]
    assert column(table, "ended") == ["narrow enough", "processes differ", "the budget ended", ""]
    assert column(table, "samples")[0] == "9 samples in 1 process"


def test_what_was_refused_or_failed_comes_before_what_does_not_exist(make_run: MakeRun) -> None:
    statuses = ("unsupported", "error", "refused", "unsupported", "oom")
    names = ("relu", "gelu", "silu", "elu", "mish")
    rows = [
        Row(split_case(name), "time_per_call", None, status=Status(status))
        for name, status in zip(names, statuses, strict=True)
    ]
    table = all_tables(read([make_run(rows)]))["missing"]
    assert column(table, "status") == ["refused", "error", "oom", "unsupported", "unsupported"]


# --- commands -------------------------------------------------------------------------------------


def test_no_command_for_names_that_would_break_out_of_it(
    evidence: dict[str, Evidence], hostile_text: str
) -> None:
    tables = all_tables(evidence["hostile"])
    for name in ("timings", "parts"):
        commands = column(tables[name], "command")
        assert {bool(command) for command in commands} == {True, False}
        safe = [
            activation
            for activation, command in zip(
                column(tables[name], "activation"), commands, strict=True
            )
            if command
        ]
        assert set(safe) <= {"relu", "gelu"}
        assert not any(hostile_text in command or "touch" in command for command in commands)


@pytest.mark.parametrize(
    ("against", "frameworks", "modes"),
    [
        (Against(Other.FRAMEWORK, "torch"), ["jax", "torch"], ["eager"]),
        (Against(Other.MODE, "compiled"), ["jax"], ["eager", "compiled"]),
        (Against(Other.TAIL), ["jax"], ["eager"]),
        (Against(Other.VARIANT, "onednn=0"), ["jax"], ["eager"]),
    ],
)
def test_the_command_of_a_comparison_measures_both_sides(
    make_run: MakeRun, against: Against, frameworks: list[str], modes: list[str]
) -> None:
    case = split_case("gelu", "jax")
    rows = [Row(case, name, 0.5, against=against) for name in ("max_ulp_between", "equal_bits")]
    [text] = column(all_tables(read([make_run(rows)]))["between"], "command")
    options = options_of(text)
    assert options["framework"] == frameworks
    assert options["mode"] == modes
    assert options["only"] == ["agreement"]
    assert "size" not in options


@pytest.mark.parametrize(
    ("dtype", "size", "start", "end"),
    [
        ("float32", 2**32, "actbench agree --framework torch ", " --exhaustive"),
        ("float32", 7000, "actbench run --framework torch ", " --only agreement"),
        ("float16", 2**16, "actbench run --framework torch ", " --only agreement"),
    ],
)
def test_the_command_of_a_check_tries_as_many_inputs(
    make_run: MakeRun, dtype: str, size: int, start: str, end: str
) -> None:
    case = split_case("gelu", dtype=dtype, size=size)
    [text] = column(
        all_tables(read([make_run([Row(case, "max_ulp", 1.0)])]))["accuracy"], "command"
    )
    assert text.startswith(start)
    assert text.endswith(end)


# --- the parts of a cost --------------------------------------------------------------------------


def test_parts_are_in_the_table_with_their_intervals(evidence: dict[str, Evidence]) -> None:
    table = all_tables(evidence["split"])["parts"]
    at = column(table, "activation").index("mish")
    assert column(table, "arithmetic")[at] == [1.96, 1.95, 1.97]
    assert column(table, "launch")[at] == [10000.0, 9000.0, 11000.0]
    assert column(table, "allocation")[at] == [1.5, 1.4, 1.6]
    assert column(table, "predicted")[at] == [0.5, None, None]
    [fit] = [header for header in table["columns"] if header["key"] == "fit"]
    assert fit["limit"] == 0.1


def test_the_command_of_a_split_measures_every_size(evidence: dict[str, Evidence]) -> None:
    table = all_tables(evidence["split"])["parts"]
    row = column(table, "activation").index("mish")
    options = options_of(column(table, "command")[row])
    assert options["size"] == ["64", "1024", "8192", "65536", "1048576", "8388608"]
    assert options["activation"] == ["mish"]
    assert options["framework"] == ["torch"]
    assert "output" not in options


def test_a_reused_output_is_measured_again_as_well(make_run: MakeRun) -> None:
    gelu = {size: split_case("gelu", size=size) for size in (1024, 65536, 2**23)}
    rows = [row for case in gelu.values() for row in timing_rows(case, 9.0, 0.1, None)]
    rows += timing_rows(replace(gelu[2**23], output="reused"), 5.0, 0.1, None)
    rows.append(Row(gelu[2**23], "memory", 0.3, 0.2, 0.4))
    [text] = column(all_tables(read([make_run(rows)]))["parts"], "command")
    assert options_of(text) == {
        "framework": ["torch"],
        "activation": ["gelu"],
        "form": ["native"],
        "mode": ["eager"],
        "direction": ["forward"],
        "dtype": ["float32"],
        "size": ["1024", "65536", "8388608"],
        "output": ["fresh", "reused"],
    }


def test_a_surprise_stands_beside_the_parts_with_its_cause(evidence: dict[str, Evidence]) -> None:
    table = all_tables(evidence["split"])["parts"]
    at = column(table, "activation").index("mish")
    assert column(table, "surprise")[at] == [3.7, 3.6, 3.8]
    assert column(table, "detail")[at].startswith("branch: ")
    assert [text for text in column(table, "detail") if text] == [column(table, "detail")[at]]
