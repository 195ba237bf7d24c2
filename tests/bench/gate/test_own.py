"""The gate in front of functions of the user's own: two versions of a package, a process each."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.bench import __main__ as command
from actbench.bench.catalog.activations import UNKNOWN, find_reference
from actbench.bench.catalog.cases import Selection
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.catalog.frameworks import declared
from actbench.bench.catalog.frameworks import own as own_framework
from actbench.bench.gate import own
from actbench.bench.host.errors import UsageError
from actbench.bench.worker.protocol import Call
from actbench.bench.workers.requests import call_of
from tests.conftest import installed
from tools.planted_pairs import FUNCTION, OPERATOR

from ...answers import held

_KERNEL = """
import numpy as np

from .parts import least


def relu(x):
    return np.maximum(x, x.dtype.type(least))


def softsign(x):
    return x / (1 + np.abs(x))
"""
_PARTS = "least = 0\n"
_RELU = "return np.maximum(x, x.dtype.type(least))\n"
Files = dict[str, str]
Gate = Callable[..., tuple[int, dict[str, Any]]]


def _write(root: Path, files: Files) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _package(kernels: str, parts: str = _PARTS, root: str = "kernels") -> Files:
    return {
        f"{root}/__init__.py": "",
        f"{root}/parts.py": parts,
        f"{root}/acts.py": kernels,
        "bench/__init__.py": "raise ImportError('another bench')\n",
        "report/__init__.py": "",
    }


@pytest.fixture
def gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gate:
    """A gate between two versions of some files, in a repository of their own."""

    def run(base: Files, candidate: Files, *options: str) -> tuple[int, dict[str, Any]]:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        _write(tmp_path, base)
        for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a version")):
            subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)
        for name in base.keys() - candidate.keys():
            (tmp_path / name).unlink()
        _write(tmp_path, candidate)
        monkeypatch.chdir(tmp_path)
        try:
            status = command.main(["gate", "--base", "HEAD", "--json", "--size", "65536", *options])
        except SystemExit as ended:
            status = int(str(ended.code))
        said = capsys.readouterr()
        return status, {"said": said.err, **(held("answer-gate", said.out) if said.out else {})}

    return run


def _edited(before: str, after: str) -> str:
    assert before in _KERNEL
    return _KERNEL.replace(before, after)


def _kinds(record: dict[str, Any]) -> set[str]:
    return {row["kind"] for row in record["exactness"]}


_OF_RELU = ("--callable", "kernels.acts:relu", "--reference", "relu")
_EXACTLY = (*_OF_RELU, "--only", "exactness")


# --- what differs is found ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_needless_pass_is_slower_and_results_are_the_same(gate: Gate) -> None:
    slower = _edited(_RELU, "x = x + x.dtype.type(0) + x.dtype.type(0)\n    " + _RELU)
    slower = "import os\n\nos.environ['OPENBLAS_PROBE'] = 'on'\n" + slower
    options = ("--dtype", "float32", "--dead-zone", "0.2")
    status, record = gate(_package(_KERNEL), _package(slower), *_OF_RELU, *options)
    [timed] = record["timing"]
    assert (status, timed["verdict"]) == (1, "slower")
    [besides] = timed["besides"]
    assert (besides["what"], besides["before"], besides["after"]) == ("OPENBLAS_PROBE", None, "on")
    assert "besides: OPENBLAS_PROBE none → on" in record["verdict"]
    assert _kinds(record) <= {"identical", "different"}  # −0 + 0 is 0


@pytest.mark.slow
def test_every_version_imports_its_own_modules(gate: Gate) -> None:
    """The same names, other contents: only the neighbour differs, and the result with it."""
    files = _package(_KERNEL), _package(_KERNEL, "least = 0.5\n")
    status, record = gate(*files, *_EXACTLY)
    assert (status, _kinds(record)) == (1, {"worse"})


@pytest.mark.slow
@pytest.mark.parametrize("accepted", [False, True])
def test_without_a_reference_other_bits_fail_unless_they_are_meant(
    gate: Gate, accepted: bool
) -> None:
    files = _package(_KERNEL), _package(_KERNEL, "least = 0.5\n")
    accept = ("--accept", "kernels.acts:relu") if accepted else ()
    options = ("--callable", "kernels.acts:relu", "--only", "exactness", *accept)
    status, record = gate(*files, *options)
    assert (status, _kinds(record)) == (0 if accepted else 1, {"different"})
    first = record["exactness"][0]
    assert (first["judged"], first["accepted"]) == (False, accepted)
    assert first["shown"]["before"] != first["shown"]["after"]


@pytest.mark.slow
def test_all_functions_are_compared_each_with_its_own_reference(gate: Gate) -> None:
    candidate = _package(_KERNEL, "least = 0.5\n")
    functions = ("--callable", "kernels.acts:relu", "--callable", "kernels.acts:softsign")
    references = ("--reference", "relu", "--reference", "softsign")
    status, record = gate(
        _package(_KERNEL), candidate, *functions, *references, "--only", "exactness"
    )
    kinds = {(row["activation"], row["kind"]) for row in record["exactness"]}
    assert (status, kinds) == (1, {("relu", "worse"), ("softsign", "identical")})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "found"),
    [
        ("out = np.maximum(x, 0).ravel()\n    out[x.size // 64 * 64:] = np.nan\n    "
         "return out.reshape(x.shape)\n", "nan_mismatches"),
        ("return np.maximum(x, 0).astype(np.float64)\n", "float64"),
        ("return np.maximum(x, 0, out=x).copy()\n", "writes to its input"),
        ("return np.maximum(x, 0)[:, :-1]\n", "like its input"),
        ("return np.where(np.isnan(x), 0, np.maximum(x, 0)).astype(x.dtype)\n", "nan_mismatches"),
    ],
    ids=["NaN in the tail", "another dtype", "in place", "another shape", "NaN to 0"],
)  # fmt: skip
def test_a_fault_of_results_is_named(gate: Gate, edit: str, found: str) -> None:
    status, record = gate(_package(_KERNEL), _package(_edited(_RELU, edit)), *_EXACTLY)
    assert (status, _kinds(record)) in [(1, {"worse"}), (1, {"broken"})]
    assert found in json.dumps(record)


@pytest.mark.slow
def test_what_is_wrong_in_both_versions_is_no_pass(gate: Gate) -> None:
    wrong = _package(_edited(_RELU, "return x * x.dtype.type(7) + x.dtype.type(1)\n"))
    status, record = gate(wrong, wrong, *_EXACTLY)
    assert (status, _kinds(record)) == (1, {"wrong"})


@pytest.mark.slow
def test_what_runs_in_neither_version_is_no_pass(gate: Gate) -> None:
    files = _package(_edited(_RELU, "raise ValueError('not here')\n"))
    status, record = gate(files, files, *_OF_RELU)
    assert status in (1, 2)
    assert "ValueError: not here" in json.dumps(record)


# --- no version reaches the other -----------------------------------------------------------------

_PATCHING = "\nnp.maximum = lambda x, least: np.fmax(x, least) + x.dtype.type(1)\n"
_FLUSHING = """
import ctypes

