"""The survey: a line per function, the worst first, for people and for machines."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.commands.command_line import main
from actbench.bench.commands.survey import TOLERANCES, noticed
from actbench.bench.results.rows import Point
from actbench.bench.results.samples import Certificate

from ...answers import held
from ...conftest import installed

_CHOSEN = ("--framework", "numpy", "--activation", "gelu", "--activation", "relu")


def _survey(tmp_path: Path, *words: str) -> int:
    try:
        return main(["agree", "--survey", *_CHOSEN, "--out", str(tmp_path / "run"), *words])
    except SystemExit as left:
        return int(left.code or 0)


def test_a_line_per_function_the_worst_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _survey(tmp_path, "--bound", "1") == 1
    head, first, second, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["framework", "function", "direction", "dtype"]
    assert first.startswith("NumPy      gelu textbook  forward    float32")
    assert second.startswith("NumPy      relu max       forward    float32  0 ")
    assert first.endswith("–"), "whose tolerances are not PyTorch's"


def test_machines_get_typed_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _survey(tmp_path, "--json", "--dtype", "float16", "--direction", "backward") == 0
    gelu, relu = held("answer-agree-survey", capsys.readouterr().out)["survey"]
    assert (gelu["activation"], relu["activation"]) == ("gelu", "relu")
    assert gelu["max_ulp"] > gelu["ulp_99_near"] > gelu["median_ulp_near"] > 0
    assert (gelu["direction"], gelu["dtype"], gelu["tested"]) == ("backward", "float16", 2**16)
    assert gelu["worst"]["input"].startswith("-0x1.")
    assert relu["max_ulp"] == relu["ulp_99_near"] == relu["sign_mismatches"] == 0
    assert relu["nan_mismatches"] == 2046, "its slope at each NaN is a number"
    for line in (gelu, relu):
        assert line["tail"]["path"] == "scalar tail"
        assert line["tail"]["equal"] == 1
        assert line["tail"]["inputs"] > 67
        assert line["noticed"] is None


@pytest.mark.parametrize("words", [("--range", "0", "1"), ("--exhaustive",)])
def test_inputs_are_not_chosen_twice(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _survey(tmp_path, *words) == 2
    assert "--survey chooses its inputs" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exact", [0.0, 1.0, -1024.0])
def test_an_error_is_noticed_beyond_both_tolerances(dtype: str, exact: float) -> None:
    relative, absolute = TOLERANCES[dtype]
    allowed = absolute + relative * abs(exact)
    for share, seen in ((0.99, False), (1.01, True)):
        worst = Point((0.5).hex(), got=exact + share * allowed, exact=exact)
        assert noticed(Certificate(worst=worst), dtype) is seen


@pytest.mark.parametrize(
    ("got", "exact", "seen"),
    [
        (math.nan, 1.0, True),
        (math.inf, 1.0, True),
        (1.0, math.nan, True),
        (math.inf, math.inf, False),
        (math.inf, 1e39, False),
        (-math.inf, math.inf, True),
    ],
)
def test_what_is_not_finite_is_noticed_unless_equal(got: float, exact: float, seen: bool) -> None:
    worst = Point((0.5).hex(), got=got, exact=exact)
    assert noticed(Certificate(worst=worst), "float32") is seen
    assert noticed(Certificate(), "float32") is False


@pytest.mark.slow
def test_the_tolerances_are_those_of_the_library() -> None:
    if not installed("torch"):
        pytest.skip("torch is not installed here: make setup installs it")
    code = "import torch, json; from torch.testing._comparison import default_tolerances as of; "
    code += f"print(json.dumps({{name: of(getattr(torch, name)) for name in {list(DTYPES)}}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name: tuple(both) for name, both in json.loads(run.stdout).items()} == TOLERANCES
