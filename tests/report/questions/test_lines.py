"""Lines, places, words and commands: which rows an answer may rest on, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.results.rows import Row
from actbench.report.questions.lines import View, brief, command, missing, tally, under, views
from actbench.report.read.evidence import Estimate, Evidence
from actbench.report.read.rows import read

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
NAMES = ("relu", "silu")


def found(evidence: Evidence) -> list[View]:
    return views(
        evidence,
        NAMES,
        lambda view: any(view.ratios("silu", "relu", place) for place in view.each()),
    )


def pair(size: str = "l2", silu: float = 200.0, framework: str = "torch") -> dict[Any, Any]:
    return {
        (framework, "eager", "relu", size): (100.0, 99.0, 101.0),
        (framework, "eager", "silu", size): (silu, silu * 0.98, silu * 1.02),
    }


def test_each_kind_of_ratio_is_counted_with_its_ends(measured: Measured, planted: Planted) -> None:
    """Planted: dearer in three, cheaper in one, the same in one, not told apart in one."""
    shares = {
        ("torch", "eager"): (2.0, 1.9, 2.1),
        ("torch", "compiled"): (3.0, 2.9, 3.3),
        ("jax", "eager"): (1.5, 1.4, 1.6),
        ("jax", "compiled"): (0.5, 0.4, 0.6),
        ("numpy", "eager"): (1.0, 0.98, 1.03),
        ("tensorflow", "eager"): (1.1, 0.8, 1.4),
    }
    times = {}
    for (framework, mode), share in shares.items():
        times[framework, mode, "relu", "l2"] = (100.0, 100.0, 100.0)
        times[framework, mode, "silu", "l2"] = tuple(100.0 * each for each in share)
    [view] = found(measured(planted(times)))
    ratios = view.ratios("silu", "relu", view.places["cache"])
    assert tally("silu", "relu", ratios) == (
        "silu takes longer than relu in 3 of 6 settings "
        "(1.40–3.30×: PyTorch compiled, JAX eager and PyTorch eager); "
        "takes less time than relu in 1 of 6 (0.400–0.600×: JAX compiled); "
        "takes the same time as relu, within 5%, in 1 of 6 (0.980–1.03×: NumPy eager); "
        "is not told apart from relu in 1 of 6 (0.800–1.40×: TensorFlow eager)"
    )
    assert brief([ratio for _, ratio in ratios]) == (
        "the same within 5% in 1 of 6 (0.980–1.03×), less in 1 (0.400–0.600×), "
        "longer in 3 (1.40–3.30×), not told apart in 1 (0.800–1.40×)"
    )


def test_a_single_setting_is_named(measured: Measured, planted: Planted) -> None:
    [view] = found(measured(planted(pair())))
    text = tally("silu", "relu", view.ratios("silu", "relu", view.places["cache"]))
    assert text == "silu takes longer than relu in PyTorch eager (1.94–2.06×)"


def test_intervals_that_touch_one_are_not_told_apart(measured: Measured, planted: Planted) -> None:
    """99 over 99 at most is 1: the ends meet."""
    times = pair()
    times["torch", "eager", "silu", "l2"] = (150.0, 101.0, 160.0)
    [view] = found(measured(planted(times)))
    text = tally("silu", "relu", view.ratios("silu", "relu", view.places["cache"]))
    assert text.startswith("silu is not told apart from relu in PyTorch eager (1.00–")


def test_without_an_interval_nothing_is_claimed(measured: Measured, planted: Planted) -> None:
    times = {key: (value, None, None) for key, (value, *_) in pair().items()}
    [view] = found(measured(planted(times)))
    text = tally("silu", "relu", view.ratios("silu", "relu", view.places["cache"]))
    assert "stands beside relu without an interval" in text
    assert "longer" not in text


def test_the_rows_own_cost_over_relu_comes_first(
    measured: Measured, planted: Planted, at: Callable[..., Any]
) -> None:
    rows = planted(pair())
    rows.append(Row(at(("torch", "eager", "silu", "l2")), "relative_cost", 2.0, 1.99, 2.01))
    [view] = found(measured(rows))
    [(_, ratio)] = view.ratios("silu", "relu", view.places["cache"])
    assert ratio == Estimate(2.0, 1.99, 2.01)
    [(_, other)] = view.ratios("relu", "silu", view.places["cache"])
    assert (other.low, other.high) == pytest.approx((99 / 204, 101 / 196))


@pytest.mark.parametrize(
    "where",
    [
        {"direction": "backward"},
        {"output": "reused"},
        {"cache": "cold"},
        {"form": "wide"},
    ],
)
def test_other_calls_than_plain_ones_answer_nothing(
    measured: Measured, planted: Planted, where: dict[str, str]
) -> None:
    assert found(measured(planted(pair(), **where))) == []


def test_the_first_run_that_has_the_rows_answers(
    make_run: Callable[..., Path], planted: Planted
) -> None:
    only_relu = {key: time for key, time in pair().items() if key[2] == "relu"}
    paths = [
        make_run(planted(only_relu), "a"),
        make_run(planted(pair(silu=300.0)), "c"),
        make_run(planted(pair(silu=900.0)), "b"),
    ]
    evidence = read(paths)
    [view] = found(evidence)
    [(_, ratio)] = view.ratios("silu", "relu", view.places["cache"])
    assert ratio.value == 3.0
    assert view.prefix == "in run c: "
    assert under([view], evidence) == "Forward, float32, cpu, 1 thread, run c."


def test_every_device_answers_for_itself_in_its_foremost_conditions(
    measured: Measured, planted: Planted
) -> None:
    rows = planted(pair(silu=300.0), dtype="bfloat16")
    rows += planted(pair(), device="cpu") + planted(pair(silu=400.0), device="cuda")
    rows += planted(pair("memory", silu=500.0), device="cuda")
    cpu, cuda = found(measured(rows))
    assert (cpu.conditions.dtype, cpu.prefix, cuda.prefix) == ("float32", "on cpu: ", "on cuda: ")
    [(_, ratio)] = cuda.ratios("silu", "relu", cuda.places["cache"])
    assert ratio.value == 4.0
    assert cuda.places["memory"].words == "streaming from the device's memory"
    assert list(cpu.places) == ["cache"]


def test_a_device_of_another_run_is_left_out(
    make_run: Callable[..., Path], planted: Planted
) -> None:
    paths = [make_run(planted(pair()), "a"), make_run(planted(pair(), device="cuda"), "b")]
    assert [view.conditions.run for view in found(read(paths))] == ["a"]


def test_unusual_conditions_are_said(measured: Measured, planted: Planted) -> None:
    [view] = found(measured(planted(pair(), dtype="bfloat16", threads=2)))
    assert view.prefix == "in bfloat16, on 2 threads: "


def test_a_size_that_is_no_class_is_a_place_all_the_same(
    measured: Measured, planted: Planted
) -> None:
    [view] = found(measured(planted(pair(), size=1000)))
    [place] = view.each()
    assert place.where == "at one size, 1,000 elements"
    assert command(NAMES, [place.option], view) == (
        "actbench run --activation relu --activation silu --size 1000 --framework torch "
        "--device cpu --dtype float32 --threads 1 --direction forward --only timing"
    )


def test_what_streams_only_is_not_said_to_be_in_cache(measured: Measured, planted: Planted) -> None:
    [view] = found(measured(planted(pair("memory"))))
    assert list(view.places) == ["memory"]


def test_commands_hold_known_words_only(
    measured: Measured, planted: Planted, hostile_text: str
) -> None:
    rows = planted(pair())
    for field in ("device", "dtype", "framework"):
        strange = [
            replace(row, case=replace(row.case, form="native", **{field: hostile_text}))
            for row in rows
        ]
        [view] = found(measured(strange, field))
        assert command(NAMES, ["l2"], view) == ""


def test_what_is_missing_is_measured_on_the_device_of_the_run(
    measured: Measured, planted: Planted
) -> None:
    for device, option in (("cuda", " --device cuda"), ("cpu", ""), ("else", "")):
        evidence = measured(planted(pair(), device=device), device)
        text = missing(evidence, NAMES, ["l2"])
        assert text.endswith(f"--direction forward --only timing{option}")
    assert "--device" not in missing(measured([], "none"), NAMES, ["l2"])


def test_the_catalogue_has_what_is_asked_about() -> None:
    asked = {"relu", "silu", "gelu", "gelu_tanh", "softplus", "squareplus", "copy", "erf"}
    assert asked <= set(CATALOG)