_library, _environment = ctypes.CDLL(None), (ctypes.c_ubyte * 64)()
_library.fegetenv(_environment)
_environment[29] |= 0x80
_library.fesetenv(_environment)
"""
_HALF = _RELU, "return np.maximum(x, x.dtype.type(least)) * x.dtype.type(0.5)\n"


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_a_replaced_function_of_a_library_stays_where_it_was_replaced(
    gate: Gate, turned: bool
) -> None:
    files = _package(_KERNEL), _package(_KERNEL + _PATCHING)
    status, record = gate(*(files[::-1] if turned else files), *_EXACTLY)
    assert (status, _kinds(record)) == ((0, {"better"}) if turned else (1, {"worse"}))


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the bits are those of x86-64")
@pytest.mark.parametrize("turned", [False, True])
def test_flushed_subnormals_stay_where_they_are_flushed(gate: Gate, turned: bool) -> None:
    files = _package(_edited(*_HALF)), _package(_edited(*_HALF) + _FLUSHING)
    options = ("--callable", "kernels.acts:relu", "--only", "exactness")
    _, record = gate(*(files[::-1] if turned else files), *options, "--dtype", "float32")
    [single] = [row for row in record["exactness"] if row["dtype"] == "float32"]
    assert single["kind"] == "different"


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_who_writes_to_its_input_is_refused_and_costs_nobody_else(gate: Gate, turned: bool) -> None:
    """A ReLU in place found nothing negative left after its first call, and won by 20."""
    edit = "np.maximum(x, x.dtype.type(least), out=x)\n    return x.copy()\n"
    files = _package(_KERNEL), _package(_edited(_RELU, edit))
    options = (*_OF_RELU, "--only", "timing")
    status, record = gate(*(files[::-1] if turned else files), *options)
    [timed] = record["timing"]
    assert timed["verdict"] == ("mended" if turned else "broken")
    assert turned or status == 1
    assert "writes to its input" in json.dumps(timed)


_KEPT = """
_last = {}


