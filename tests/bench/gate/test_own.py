"""The gate in front of functions of the user's own: two versions of a package, a process each."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench import __main__ as command
from actbench.bench.catalog.activations import find_reference
from actbench.bench.catalog.cases import Selection
from actbench.bench.catalog.frameworks import declared
from actbench.bench.gate import own
from actbench.bench.host.errors import UsageError
from actbench.bench.worker.protocol import Call
from actbench.bench.workers.requests import call_of

_KERNEL = """
import numpy as np

from .parts import least


def relu(x):
    return np.maximum(x, x.dtype.type(least))
"""
_SLOWER = _KERNEL.replace("return np", "x = x + x.dtype.type(0) + x.dtype.type(0)\n    return np")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with its own package, and the working directory in it."""
    package = tmp_path / "kernels"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text("least = 0\n")
    (package / "acts.py").write_text(_KERNEL)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a version")):
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)
    monkeypatch.chdir(tmp_path)
    return package


def _gate(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, object]]:
    arguments = ["gate", "--base", "HEAD", "--callable", "kernels.acts:relu", "--json", *more]
    with pytest.raises(SystemExit) as ended:
        command.main([*arguments, "--dtype", "float32", "--size", "65536", "--dead-zone", "0.2"])
    return int(str(ended.value.code)), json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_needless_pass_is_slower_and_results_are_the_same(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "acts.py").write_text(_SLOWER)
    status, record = _gate(capsys, "--reference", "relu")
    [timed] = record["timing"]  # type: ignore[misc]
    assert (status, timed["verdict"]) == (1, "slower")
    kinds = {row["kind"] for row in record["exactness"]}  # type: ignore[attr-defined]
    assert kinds <= {"identical", "different"}  # −0 + 0 is 0


@pytest.mark.slow
def test_every_version_imports_its_own_modules(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same names, other contents: only the neighbour differs, and the result with it."""
    (here / "parts.py").write_text("least = 0.5\n")
    status, record = _gate(capsys, "--reference", "relu", "--only", "exactness")
    kinds = {row["kind"] for row in record["exactness"]}  # type: ignore[attr-defined]
    assert (status, kinds) == (1, {"worse"})
    status, record = _gate(capsys, "--only", "exactness")
    [first, *_] = record["exactness"]  # type: ignore[misc]
    assert (status, first["kind"], first["judged"]) == (1, "different", False)
    assert first["shown"]["before"] != first["shown"]["after"]
    status, record = _gate(capsys, "--only", "exactness", "--accept", "kernels.acts:relu")
    assert status == 0
    assert all(row["accepted"] for row in record["exactness"])  # type: ignore[attr-defined]


@pytest.mark.slow
def test_what_is_nowhere_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["gate", "--base", "HEAD", "--callable", "kernels.acts:gone", "--size", "64"]
    assert command.main(arguments) == 2
    assert "kernels.acts has no function gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("function", "selection", "sentence"),
    [
        ("relu", Selection(), "package.module:function"),
        ("a:b", Selection(forms=("max",)), "--form"),
        ("a:b", Selection(activations=("relu",)), "--activation"),
        ("a:b", Selection(modes=("compiled",)), "none of these frameworks has that mode"),
    ],
)
def test_what_a_function_does_not_have_is_said(
    function: str, selection: Selection, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        own.choose(own.own([function], [], selection), selection)


def test_it_is_swept_in_every_16_bit_format_of_its_framework_and_its_own() -> None:
    selection = Selection(frameworks=("torch",), directions=("both",))
    function = own.own(["a:b"], [], selection)
    with declared(*function.frameworks):
        swept = own.swept(own.choose(function, selection).cases)
    assert {(case.framework, case.form) for case in swept} == {("a:b-torch", "a:b")}
    assert {case.dtype for case in swept} == {"float16", "bfloat16", "float32"}
    assert {case.direction for case in swept} == {"forward", "backward"}
    assert len(swept) == 6


def _call(reference: str, direction: str = "forward", arrays: str = "numpy") -> Call:
    selection = Selection(frameworks=(arrays,), directions=(direction,))
    function = own.own(["a.b:c.d"], [reference] if reference else [], selection)
    with declared(*function.frameworks):
        [case, *_] = own.choose(function, selection).cases
        return call_of(case, 256)


def test_its_inputs_lie_where_its_reference_is_defined() -> None:
    assert _call("sqrt").domain == find_reference("sqrt").domain == "positive"
    assert _call("").domain == "all"


def test_it_is_called_by_its_own_name_and_without_parameters() -> None:
    call = _call("squareplus(b=1)")
    assert (call.function, call.parameters, call.output_share) == ("a.b:c.d", {}, 1)
    assert _call("").output_share is None


def test_on_arrays_that_are_not_differentiated_it_is_the_gradient_itself() -> None:
    assert _call("gelu", "backward").direction == "forward"
    assert _call("gelu", "backward", "torch").direction == "backward"


def test_a_function_is_compared_on_the_input_that_is_asked_for() -> None:
    """In time; exactly it is on inputs of its own."""
    selection = Selection(
        frameworks=("numpy", "torch"), rows=(100,), inputs=("subnormal",), layouts=("strided",)
    )
    function = own.own(["mine:f"], ["tanh"], selection)
    with declared(*function.frameworks):
        cases = own.choose(function, selection).cases
        assert {(case.input, case.layout, case.lengths[1]) for case in cases} == {
            ("subnormal", "strided", 100)
        }
        assert all(case.has_usual_input for case in own.swept(cases))
    jax = replace(selection, frameworks=("jax",))
    alone = own.own(["mine:f"], ["tanh"], jax)
    with declared(*alone.frameworks), pytest.raises(UsageError, match="has no strided arrays"):
        own.choose(alone, jax)
