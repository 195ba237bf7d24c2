"""Agreement under other conditions, with workers that really differ in the condition planted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.cases import PROFILES, Case, Selection
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.exactness import comparisons
from actbench.bench.host import machine
from actbench.bench.host.cpus import available_cpus
from actbench.bench.host.progress import Reporter
from actbench.bench.results import words
from actbench.bench.results.rows import Against, Other, Point, Row
from actbench.bench.results.samples import Comparison
from actbench.bench.run.request import Request
from actbench.bench.run.schedule import run
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.supervised import SupervisedWorker

ROOT = Path(__file__).resolve().parents[3]
KEY = Key("torch", "cpu", 1)
CASE = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 4000, 1)

# An interpreter whose relu is one step off where a condition holds; `starts` counts its processes.
_PLANTED = """#!{python}
import os, sys
sys.path.insert(0, {root!r})
import runpy
import actbench.impls.numpy as subject

with open({starts!r}, "a") as file:
    file.write("x")
starts = os.path.getsize({starts!r})
{at_start}
right = subject.relu_max

def planted(x):
    y = right(x)
    return subject.np.nextafter(y, y.dtype.type(subject.np.inf)) if {condition} else y

subject.relu_max = planted
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""


def _python(folder: Path, condition: str, at_start: str = "") -> str:
    path, starts = folder / "python-with-a-condition", str(folder / "starts")
    text = _PLANTED.format(
        python=sys.executable,
        root=str(ROOT),
        starts=starts,
        condition=condition,
        at_start=at_start,
    )
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def _compared(folder: Path, python: str, dtype: str = "float32") -> dict[str, list[Row]]:
    """The rows of a run of NumPy's relu, by the other side of what was compared."""
    request = Request(
        profile=replace(PROFILES["smoke"], conditions=True),
        selection=Selection(
            frameworks=("numpy",),
            activations=("relu",),
            forms=("max",),
            directions=("forward",),
            dtypes=(dtype,),
        ),
        seed=0,
        out=folder / "run",
        pythons={},
        python=python,
        timeout=60.0,
        command="actbench run",
        parts=("agreement",),
    )
    found: dict[str, list[Row]] = {}
    for row in run(request, Reporter(quiet=True)).rows:
        if row.metric in ("max_ulp_between", "equal_bits"):
            assert row.against is not None
            found.setdefault(words.name(row.against), []).append(row)
    return found


@pytest.mark.parametrize(
    ("condition", "parted"),
    [
        ("False", set()),
        ("x.size < 16", {"short arrays", "0-d"}),
        ("starts > 1", {"another process", "all threads"}),
        ("os.environ['OMP_NUM_THREADS'] != '1'", {"all threads"}),
    ],
)
def test_the_condition_that_changes_the_bits_is_named(
    tmp_path: Path, condition: str, parted: set[str]
) -> None:
    if machine.most_threads() == 1:
        pytest.skip("one CPU has no other number of threads")
    found = _compared(tmp_path, _python(tmp_path, condition))
    assert set(found) == {"scalar tail", "another process", "all threads", *parted}
    for name, (most, equal) in found.items():
        assert most.value == (1 if name in parted else 0), name
        assert (equal.value == 1) is (name not in parted), name
        assert bool(equal.points) is (name in parted)
        assert ("first input where they part" in words.about(equal)) is (name in parted)


def test_a_format_that_alone_is_asked_for_goes_to_every_worker(tmp_path: Path) -> None:
    found = _compared(tmp_path, _python(tmp_path, "starts > 1"), "float16")
    assert found["another process"][0].value == 1
    assert found["scalar tail"][0].value == 0


def test_a_worker_that_cannot_be_started_is_told_and_not_left_out(tmp_path: Path) -> None:
    python = _python(tmp_path, "False", at_start="if starts > 1: os._exit(7)")
    found = _compared(tmp_path, python)
    (lost,) = found["another process"]
    assert (lost.metric, lost.value) == ("equal_bits", None)
    assert "exit status 7" in lost.reason
    assert found["scalar tail"][1].value == 1


