"""The command `agree`: ranges, bounds, formats and what it says of options that do not fit."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from actbench.bench import __main__ as command
from actbench.bench.catalog import inputs
from actbench.bench.exactness import ranges
from actbench.bench.exactness.ranges import Range
from actbench.bench.host.errors import UsageError

from ...answers import held

_MODULE = """
import numpy as np

def exp(x):
    return np.exp(x.astype(np.float64)).astype(x.dtype)

def slope_of_tanh(x):
    return (1 / np.cosh(x.astype(np.float64)) ** 2).astype(x.dtype)

def wrong_at_the_end(x):
    result = np.exp(x)
    return np.where(x == 2.5, result * (1 + 2.0**-40), result)

def nothing_outside(x):
    return np.where((x >= 2.5) & (x <= 7), np.exp(x), 0)

def wrong_at_three(x):
    result = exp(x)
    result[x == 3] = 20.0
    return result

def nan_at_three(x):
    return np.where(x == 3, np.float32("nan"), exp(x))

def shorter(x):
    return x[1:]

def of_both(x):
    import jax
    import torch
    return jax.nn.silu(x) if x is None else torch.exp(x)

def dying(x):
    import os
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text(_MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


Captured = pytest.CaptureFixture[str]


def _agree(capsys: Captured, *words: str) -> tuple[int, str, str]:
    """Exit status, what it printed, and what it said on stderr."""
    try:
        status = command.main(["agree", *words])
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def _own(capsys: Captured, name: str, *words: str, reference: str = "exp") -> dict[str, Any]:
    status, out, error = _agree(
        capsys, "--callable", name, "--reference", reference, "--json", *words
    )
    assert (status, error) == (0, "")
    answer = held("answer-agree", out)
    [certificate] = answer["certificates"]
    facts = json.loads(Path(answer["path"], "run.json").read_text())
    return {**certificate, "range": facts["asked"]["range"]}


# --- ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "low", "high"),
    [
        (("-0x1p+4", "-1"), -16.0, -1.0),
        (("-1", "-0x1p-2"), -1.0, -0.25),
        (("-1e-3", ".5"), -0.001, 0.5),
        (("0x1.8p+1", "0X1.9P+1"), 3.0, 3.125),
        (("-0.0", "0"), -0.0, 0.0),
        (("-inf", "inf"), -math.inf, math.inf),
    ],
)
def test_ends_are_decimal_or_hex_and_may_be_negative(
    ends: tuple[str, str], low: float, high: float
) -> None:
    found = Range.read(ends)
    assert (str(found.low), str(found.high)) == (str(low), str(high))


@pytest.mark.parametrize("text", ["nan", "-nan", "one", "", "0x", "0x1p99999", "1,5"])
def test_what_is_no_number_is_no_end(text: str) -> None:
    with pytest.raises(UsageError, match="--range takes decimal or hex floats"):
        Range.read((text, "1"))


def test_a_range_has_both_its_ends_and_every_number_between() -> None:
    for dtype in ("float16", "bfloat16", "float32"):
        low, high = -0.5, 0.25
        first, count = Range(low, high).places(dtype)
        bits = inputs.bits_at(first, min(count, 2**16), dtype)
        assert inputs.from_bits(bits[:1], dtype) == low
        assert inputs.from_bits(inputs.bits_at(first + count - 1, 1, dtype), dtype) == high
    everything = inputs.from_bits(np.arange(2**16, dtype=np.uint16), "float16")
    between = (everything >= -0.5) & (everything <= 0.25)
    assert Range(-0.5, 0.25).places("float16")[1] == between.sum()
    assert Range(-math.inf, math.inf).places("float16")[1] == (~np.isnan(everything)).sum()
    assert Range().places("float16")[1] == 2**16
    assert Range(1.0, 1.0).places("float32")[1] == 1
    assert Range(-0.0, 0.0).places("float32")[1] == 2
    for low, high in ((1.0, -1.0), (0.0, -0.0), (1 + 2.0**-40, 1.0)):
        with pytest.raises(UsageError, match="is empty: the lower end comes first"):
            Range(low, high).places("float32")