def relu(x):
    key = KEY
    if key not in _last:
        _last.clear()
        _last[key] = np.maximum(x, x.dtype.type(least)) + np.log1p(np.exp(-np.abs(x))) * 0
    return _last[key].copy()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    ["x.ctypes.data", "(x.shape, float(x.flat[0]), float(x.flat[-1]))", "hash(x.tobytes())"],
    ids=["address", "few values", "all bytes"],
)
def test_who_keeps_results_is_refused(gate: Gate, key: str) -> None:
    candidate = _package(_KERNEL + _KEPT.replace("KEY", key))
    status, record = gate(_package(_KERNEL), candidate, *_OF_RELU, "--only", "timing")
    [timed] = record["timing"]
    assert (status, timed["verdict"]) == (1, "broken")


# --- where it lies --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_src_layout_is_found_and_may_be_new(gate: Gate) -> None:
    flat, moved = _package(_KERNEL), _package(_KERNEL, "least = 0.5\n", "src/kernels")
    status, record = gate(flat, moved, *_EXACTLY)
    assert (status, _kinds(record)) == (1, {"worse"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        (_package(_KERNEL.replace("def relu", "def before")), "has no function relu"),
        (_package("import built_by_nobody\n" + _KERNEL), "No module named 'built_by_nobody'"),
        ({"elsewhere.py": ""}, "in no folder of the tree"),
    ],
)
def test_a_base_that_cannot_be_loaded_mends_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lacking: Files,
    sentence: str,
) -> None:
    _write(tmp_path / "base", lacking)
    _write(tmp_path / "here", _package(_KERNEL))
    monkeypatch.chdir(tmp_path / "here")
    assert command.main(["gate", "--base", str(tmp_path / "base"), *_OF_RELU]) == 2
    said = capsys.readouterr().err
    assert "the base's kernels.acts:relu cannot be loaded" in said
    assert sentence in said


@pytest.mark.slow
def test_a_candidate_that_cannot_be_loaded_is_broken(gate: Gate) -> None:
    status, record = gate(_package(_KERNEL), _package("import built_by_nobody\n"), *_EXACTLY)
    assert (status, _kinds(record)) == (1, {"broken"})


# --- PyTorch --------------------------------------------------------------------------------------

_TORCH = f"""{OPERATOR}
{FUNCTION}
from .parts import least


def shifted(x):
    return torch.clamp_min(x, least)
"""
needs_torch = pytest.mark.skipif(not installed("torch"), reason="PyTorch is not installed here")


@needs_torch
@pytest.mark.slow
def test_a_wrong_backward_is_worse_and_an_operator_is_its_own(gate: Gate) -> None:
    """Both versions register the operator under one name; nothing differentiates it."""
    edited = _TORCH.replace("** 2", "").replace("clamp_min(x, 0)", "clamp_min(x, 1)")
    functions = ("--callable", "kernels.acts:f", "--callable", "kernels.acts:relu")
    references = ("--reference", "softsign", "--reference", "relu", "--only", "exactness")
    status, record = gate(_package(_TORCH), _package(edited), *functions, *references)
    kinds = {(row["activation"], row["direction"]): row["kind"] for row in record["exactness"]}
    assert status == 1
    assert kinds["softsign", "forward"] == "identical"
    assert kinds["softsign", "backward"] == kinds["relu", "forward"] == "worse"
    assert kinds.get(("relu", "backward"), "unsupported") == "unsupported"


