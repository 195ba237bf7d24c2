"""Instructions: the verdict on two counts, and that a tree has the same number twice."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.gate import gate, instructions
from actbench.bench.gate.instructions import TOLERANCE, Count, available, compare, count
from actbench.bench.gate.trees import Tree
from actbench.bench.host.progress import Reporter
from actbench.bench.results.status import Status
from actbench.bench.timing.decisions import Design
from actbench.bench.timing.processes import Setting
from actbench.bench.worker.protocol import Failure

ROOT = Path(__file__).resolve().parents[3]
RELU = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
GELU = Case("numpy", "gelu", "textbook", "eager", "forward", "cpu", "float32", 64, 1)

counts = pytest.mark.skipif(bool(available()), reason=available() or "valgrind is here")


def _verdict(base: Sequence[float], candidate: Sequence[float]) -> str:
    """The verdict on the windows of one process a tree."""
    before, after = Count((tuple(base),)), Count((tuple(candidate),))
    (change,) = compare({RELU: before}, {RELU: after})
    return change.verdict


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1, "same"), (1 + 0.9 * TOLERANCE, "same"), (1 + 1.1 * TOLERANCE, "more"), (0.9, "fewer")],
)
def test_a_change_beyond_the_tolerance_is_called(factor: float, expected: str) -> None:
    """Counts without any spread."""
    assert _verdict([1000], [1000 * factor]) == expected


def test_what_a_compiler_made_must_change_by_more() -> None:
    """Compiled cases of every framework, and all of JAX."""
    assert instructions.tolerance(RELU) == TOLERANCE
    assert instructions.tolerance(replace(RELU, framework="torch")) == TOLERANCE
    for changes in ({"framework": "torch", "mode": "compiled"}, {"framework": "jax"}):
        assert instructions.tolerance(replace(RELU, **changes)) > TOLERANCE


def test_a_change_within_the_spread_of_either_tree_is_not_called() -> None:
    """By 10 % between medians, where windows differ by as much or twice."""
    assert _verdict([1000, 1000, 1200], [1100, 1100, 1100]) == "same"
    assert _verdict([1100, 1100, 1100], [900, 1000, 1000]) == "same"
    assert _verdict([1000, 1000, 1000], [1100, 1100, 1100]) == "more"


def test_the_layout_that_needs_fewest_stands_for_the_case_and_all_for_its_spread() -> None:
    """Two processes with three windows."""
    counted = Count(((100.0, 102.0, 101.0), (110.0, 110.0, 110.0)))
    assert counted.instructions == 101
    assert counted.spread == pytest.approx(10 / 101)
    assert not counted.steady
    assert Count(((5.0, 5.0), (6.0, 6.0))).steady


def test_a_change_has_its_ratio_and_its_difference() -> None:
    """Both in instructions per call."""
    (change,) = compare({RELU: Count(((200.0,),))}, {RELU: Count(((300.0,),))})
    assert (change.ratio, change.difference, change.zone) == (1.5, 100, TOLERANCE)


def test_what_was_not_counted_has_its_reason() -> None:
    """The reason of either tree; a case that only one of them counted is left out."""
    failed, counted = Failure(Status.TIMEOUT, "no answer in 3 s"), Count(((1.0,),))
    changes = compare({RELU: failed, GELU: counted}, {RELU: counted, GELU: failed})
    assert [change.verdict for change in changes] == ["not counted", "not counted"]
    assert list(changes[0].failures) == ["base"]
    assert list(changes[1].failures) == ["candidate"]
    assert compare({RELU: counted}, {}) == []


def test_a_machine_without_valgrind_has_a_sentence_on_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty folder as the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install valgrind" in available()


def test_a_compiler_that_is_missing_is_the_reason_of_every_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is started."""
    monkeypatch.setenv("CC", "no-such-compiler")
    failure = count("numpy", [RELU], ROOT)[RELU]
    assert isinstance(failure, Failure)
    assert "no-such-compiler" in failure.reason


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case("numpy", "relu", "nope", "eager", "forward", "cpu", "float32", 64, 1), "relu_nope"),
        (Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 2), "one thread"),
        (Case("numpy", "relu", "max", "eager", "forward", "cuda", "float32", 64, 1), "CPU"),
        (Case("caffe", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1), "impls/caffe"),
    ],
)
def test_what_cannot_be_counted_is_refused_before_anything_starts(case: Case, reason: str) -> None:
    """A function or a framework that the tree does not have, threads, a device."""
    failure = instructions._refused(case, ROOT)
    assert isinstance(failure, Failure)
    assert failure.status == "unsupported"
    assert reason in failure.reason


