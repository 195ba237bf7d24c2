"""Runs of inputs that somebody chose: what is stored of them, shown, and asked for again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.again import again
from actbench.bench.commands import command_line
from actbench.bench.results.rows import Row
from actbench.bench.results.store import load

from ...answers import held

_QUICK = ("--only", "timing", "--framework", "numpy", "--epochs", "1", "--budget", "0")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a file of numbers."""
    monkeypatch.chdir(tmp_path)
    np.save("values.npy", np.linspace(-3, 3, 2 * 8 * 4 * 4).reshape(2, 8, 4, 4))


def _run(*words: str) -> int:
    """The exit status of a run."""
    try:
        return command_line.main(["run", *_QUICK, *words])
    except SystemExit as ended:
        return int(str(ended.code))


def _times(*words: str) -> dict[tuple[Any, ...], Row]:
    """The rows of times of a run, by activation, input, layout and axis."""
    assert _run(*words, "--out", "run") == 0
    return {
        (row.case.activation, row.case.input.partition("@")[0], row.case.layout, row.case.axis): row
        for row in load(Path("run")).records
        if row.metric == "relative_cost"
    }


def test_inputs_and_layouts_are_measured_side_by_side_and_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each over a relu of its own input: its cost is 1 in every one of them."""
    words = ("--activation", "softmax", "--activation", "relu", "--direction", "forward")
    inputs = ("--input", "values.npy", "--layout", "strided", "--layout", "channels_last")
    found = _times(*words, *inputs, "--axis", "1")
    layouts = ("strided", "channels_last")
    assert found.keys() == {
        (name, "values.npy", layout, axis)
        for layout in layouts
        for name, axis in (("softmax", 1), ("relu", -1))
    }
    assert all(row.ok for row in found.values())
    for layout in layouts:
        assert found["relu", "values.npy", layout, -1].value == 1
    shown = capsys.readouterr().out
    assert "shape 2x8x4x4, along axis 1, channels_last" in shown
    assert "softmax (rows of 8)" in shown
    words = shlex.split(again([found["softmax", "values.npy", "strided", 1].case]))[2:]
    assert _run(*words, "--out", "again") == 0
    [case] = {row.case for row in load(Path("again")).records if row.case.activation == "softmax"}
    assert case == found["softmax", "values.npy", "strided", 1].case
    np.save("values.npy", np.zeros((2, 8, 4, 4)))
    assert _run(*words, "--out", "other") == 2
    assert "values.npy holds other numbers than it did" in capsys.readouterr().err


def test_odd_sizes_are_measured_as_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--activation", "softmax", "--direction", "forward", "--input", "saturated")
    for size in ("257", "50257"):
        assert _run(*words, "--size", size, "--json") == 0
        [cell] = held("answer-run", capsys.readouterr().out)["rows"]
        assert cell["relative_cost"]["value"] > 0
        assert (cell["input"], cell["row"]) == ("saturated", 0)
        assert cell["size"] == cell["row_length"] == int(size)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--input", "none.npy"), "cannot read the input none.npy: No such file or directory"),
        (("--input", "nothing"), "unknown input 'nothing': take normal, subnormal, saturated"),
        (("--input", "values.npy", "--size", "7"), "the shape 2x8x4x4 has 256 elements, not 7"),
        (
            (
                "--shape",
                "3by4",
            ),
            "cannot read the shape '3by4'",
        ),
        (("--layout", "odd"), "unknown layout 'odd'"),
        (("--row", "-3"), "--row must be at least 1, not -3"),
    ],
)
def test_what_is_no_input_ends_with_one_sentence(
    words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--activation", "relu", *words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {reason}")
    assert said.err.count("\n") == 1