@needs_torch
@pytest.mark.slow
def test_what_is_compiled_is_compiled_from_its_own_modules(gate: Gate) -> None:
    candidate = _package(_TORCH, "least = 0.5\n")
    which = ("--callable", "kernels.acts:shifted", "--reference", "relu", "--mode", "compiled")
    status, record = gate(
        _package(_TORCH), candidate, *which, "--direction", "forward", "--only", "exactness"
    )
    assert (status, _kinds(record)) == (1, {"worse"})


# --- what is compared -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (Selection(forms=("max",)), "--form"),
        (Selection(activations=("relu",)), "--activation"),
        (Selection(modes=("compiled",)), "none of these frameworks has that mode"),
    ],
)
def test_what_a_function_does_not_have_is_said(selection: Selection, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        own.choose([own_framework("a:b")], selection)


def test_gradients_are_compared_where_there_are_any() -> None:
    functions = [own_framework("a:b"), own_framework("a:b", arrays="torch")]
    with declared(*functions):
        chosen = own.choose(functions, Selection())
    directions = {(case.framework, case.direction) for case in chosen.cases}
    assert directions == {
        ("a:b-numpy", "forward"), ("a:b-torch", "forward"), ("a:b-torch", "backward")
    }  # fmt: skip
    assert chosen.apart == {"a:b-numpy", "a:b-torch"}
    [note] = chosen.notes
    assert "--mode compiled" in note
    assert "--dtype float64" in note


def test_nothing_is_said_to_be_left_out_where_everything_was_chosen() -> None:
    function = own_framework("a:b")
    everything = Selection(dtypes=tuple(DTYPES))
    with declared(function):
        assert own.choose([function], everything).notes == ()


def test_only_what_nobody_chose_may_fail_in_both_versions() -> None:
    function = own_framework("a:b", arrays="torch")
    with declared(function):
        cases = own.swept(own.choose([function], Selection()).cases)
    forward = [case for case in cases if case.direction == "forward"]
    extra = {case.dtype for case in forward if own.is_extra(case, Selection())}
    assert extra == {"float16", "bfloat16"}
    gradients = [case for case in cases if case.direction == "backward"]
    assert all(own.is_extra(case, Selection()) for case in gradients)
    chosen = Selection(directions=("backward",), dtypes=("float32",))
    assert {case.dtype for case in gradients if not own.is_extra(case, chosen)} == {"float32"}


def test_it_is_swept_in_every_16_bit_format_of_its_framework_and_its_own() -> None:
    function = own_framework("a:b", arrays="torch")
    with declared(function):
        swept = own.swept(own.choose([function], Selection(directions=("both",))).cases)
    assert {(case.framework, case.form) for case in swept} == {("a:b-torch", "a:b")}
    assert {case.dtype for case in swept} == {"float16", "bfloat16", "float32"}
    assert {case.direction for case in swept} == {"forward", "backward"}
    assert len(swept) == 6


def _call(reference: str, direction: str = "forward", arrays: str = "numpy") -> Call:
    function = own_framework("a.b:c.d", reference, arrays)
    with declared(function):
        [case, *_] = own.choose([function], Selection(directions=(direction,))).cases
        return call_of(case, 256)


def test_its_inputs_lie_where_its_reference_is_defined() -> None:
    assert _call("sqrt").domain == find_reference("sqrt").domain == "positive"
    assert _call(UNKNOWN.name).domain == "all"


def test_it_is_called_by_its_own_name_and_without_parameters() -> None:
    call = _call("squareplus(b=1)")
    assert (call.function, call.parameters, call.output_share) == ("a.b:c.d", {}, 1)


def test_a_function_is_compared_on_the_input_that_is_asked_for() -> None:
    """In time; exactly it is on inputs of its own."""
    selection = Selection(rows=(100,), inputs=("subnormal",), layouts=("strided",))
    functions = [own_framework("mine:f", "tanh", arrays) for arrays in ("numpy", "torch")]
    with declared(*functions):
        cases = own.choose(functions, selection).cases
        assert {(case.input, case.layout, case.lengths[1]) for case in cases} == {
            ("subnormal", "strided", 100)
        }
        assert all(case.has_usual_input for case in own.swept(cases))
    alone = own_framework("mine:f", "tanh", "jax")
    with declared(alone), pytest.raises(UsageError, match="has no strided arrays"):
        own.choose([alone], selection)