@pytest.mark.parametrize(
    ("low", "high", "tested"),
    [("-0x1p+4", "-0x1.ffffep+3", 17), ("-1", "-0x1.fffffep-1", 2), ("0x1p0", "1", 1)],
)
def test_negative_and_hex_ends_reach_the_function(
    low: str, high: str, tested: int, capsys: Captured
) -> None:
    found = _own(capsys, "own:exp", "--range", low, high)
    assert found["tested"] == tested
    assert found["range"] == [ranges._number(low).hex(), ranges._number(high).hex()]
    assert found["not_correctly_rounded"] == 0


# --- a function of one's own ----------------------------------------------------------------------


def test_one_wrong_result_is_named_with_all_that_a_machine_asks(capsys: Captured) -> None:
    found = _own(capsys, "own:wrong_at_three", "--range", "2.9999", "3.0001")
    ctx.prec = 100
    error = float(abs(20 - arb(3).exp())) * 2.0**19
    assert found["max_ulp"] == pytest.approx(error, rel=1e-9)
    assert float.fromhex(found["worst"]["input"]) == 3.0
    assert (found["worst"]["got"], found["not_correctly_rounded"]) == (20.0, 1)
    assert found["tested"] == sum(found["histogram"].values()) > 800
    case = ("framework", "activation", "form", "direction", "dtype")
    assert [found[name] for name in case] == [
        *("own:wrong_at_three-numpy", "exp", "own:wrong_at_three"),
        *("forward", "float32"),
    ]


def test_no_number_is_an_infinite_error_in_json_that_every_parser_reads(capsys: Captured) -> None:
    found = _own(capsys, "own:nan_at_three", "--range", "3", "0x1.80001p+1")
    assert found["max_ulp"] == math.inf
    assert found["nan_first"] == [{"input": (3.0).hex()}]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_all_inputs_of_a_16_bit_format(dtype: str, capsys: Captured) -> None:
    """Exp in float64, rounded once: right at all 65,536."""
    found = _own(capsys, "own:exp", "--dtype", dtype, "--exhaustive")
    assert (found["tested"], found["range"]) == (2**16, [])
    assert (found["nan_mismatches"], found["infinity_mismatches"]) == (0, 0)
    assert found["max_ulp"] < 0.501
    assert found["histogram"].get("0.5") == 2**16 - found["not_correctly_rounded"]


def test_a_gradient_is_held_against_the_derivative(capsys: Captured) -> None:
    words = ("--range", "-0.5", "-0.4999", "--direction", "backward")
    found = _own(capsys, "own:slope_of_tanh", *words, reference="tanh")
    assert found["max_ulp"] < 0.51
    assert found["direction"] == "backward"