def test_what_is_compared_is_plain_eager_and_elementwise_in_three_formats() -> None:
    swept = [
        CASE,
        replace(CASE, direction="backward"),
        replace(CASE, form="max"),
        replace(CASE, mode="compiled"),
        replace(CASE, activation="softmax"),
        replace(CASE, framework="jax"),
        replace(CASE, threads=2),
    ]
    found = comparisons.cases(swept, KEY, Selection())
    assert {(each.form, each.direction, each.dtype) for each in found} == {
        ("native", direction, dtype)
        for direction in ("forward", "backward")
        for dtype in ("float32", "float16", "bfloat16")
    }
    assert {each.activation for each in found} == {"relu"}
    assert {each.threads for each in found} == {1}
    asked = comparisons.cases(swept, KEY, Selection(dtypes=("float64",)))
    assert {each.dtype for each in asked} == {"float64"}


def test_the_inputs_are_enough_to_be_split_between_threads() -> None:
    assert np.prod(comparisons.SHAPE) > 2 * 32_768, "the grain below which PyTorch takes one thread"


def test_other_workers_have_threads_and_variants_of_their_own(tmp_path: Path) -> None:
    key = Key("tensorflow", "cpu", 1)
    worker = SupervisedWorker(
        key, [], sys.executable, available_cpus()[-1:], tmp_path / "log", 60.0
    )
    others = {words.name(other): each.key for other, each in comparisons.beside(worker).items()}
    assert others.pop("another process") == key
    assert others.pop("onednn=0") == replace(key, variant="onednn=0")
    if machine.most_threads() > 1:
        assert others.pop("all threads") == replace(key, threads=machine.most_threads())
    assert not others
    cuda = SupervisedWorker(
        replace(key, device="cuda"), [], sys.executable, [0], tmp_path / "log", 60.0
    )
    assert set(comparisons.beside(cuda)) == {Against(Other.PROCESS)}


def test_a_variant_adds_its_variables_and_its_name() -> None:
    plain, varied = Key("tensorflow", "cpu", 1), Key("tensorflow", "cpu", 1, "onednn=0")
    assert "TF_ENABLE_ONEDNN_OPTS" not in environment_of(plain)
    assert environment_of(varied)["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert (plain.label, varied.label) == ("tensorflow", "tensorflow/cpu/1/onednn=0")
    assert frameworks()["numpy"].variants == {}


def test_compiled_results_are_compared_with_the_eager_ones() -> None:
    bits = inputs.to_bits(np.array([[1.0, 2.0], [3.0, 4.0]]), "float32")
    compiled = replace(CASE, mode="compiled")
    other = bits.copy()
    other[1, 0] += 3
    results = {compiled: other, CASE: bits, replace(CASE, form="max"): bits}
    (sample,) = comparisons.of_frameworks_and_modes(results, lambda _: bits)
    against, first = Against(Other.MODE, "compiled"), Point((3.0).hex())
    assert sample == Comparison(CASE, against, most=3.0, equal=0.75, first=first)


def test_the_place_of_a_rowwise_result_is_that_of_the_output() -> None:
    """crelu has twice as many outputs as inputs."""
    case = replace(CASE, activation="crelu", form="textbook")
    bits = np.zeros((1, 2), np.uint32)
    other = np.array([0, 0, 0, 1], np.uint32)
    results = {case: np.zeros(4, np.uint32), replace(case, mode="compiled"): other}
    (sample,) = comparisons.of_frameworks_and_modes(results, lambda _: bits)
    assert sample.first == Point(output=3)


@pytest.mark.slow
def test_pieces_of_one_framework_are_called_one_by_one(
    framework: str, worker: SupervisedWorker
) -> None:
    """Pieces give what calls on each of them give."""
    worker.failures.clear()
    form = "max" if framework == "numpy" else "native"
    case = replace(CASE, framework=framework, form=form, size=21)
    bits = inputs.timing((3, 7), "float32", 0)
    together = worker.evaluate(case, bits, apart=True)
    alone = [worker.evaluate(case, row[None]) for row in bits]
    assert together is not None
    assert np.array_equal(together[0], np.concatenate([each[0] for each in alone if each]))
