"""Functions of one's own in `run` and `agree`: what is measured, judged, refused and said."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actbench.bench import __main__ as command
from actbench.bench.catalog.activations import UNKNOWN
from actbench.bench.catalog.cases import PROFILES as profiles
from actbench.bench.catalog.cases import Case, Selection, expand, unsupported
from actbench.bench.catalog.frameworks import Framework, declared, frameworks, own, owner
from actbench.bench.commands.callables import Callables, beside
from actbench.bench.host.errors import UsageError
from actbench.bench.results.store import load

from ...answers import held

_MODULE = """
import numpy as np

def right(x):
    return np.maximum(x, 0)

def flat(x):
    [size] = x.shape
    return np.maximum(x, 0)

def slope(x):
    return (x > 0).astype(x.dtype)

def wrong(x):
    return np.maximum(x, x.dtype.type(0.5))

def wrong_slope(x):
    return np.ones_like(x)

kept = {}

def remembering(x):
    key = x.ctypes.data, x.size
    if key not in kept:
        kept[key] = np.maximum(x, 0)
    return kept[key].copy()

def in_place(x):
    return np.maximum(x, 0, out=x)

def doubled(x):
    return np.maximum(x, 0).astype(np.float64)
"""

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's folder, which has a bench/ and a report/ too, as the current one."""
    made, before = tmp_path_factory.mktemp("theirs"), Path.cwd()
    (made / "mine.py").write_text(_MODULE)
    for name in ("bench", "report"):
        (made / name).mkdir()
        (made / name / "__init__.py").write_text("raise RuntimeError('of the user')")
    os.chdir(made)
    yield made
    os.chdir(before)


def _run(capsys: Captured, *words: str) -> tuple[int, str, str]:
    """Exit status, what it printed, and what it said on stderr."""
    try:
        status = command.main([*words])
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


# --- which cases there are ------------------------------------------------------------------------


@pytest.fixture
def torchs() -> Iterator[Framework]:
    """A function on PyTorch's arrays."""
    with declared(own("mine:f", "gelu", "torch")) as _:
        yield frameworks()["mine:f-torch"]


def test_it_stands_beside_the_forms_of_its_framework(torchs: Framework) -> None:
    chosen = beside([torchs], Selection(activations=("gelu", "relu")))
    cases = expand(profiles["ask"], chosen)
    forms = {(case.framework, case.activation, case.form) for case in cases}
    assert forms == {
        *(("torch", name, "native") for name in ("gelu", "relu")),
        ("mine:f-torch", "gelu", "mine:f"),
    }
    assert {case.mode for case in cases if case.form == "mine:f"} == {"eager", "compiled"}
    assert not any(map(unsupported, cases))
    alone = expand(profiles["ask"], beside([torchs], Selection(frameworks=("torch",))))
    assert {case.form for case in alone} == {"mine:f"}


def test_a_relu_of_its_framework_is_there_as_a_unit(torchs: Framework) -> None:
    unit = Case("mine:f-torch", "relu", "native", "eager", "backward", "cpu", "float32", 64, 1)
    assert not unsupported(unit)