def test_an_error_at_an_end_of_a_range_of_float64_is_found(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of a range belong to the sample that is drawn from it."""
    monkeypatch.setattr(ranges, "SAMPLED", 500)
    for ends in (("2.5", "7"), ("-1", "2.5")):
        found = _own(capsys, "own:wrong_at_the_end", "--dtype", "float64", "--range", *ends)
        assert float.fromhex(found["worst"]["input"]) == 2.5
        unit = 2.0**-49
        assert found["max_ulp"] == pytest.approx(math.exp(2.5) * 2.0**-40 / unit, rel=0.01)
        assert 500 < found["tested"] < 900
        low, high = map(float, ends)
        assert low <= float.fromhex(found["worst"]["input"]) <= high


def test_no_input_of_a_sample_lies_outside_its_range(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are hard to round come from everywhere."""
    monkeypatch.setattr(ranges, "SAMPLED", 50)
    words = ("--dtype", "float64", "--range", "2.5", "7")
    assert _own(capsys, "own:nothing_outside", *words)["max_ulp"] < 1


def test_an_error_above_the_bound_is_an_exit_status(capsys: Captured) -> None:
    own = ("--callable", "own:wrong_at_three", "--reference", "exp", "--range", "2.9999", "3.0001")
    status, out, _ = _agree(capsys, *own, "--bound", "1000")
    assert status == 1
    assert "1 of 1 above the bound of 1000 ulp." in out
    assert "at 0x1.8000000000000p+1 (got 20.0" in out
    status, out, _ = _agree(capsys, *own, "--bound", "1e6")
    assert status == 0
    assert "0 of 1 above" in out


def test_a_range_without_a_finite_number_says_so(capsys: Captured) -> None:
    own = ("--callable", "own:exp", "--reference", "exp", "--range", "inf", "inf")
    status, out, _ = _agree(capsys, *own)
    assert status == 0
    assert "nothing was tried; in trouble outside: 0 inputs." in out
    assert "Over 1 input: no finite input" in out


def test_what_a_designer_meets_is_said_first(capsys: Captured) -> None:
    own = ("--callable", "own:exp", "--reference", "exp", "--range", "19.99", "20.01")
    status, out, _ = _agree(capsys, *own)
    assert status == 0
    first, second, *_ = out.splitlines()
    assert re.search(r": in \[−20, 20\] at most 0\.\d+ ulp \(\d.*\), in the median 0\.", first)
    assert first.endswith("; in trouble outside: 0 inputs.")
    assert re.match("  Over [0-9,]+ inputs: at most ", second)


_OWN = ("--callable", "own:exp", "--reference", "exp")
_UNIT = ("--range", "0", "1")
SENTENCES = {
    "unknown reference": (
        ("--callable", "own:exp", "--reference", "gelo", *_UNIT),
        "unknown activation 'gelo': did you mean gelu",
    ),
    "two folders": (
        ("--callable", "own:exp", "--reference", "exp", "--out", "a", "--into", "b"),
        "--out makes a run of its own, --into adds to one",
    ),
    "a range into a run": (
        ("--callable", "own:exp", "--reference", "exp", *_UNIT, "--into", "b"),
        "--exhaustive, --range and --survey make runs of their own: leave --into out",
    ),
    "row-wise reference": (
        ("--callable", "own:exp", "--reference", "softmax", *_UNIT),
        "softmax is not a function of one number",
    ),
    "learned reference": (
        ("--callable", "own:exp", "--reference", "prelu", *_UNIT),
        "prelu is not a function of one number",
    ),
    "no reference": (("--callable", "own:exp", *_UNIT), "--callable and --reference go together"),
    "no callable": (("--reference", "exp", *_UNIT), "name it with --callable"),
    "range and all": ((*_OWN, *_UNIT, "--exhaustive"), "choose one of them"),
    "2^64 inputs": ((*_OWN, "--dtype", "float64", "--exhaustive"), "--range LO HI draws a sample"),
    "both directions": ((*_OWN, *_UNIT, "--direction", "both"), "give its --gradient"),
    "two references": (
        (*_OWN, "--reference", "exp2", *_UNIT),
        "2 of --reference for 1 of --callable: give one for each, or one for all",
    ),
    "unknown format": ((*_OWN, *_UNIT, "--dtype", "float23"), "did you mean float32"),
    "empty range": ((*_OWN, "--range", "1", "0"), "is empty: the lower end comes first"),
    "NaN end": ((*_OWN, "--range", "0", "nan"), "not 'nan'"),
    "activation": ((*_OWN, *_UNIT, "--activation", "gelu"), "--activation is for the functions"),
    "form": ((*_OWN, *_UNIT, "--form", "wide"), "--form is for the functions"),
    "several frameworks": (
        ("--callable", "own:of_both", "--reference", "exp", *_UNIT),
        "own:of_both may be of jax or torch: say which with --framework",
    ),
    "scheduler": (("--scheduler", "tcp://127.0.0.1:9"), "--scheduler is for --exhaustive"),
    "all of everything": (("--exhaustive",), "choose with --framework and --activation"),
    "rows": (
        ("--exhaustive", "--framework", "numpy", "--activation", "softmax"),
        "softmax in float32 cannot be tried on all inputs: it has rows",
    ),
    "float64 of a framework": (
        ("--exhaustive", "--framework", "numpy", "--activation", "relu", "--dtype", "float64"),
        "it has 2^64 inputs",
    ),
    "missing module": (
        ("--callable", "elsewhere:f", "--reference", "exp", *_UNIT),
        "cannot import elsewhere: No module named 'elsewhere'; set PYTHONPATH",
    ),
    "missing function": (
        ("--callable", "own:g", "--reference", "exp", *_UNIT),
        "own has no function g",
    ),
    "one end": ((*_OWN, "--range", "1"), "--range"),
    "negative bound": ((*_OWN, *_UNIT, "--bound", "-1"), "--bound"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_cannot_be_done_is_one_sentence_and_2(name: str, capsys: Captured) -> None:
    words, sentence = SENTENCES[name]
    status, out, error = _agree(capsys, *words)
    assert (status, out) == (2, "")
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("shorter", "returns an array of shape"), ("dying", "the worker was killed by SIGKILL")],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_function_that_fails_is_one_sentence_and_1(
    name: str, sentence: str, dtype: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "SAMPLED", 20)
    own = ("--callable", f"own:{name}", "--reference", "exp", "--range", "1", "1.001")
    status, out, error = _agree(capsys, *own, "--dtype", dtype)
    assert (status, out) == (1, "")
    assert sentence in error.replace("float64", "float32")
    assert len(error.splitlines()) == 1


# --- cases of a framework -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_range_of_a_framework_is_a_run_with_both_directions(
    tmp_path: Path, capsys: Captured
) -> None:
    words = ("--framework", "numpy", "--activation", "relu", "--range", "-1e-3", "1e-3")
    words += ("--dtype", "float16", "--out", str(tmp_path / "run"), "--json")
    status, out, _ = _agree(capsys, *words)
    assert status == 0
    answer = held("answer-agree", out)
    assert answer["path"] == str(tmp_path / "run")
    found = {each["direction"]: each for each in answer["certificates"]}
    assert set(found) == {"forward", "backward"}
    for each in found.values():
        assert each["max_ulp"] == 0
        assert each["tested"] == Range(-1e-3, 1e-3).places("float16")[1]
    rows = (tmp_path / "run" / "rows.jsonl").read_text().splitlines()
    assert {json.loads(row)["metric"] for row in rows} >= {"max_ulp"}
    status, out, error = _agree(capsys, *words)
    assert (status, out) == (2, "")
    assert "is already there" in error


@pytest.mark.slow
def test_stretches_of_a_framework_agree_with_its_sweep_of_all_inputs(
    tmp_path: Path, capsys: Captured
) -> None:
    """The same case on both paths of the judge, in one format that both go through."""
    chosen = ("--framework", "numpy", "--activation", "gelu", "--form", "textbook")
    chosen += ("--mode", "eager", "--dtype", "float16", "--json")
    _, whole, _ = _agree(capsys, *chosen, "--out", str(tmp_path / "whole"))
    _, parts, _ = _agree(capsys, *chosen, "--out", str(tmp_path / "parts"), "--exhaustive")
    for direction in ("forward", "backward"):
        one, other = (
            next(
                each
                for each in held("answer-agree", out)["certificates"]
                if each["direction"] == direction
            )
            for out in (whole, parts)
        )
        for name in ("tested", "not_correctly_rounded", "nan_mismatches", "infinity_mismatches"):
            assert one[name] == other[name], name
        assert one["histogram"] == other["histogram"]
        assert one["max_ulp"] == pytest.approx(other["max_ulp"], rel=1e-8)