def _planted(tmp_path: Path, old: str, new: str) -> Path:
    """A tree in which a piece of NumPy's implementation is another."""
    shutil.copytree(ROOT / "impls", tmp_path / "impls")
    source = tmp_path / "impls" / "numpy.py"
    text = source.read_text(encoding="utf-8")
    assert text.count(old) == 1
    source.write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path


def test_another_interpreter_counts_for_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(framework: str, cases: Any, tree: Path, python: str) -> dict[Any, Any]:
        asked.append((tree.name, python))
        return {}

    monkeypatch.setattr(gate.instructions, "count", counted)
    folders = {"base": "/base", "candidate": "/candidate"}
    setting = Setting(folders, Path(), lambda _: "python", base_python="/other/bin/python")
    result = gate.Result(Tree(Path(), ""), Tree(Path(), ""), Design(), "")
    gate._count_instructions(setting, [RELU], Reporter(quiet=True), result)
    assert asked == [("base", "/other/bin/python"), ("candidate", "python")]


_RELU = 'def relu_max(x: Array) -> Array:\n    """max(x, 0)"""\n    return np.maximum(x, 0)'


@counts
@pytest.mark.slow
def test_a_tree_has_the_same_number_twice_and_a_needless_pass_is_found(tmp_path: Path) -> None:
    """Fresh processes for every count; the case that was not touched is the same."""
    cases = [RELU, GELU]
    before, again = (count("numpy", cases, ROOT, layouts=1) for _ in range(2))
    assert before == again
    tree = _planted(tmp_path, _RELU, _RELU.replace("(x, 0)", "(x + 0, 0)"))
    changes = compare(before, count("numpy", cases, tree, layouts=1))
    assert [change.verdict for change in changes] == ["more", "same"]
    assert changes[0].difference > 500


@counts
@pytest.mark.slow
def test_a_process_that_is_killed_costs_its_case_alone(tmp_path: Path) -> None:
    """The process is killed while it counts; the next case gets a fresh one."""
    deadly = _RELU.replace("return", "import os\n    os.kill(os.getpid(), 9)\n    return")
    counted = count("numpy", [RELU, GELU], _planted(tmp_path, _RELU, deadly), layouts=1)
    failed = counted[RELU]
    assert isinstance(failed, Failure)
    assert (failed.status, "SIGKILL" in failed.reason) == ("error", True)
    assert isinstance(counted[GELU], Count)


@counts
@pytest.mark.slow
def test_an_interpreter_that_cannot_start_is_unsupported(tmp_path: Path) -> None:
    """Every case has the reason."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    os.chmod(python, 0o755)
    failure = count("numpy", [RELU], ROOT, python=str(python), layouts=1)[RELU]
    assert isinstance(failure, Failure)
    assert failure.status == "unsupported"
    assert "does not start under valgrind" in failure.reason


@counts
@pytest.mark.slow
def test_a_case_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    """The limit holds for the case, and the process is gone."""
    slow = _RELU.replace("return", "import time\n    time.sleep(60)\n    return")
    tree = _planted(tmp_path, _RELU, slow)
    failure = count("numpy", [RELU], tree, sys.executable, seconds=15, layouts=1)[RELU]
    assert isinstance(failure, Failure)
    assert failure.status == "timeout"