def test_numpy_does_not_differentiate_it_without_a_gradient() -> None:
    case = Case("mine:f-numpy", "gelu", "mine:f", "eager", "backward", "cpu", "float32", 64, 1)
    for gradient, reason in (
        ("", "nothing differentiates mine:f (NumPy): give its --gradient"),
        ("a:b", ""),
    ):
        with declared(own("mine:f", "gelu", gradient=gradient)):
            assert unsupported(case) == reason


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        ({"numpy"}, ("numpy",)),
        ({"numpy", "torch"}, ("torch",)),
        ({"keras"}, ("tensorflow",)),
        ({"keras", "torch"}, ("torch",)),
        ({"jaxlib", "numpy"}, ("jax",)),
        ({"jax", "torch"}, ("jax", "torch")),
        ({"math", "numba"}, ()),
    ],
)
def test_packages_say_whose_a_function_is(packages: set[str], found: tuple[str, ...]) -> None:
    assert owner(packages) == found


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (Callables((), ("relu",)), "--reference is for a function of your own"),
        (Callables((), (), ("a:b",)), "--gradient is for a function of your own"),
        (Callables(("a:b",), ("relu", "gelu")), "2 of --reference for 1 of --callable"),
        (Callables(("a:b", "a:c"), (), ("a:d",) * 3), "3 of --gradient for 2 of --callable"),
        (Callables(("a:b",), ("softmax",)), "softmax is not a function of one number"),
        (Callables(("a:b",), ("relux",)), "did you mean relu"),
        (Callables(("a",)), "write it as package.module:function"),
        (Callables(("a:b",), (), ("a.b",)), "write it as package.module:function"),
    ],
)
def test_what_does_not_fit_is_a_sentence(asked: Callables, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        asked.resolved(Selection(), {"": "python"})


# --- what is made of them -------------------------------------------------------------------------


def test_a_value_and_its_gradient_are_certified_at_the_same_inputs_as_others(
    folder: Path, capsys: Captured
) -> None:
    words = ("agree", "--callable", "mine:right", "--gradient", "mine:slope", "--json")
    status, out, _ = _run(capsys, *words, "--reference", "relu", "--dtype", "float16")
    assert status == 0
    answer = held("answer-agree", out)
    found = {record["direction"]: record for record in answer["certificates"]}
    assert {record["tested"] for record in found.values()} == {2**16}
    assert {record["max_ulp"] for record in found.values()} == {0}
    assert answer["callables"] == [
        {"callable": "mine:right", "framework": "numpy", "dims": 2, "reference": "relu"}
    ]
    with (Path(answer["path"]) / "run.json").open() as file:
        versions = json.load(file)["workers"]["mine:right-numpy"]["versions"]
    assert len(versions["mine:right"]) == 16
    more = ("agree", "--callable", "mine:flat", "--reference", "relu", "--dtype", "float16")
    status, _, error = _run(capsys, *more, "--direction", "forward", "--into", answer["path"])
    assert status == 0, error
    rows = [row for row in load(Path(answer["path"])).records if row.metric == "max_ulp"]
    assert {row.case.form for row in rows} == {"mine:right", "mine:flat"}


def test_what_takes_one_dimension_is_given_one_and_that_is_said(
    folder: Path, capsys: Captured
) -> None:
    words = ("agree", "--callable", "mine:flat", "--reference", "relu", "--range", "1", "1.0001")
    status, out, _ = _run(capsys, *words)
    assert status == 0
    assert "mine:flat was given NumPy arrays of 1 dimension." in out
    status, _, error = _run(capsys, *words, "--dims", "2")
    assert status == 1
    assert "ValueError" in error


@pytest.mark.slow
def test_a_gradient_that_is_wrong_is_found(folder: Path, capsys: Captured) -> None:
    words = ("agree", "--callable", "mine:right", "--gradient", "mine:wrong_slope")
    words += ("--reference", "relu", "--range", "-1", "-0.999", "--json")
    _, out, _ = _run(capsys, *words)
    found = {record["direction"]: record for record in held("answer-agree", out)["certificates"]}
    assert found["forward"]["max_ulp"] == 0
    assert found["backward"]["max_ulp"] > 1e6


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    """A run of functions that should be relu beside the built-in ones, and its page."""
    names = ("right", "flat", "wrong", "remembering", "in_place", "doubled")
    words = [word for name in names for word in ("--callable", f"mine:{name}")]
    words += ["--reference", "relu", "--activation", "relu", "--epochs", "2", "--budget", "0"]
    out = folder / "run"
    with pytest.raises(SystemExit) as end:
        command.main(["run", *words, "--out", str(out), "--json"])
    assert end.value.code == 1, "some are refused"
    return {row.case.form: row for row in load(out).records if row.metric == "time_per_call"}


@pytest.mark.slow
def test_what_is_right_has_a_cost_over_a_relu_beside_it(
    measured: dict[str, Any], folder: Path
) -> None:
    costs = {
        row.case.form: row
        for row in load(folder / "run").records
        if row.metric == "relative_cost" and row.case.direction == "forward"
    }
    for form in ("mine:right", "mine:flat"):
        assert costs[form].status == "ok", costs[form].reason
        assert costs[form].low < costs[form].value < costs[form].high
        assert costs[form].against.name == "relu"
        assert costs[form].plain
        assert costs[form].case.activation == "relu"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wrong", "is wrong where it is timed"),
        ("remembering", "returns the same values for other inputs"),
        ("in_place", "returns an array it was given"),
        ("doubled", "returns float64 for float32"),
    ],
)
def test_what_would_mislead_is_refused(name: str, reason: str, measured: dict[str, Any]) -> None:
    row = measured[f"mine:{name}"]
    assert row.status == "refused"
    assert reason in row.reason


@pytest.mark.slow
def test_a_run_of_them_is_exported_compared_and_drawn(
    measured: dict[str, Any], folder: Path, capsys: Captured
) -> None:
    run = str(folder / "run")
    _, table, _ = _run(capsys, "export", run, "--table", "relative_cost", "--format", "csv")
    assert "mine:right" in table
    status, said, _ = _run(capsys, "compare", run, run)
    assert status == 1, "what is refused in both fails"
    assert "mine:right (NumPy) eager" in said
    page = folder / "page.html"
    assert _run(capsys, "report", run, "--out", str(page))[0] == 0
    assert "mine:right (NumPy)" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_nobody_says_it_should_be_is_measured_and_not_judged(
    folder: Path, capsys: Captured
) -> None:
    words = ("run", "--callable", "mine:wrong", "--epochs", "1", "--budget", "0", "--mode", "eager")
    status, out, _ = _run(capsys, *words)
    assert status == 0
    assert "its results were not judged, because no --reference says" in " ".join(out.split())
    assert f"eager {UNKNOWN.name}" not in out
