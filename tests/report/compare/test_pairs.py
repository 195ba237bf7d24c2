"""Pairs and views: which rows an answer may rest on, and the words for where they are from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.report.compare.commands import again
from actbench.report.compare.groups import Group, answering, in_cache, streaming
from actbench.report.compare.pairs import Pair, pairs
from actbench.report.questions.answer import command, plain
from actbench.report.read.evidence import PLAIN, Evidence
from actbench.report.read.rows import read

from ..questions.conftest import rows_of

MakeRun = Callable[..., Path]


def silu_over_relu(evidence: Evidence) -> list[Group[Pair]]:
    return answering(
        evidence, pairs(evidence, lambda t: plain(t, "silu"), activation="relu", form=PLAIN)
    )


def times(size: str = "l2", silu: float = 200.0, framework: str = "torch") -> dict[Any, Any]:
    return {
        (framework, "eager", "relu", size): (100.0, 99.0, 101.0),
        (framework, "eager", "silu", size): (silu, silu * 0.98, silu * 1.02),
    }


@pytest.mark.parametrize(
    "where",
    [{"direction": "backward"}, {"output": "reused"}, {"cache": "cold"}, {"form": "textbook"}],
)
def test_other_calls_than_plain_ones_answer_nothing(
    make_run: MakeRun, where: dict[str, str]
) -> None:
    assert silu_over_relu(read([make_run(rows_of(times(), **where))])) == []


def test_the_first_run_that_has_the_rows_answers(make_run: MakeRun) -> None:
    only_relu = {key: time for key, time in times().items() if key[2] == "relu"}
    planted = {"a": only_relu, "c": times(silu=300.0), "b": times(silu=900.0)}
    [group] = silu_over_relu(read([make_run(rows_of(t), name) for name, t in planted.items()]))
    [pair] = group.records
    assert pair.ratio.value == 3.0
    assert group.prefix == "run c: "
    assert group.words == "forward, float32, cpu, 1 thread, run c"


def test_every_device_answers_for_itself_in_its_foremost_conditions(make_run: MakeRun) -> None:
    rows = rows_of(times(silu=300.0), dtype="bfloat16")
    rows += rows_of(times(), device="cpu") + rows_of(times(silu=400.0), device="cuda")
    rows += rows_of(times("memory", silu=500.0), device="cuda")
    cpu, cuda = silu_over_relu(read([make_run(rows)]))
    assert (cpu.conditions.dtype, cpu.prefix, cuda.prefix) == ("float32", "", "cuda: ")
    [pair] = in_cache(cuda).records
    assert pair.ratio.value == 4.0
    assert [size.words for size in cuda.places] == [
        "in cache",
        "streaming from the device's memory",
    ]
    assert [size.words for size in cpu.places] == ["in cache"]
    assert streaming(cpu).records == ()


def test_a_device_of_another_run_is_left_out(make_run: MakeRun) -> None:
    paths = [make_run(rows_of(times()), "a"), make_run(rows_of(times(), device="cuda"), "b")]
    assert [group.conditions.run for group in silu_over_relu(read(paths))] == ["a"]


def test_unusual_conditions_are_said(make_run: MakeRun) -> None:
    [group] = silu_over_relu(read([make_run(rows_of(times(), dtype="bfloat16", threads=2))]))
    assert group.prefix == "bfloat16, 2 threads: "


def test_a_size_that_is_no_class_is_a_place_all_the_same(make_run: MakeRun) -> None:
    [group] = silu_over_relu(read([make_run(rows_of(times(), size=1000))]))
    [size] = group.places
    assert size.where == "at one size, 1,000 elements"
    assert command([group]) == (
        "actbench run --framework torch --activation relu --activation silu --form native "
        "--mode eager --direction forward --device cpu --dtype float32 --size 1000 --threads 1"
    )


def test_what_streams_only_is_not_said_to_be_in_cache(make_run: MakeRun) -> None:
    [group] = silu_over_relu(read([make_run(rows_of(times("memory")))]))
    assert [size.words for size in group.places] == ["streaming from DRAM"]


def test_commands_hold_known_words_only(make_run: MakeRun, hostile_text: str) -> None:
    for field in ("device", "dtype"):
        rows = [
            replace(row, case=replace(row.case, **{field: hostile_text}))
            for row in rows_of(times())
        ]
        [group] = silu_over_relu(read([make_run(rows, field)]))
        assert command([group]) == ""


def test_a_command_holds_every_case_and_no_unsafe_name(hostile_text: str) -> None:
    gelu = Case("jax", "gelu", "native", "eager", "forward", "cpu", "float32", 64, 1)
    planted = replace(gelu, activation="squareplus(b=0)", form="textbook", framework="torch")
    unsafe = [replace(gelu, framework=hostile_text), replace(gelu, activation="gelu'; x '")]
    text = again([planted, gelu, *unsafe])
    assert "'squareplus(b=0)'" in text
    assert "--framework torch --framework jax" in text
    assert hostile_text not in text
    assert "; x" not in text
    assert again(unsafe) == ""
    assert "--size" not in again([gelu], leave=("size",))
    reused = again([replace(gelu, output="reused")])
    assert reused.endswith("--threads 1 --output reused")


def test_the_catalogue_has_what_is_asked_about() -> None:
    asked = {"relu", "silu", "gelu", "gelu_tanh", "softplus", "squareplus", "copy", "erf"}
    assert asked <= set(CATALOG)
