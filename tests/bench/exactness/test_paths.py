"""Paths: kernels with a fault in one of them, each found and named, and what harmless ones give."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import PROFILES, Case, Selection, directions_of, plain_form
from actbench.bench.catalog.frameworks import frameworks, own
from actbench.bench.commands.agree import _EVERY
from actbench.bench.commands.command_line import main
from actbench.bench.exactness import paths, special
from actbench.bench.exactness.findings import findings
from actbench.bench.exactness.judge import judge, merge
from actbench.bench.exactness.problem import Problems, problem_at, problem_of
from actbench.bench.exactness.ranges import Range
from actbench.bench.exactness.stretches import Subject
from actbench.bench.exactness.stretches import elsewhere as of_a_process
from actbench.bench.results import words
from actbench.bench.results.rows import Path, Tried
from actbench.bench.results.samples import Certificate
from actbench.bench.results.status import Status
from actbench.bench.results.store import load
from actbench.bench.worker import own_function
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Attempt, Failure, Laid, Layout, Try
from actbench.bench.workers.supervised import SupervisedWorker

from ...answers import held

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array], Array]
_CASE = Case("kernels", "relu", "kernel", "eager", "forward", "cpu", "float32", 0, 1)
_SHAPE = (64, 256)
_EXTENT = replace(paths.ALL, large=2**17 + 3)
_VECTOR = 16


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _last(y: Array) -> Array:
    """The elements that fill no vector."""
    flat = y.reshape(-1)
    return flat[flat.size // _VECTOR * _VECTOR :]


def _tail_undone(x: Array) -> Array:
    y = np.array(_relu(x))
    _last(y)[...] = 0
    return y


def _other_nan_in_tail(x: Array) -> Array:
    y = np.array(_relu(x))
    tail = _last(y)
    tail[np.isnan(tail)] = 1
    return y


def _other_nan_in_body(x: Array) -> Array:
    y = np.array(_relu(x))
    body = y.reshape(-1)[: y.size // _VECTOR * _VECTOR]
    body[np.isnan(body)] = 0
    return y


def _subnormal_lost_in_tail(x: Array) -> Array:
    y = np.array(_relu(x))
    tail = _last(y)
    tail[np.abs(tail) < np.finfo(np.float32).tiny] = 0
    return y


def _strides_ignored(x: Array) -> Array:
    if x.ndim == 1 and x.strides[0] > x.itemsize:
        whole = np.lib.stride_tricks.as_strided(x, x.shape, (x.itemsize,))
        return _relu(whole)
    return _relu(x)


def _order_ignored(x: Array) -> Array:
    if x.ndim == 2 and x.flags.f_contiguous and not x.flags.c_contiguous:
        return _relu(x.T.reshape(x.shape))
    return _relu(x)


def _broadcast_ignored(x: Array) -> Array:
    return _relu(x) * np.float32(2 if 0 in x.strides and x.size > 1 else 1)


def _off_alignment(x: Array) -> Array:
    return _relu(x) * np.float32(1 if x.ctypes.data % 8 == 0 or x.ndim == 0 else 2)


def _large_undone(x: Array) -> Array:
    y = np.array(_relu(x))
    y.reshape(-1)[2**17 :] = 0
    return y


def _seventh_row(x: Array) -> Array:
    y = np.array(_relu(x))
    if x.ndim == 2 and len(x) > 61:
        y[7] *= np.float32(3)
    return y


def _one_number(x: Array) -> Array:
    return _relu(x) if x.ndim else x.dtype.type(3)


def _length_of_1023(x: Array) -> Array:
    return _relu(x) * np.float32(2 if x.shape == (1023,) else 1)


def _writes_to_views(x: Array) -> Array:
    y = _relu(x)
    if x.base is not None and not x.flags.c_contiguous and x.flags.writeable:
        x *= np.float32(2)
    return y


def _writes_between(x: Array) -> Array:
    y = _relu(x)
    if x.ndim == 1 and x.strides[0] > x.itemsize:
        np.lib.stride_tricks.as_strided(x, (2 * x.size - 1,), (x.itemsize,))[1::2] = 5
    return y


FAULTS: dict[Kernel, set[Path]] = {
    _tail_undone: {Path.SHORT, Path.TAIL, Path.UNALIGNED, Path.STRIDED, Path.SCALAR},
    _other_nan_in_tail: {Path.SHORT, Path.TAIL, Path.SCALAR},
    _other_nan_in_body: {Path.SHORT, Path.TAIL, Path.SCALAR},
    _subnormal_lost_in_tail: {Path.SHORT, Path.TAIL, Path.SCALAR},
    _strides_ignored: {Path.STRIDED},
    _order_ignored: {Path.TRANSPOSED},
    _broadcast_ignored: {Path.BROADCAST},
    _off_alignment: {Path.UNALIGNED},
    _large_undone: {Path.LARGE},
    _seventh_row: {Path.ELSEWHERE},
    _one_number: {Path.SCALAR},
    _length_of_1023: {Path.SHORT},
}
"""Kernels with a fault, and the paths on which it must show."""


def _attempter(kernel: Kernel) -> paths.Attempter:
    """A worker of a kernel in this process."""
    module = own_function.module("kernels:kernel", kernel, "numpy")
    worker = Worker(module, "cpu", 1)

    def attempt(case: Case, inputs: Sequence[Laid]) -> Sequence[Attempt]:
        return worker.attempts(Try(call_of_kernel(case), tuple(inputs)))

    return attempt


def call_of_kernel(case: Case) -> Any:
    from actbench.bench.worker.protocol import Call

    return Call("kernels:kernel", direction=case.direction, dtype=case.dtype)


def _found(kernel: Kernel, dtype: str = "float32") -> Certificate:
    pool = paths.pool(find("relu"), dtype)
    problem = problem_at(find("relu"), "forward", dtype, pool.bits)
    case = replace(_CASE, dtype=dtype)
    [found] = paths.tried(case, [problem], _attempter(kernel), _SHAPE, _EXTENT, pool) or []
    return found


def _by_path(certificate: Certificate) -> dict[Path, Tried]:
    return {tried.path: tried for tried in certificate.paths}


@pytest.mark.parametrize("kernel", FAULTS, ids=lambda kernel: kernel.__name__.strip("_"))
def test_a_fault_is_found_on_its_paths_and_on_no_others(kernel: Kernel) -> None:
    found = _found(kernel)
    parted = {tried.path: tried for tried in found.paths if tried.worst}
    everywhere = "tail" in kernel.__name__ or "body" in kernel.__name__
    may = set(Path) - {Path.ELSEWHERE} if everywhere else set()
    assert FAULTS[kernel] <= set(parted) <= FAULTS[kernel] | may
    assert {tried.path for tried in found.paths} == set(Path)
    for tried in parted.values():
        assert tried.equal < 1
        assert tried.worst is not None
        assert tried.worst.input
        assert repr(tried.worst.got) != repr(tried.worst.other)
    if kernel is not _other_nan_in_body:  # there the usual results are the wrong ones
        assert found.not_correctly_rounded
        assert found.max_ulp > 1 or found.nan_mismatches
        places = [point.path for point in (found.worst, *found.nan_first) if point]
        assert set(places) <= set(parted)


def test_both_results_and_the_input_are_kept() -> None:
    tail = _by_path(_found(_other_nan_in_tail))[Path.TAIL]
    point = tail.worst
    assert point is not None
    assert (point.input, point.got) == ("nan", 1.0)
    assert point.other is not None
    assert math.isnan(point.other)
    assert tail.length in (67, 4099)
    assert tail.apart == tail.apart_flushed == math.inf


def test_what_is_lost_of_a_subnormal_is_no_departure() -> None:
    tail = _by_path(_found(_subnormal_lost_in_tail))[Path.TAIL]
    assert (tail.apart > 1e6, tail.apart_flushed) == (True, 0)


@pytest.mark.parametrize("kernel", [_writes_to_views, _writes_between])
def test_a_kernel_that_writes_to_its_input_is_named(kernel: Kernel) -> None:
    found = _by_path(_found(kernel))
    wrote = {path for path, tried in found.items() if tried.wrote}
    assert Path.STRIDED in wrote
    assert wrote <= {Path.STRIDED, Path.TRANSPOSED}
    assert all(tried.equal == 1 for tried in found.values())


def _refusing(test: Callable[[Array], bool]) -> Kernel:
    def kernel(x: Array) -> Array:
        if test(x):
            raise ValueError("not this one")
        return _relu(x)

    return kernel


@pytest.mark.parametrize(
    ("test", "refused", "said"),
    [
        (
            lambda x: not x.flags.c_contiguous,
            {Path.STRIDED, Path.TRANSPOSED, Path.BROADCAST},
            "contiguous only, no broadcast views",
        ),
        (lambda x: x.size == 0, {Path.EMPTY}, "no empty arrays"),
        (lambda x: x.ndim == 0, {Path.SCALAR}, "no 0-d arrays"),
        (
            lambda x: x.size % 16 > 0 or not x.flags.owndata,
            set(Path) - {Path.ELSEWHERE, Path.EMPTY},
            "not every length, whole vectors only, no large arrays, aligned arrays only, "
            "contiguous only, no broadcast views, no 0-d arrays",
        ),
    ],
)
def test_what_a_kernel_refuses_is_in_the_certificate(
    test: Callable[[Array], bool], refused: set[Path], said: str
) -> None:
    found = _found(_refusing(test))
    failed = {tried.path for tried in found.paths if tried.failed}
    assert failed == refused
    assert {tried.reason for tried in found.paths if tried.failed} == {"ValueError: not this one"}
    assert found.tested == 0
    assert said in words.paths(found.paths)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_harmless_kernel_has_the_same_bits_on_all_paths(dtype: str) -> None:
    found = _found(_relu, dtype)
    assert found.tested == 0
    assert {tried.path for tried in found.paths} == set(Path)
    for tried in found.paths:
        assert (tried.equal, tried.apart, tried.wrote, tried.failed) == (1, 0, 0, 0)
        assert (tried.inputs > 0) is (tried.path is not Path.EMPTY)
    [same] = words.paths(found.paths)
    assert "in short arrays" in same
    assert f"{sum(tried.inputs for tried in found.paths):,} inputs" in same


def test_results_of_another_size_or_format_are_refused() -> None:
    for kernel, reason in (
        (lambda x: np.append(_relu(x), x.dtype.type(1)) if x.shape == (67,) else _relu(x), "68"),
        (lambda x: _relu(x).astype(np.float64) if x.shape == (67,) else _relu(x), "64 bits"),
    ):
        tail = _by_path(_found(kernel))[Path.TAIL]
        assert tail.failed
        assert reason in tail.reason


def test_special_points_stand_in_the_tail_and_in_the_body_of_one_array() -> None:
    """The last three of 67 elements are a tail for vectors of up to 64."""
    points = len(special.points(find("gelu"), "float32"))
    calls = [call for call in paths._calls(points, 200, paths.TAIL, True)]
    assert {call.path for call in calls} == {Path.TAIL}
    assert {call.places.size for call in calls} == {67}
    assert {int(i) for call in calls for i in call.places[-3:]} == set(range(points))
    assert {int(i) for call in calls for i in call.places[:3]} == set(range(points))


def test_every_length_up_to_67_and_those_beside_powers_of_two() -> None:
    lengths = {
        call.places.size
        for call in paths._calls(30, 200, paths.ALL, True)
        if call.path is Path.SHORT
    }
    beside = {2**k + off for k in range(1, 13) for off in (-1, 1)}
    assert lengths == set(range(1, 68)) | beside


def test_each_point_is_alone_in_an_array_of_one_element() -> None:
    calls = [call for call in paths._calls(30, 200, paths.ALL, True) if call.places.size == 1]
    alone = {int(call.places[0]) for call in calls if call.path is Path.SHORT}
    assert set(range(30)) <= alone


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_pool_is_among_the_inputs_of_a_sweep(dtype: str) -> None:
    pool = paths.pool(find("gelu"), dtype)
    assert np.array_equal(pool.points, special.points(find("gelu"), dtype))
    assert len(np.unique(pool.bits)) == len(pool.bits) > 150


def test_a_range_has_only_its_own_inputs() -> None:
    pool = paths.pool(find("gelu"), "float32", Range(1.0, 1.001))
    x = pool.bits.view(np.float32)
    assert len(pool.points) > 0
    assert len(x) > 50
    assert 1 <= x.min() <= x.max() <= np.float32(1.001)
    one = paths.pool(find("gelu"), "float32", Range(3.0, 3.0))
    assert one.bits.view(np.float32).tolist() == [3.0]


def test_an_input_counts_once_for_each_other_result() -> None:
    """In a hundred arrays the tail is 0: that is one result, and more of another array is more."""
    found = _found(_tail_undone)
    pool = paths.pool(find("relu"), "float32")
    positive = pool.bits.view(np.float32) > 0
    not_a_number = np.isnan(pool.bits.view(np.float32))
    assert found.tested == (positive | not_a_number).sum()
    problem = problem_at(find("relu"), "forward", "float32", pool.bits)
    right = judge(problem, _relu(pool.bits.view(np.float32)).view(np.uint32))
    both = merge(right, found)
    assert both.tested == right.tested + found.tested == sum(both.histogram.values())
    assert both.paths == found.paths
    assert both.near == right.near


def test_a_process_that_is_lost_costs_its_path_alone() -> None:
    attempt, asked = _attempter(_relu), []

    def losing(case: Case, inputs: Sequence[Laid]) -> Sequence[Attempt]:
        asked.append(len(inputs))
        if any(laid.layout is Layout.STRIDED for laid in inputs):
            return [Attempt(failure=Failure(Status.ERROR, "killed"))] * len(inputs)
        return attempt(case, inputs)

    pool = paths.pool(find("relu"), "float32")
    problem = problem_at(find("relu"), "forward", "float32", pool.bits)
    [found] = paths.tried(_CASE, [problem], losing, _SHAPE, _EXTENT, pool) or []
    assert {tried.path for tried in found.paths if tried.failed} == {Path.STRIDED}
    assert asked[0] == sum(asked[1:])


def test_one_dimension_has_no_transpose() -> None:
    pool = paths.pool(find("relu"), "float32")
    problem = problem_at(find("relu"), "forward", "float32", pool.bits)

    def flat(x: Array) -> Array:
        if x.ndim > 1:
            raise ValueError("one dimension, please")
        return _relu(x)

    [found] = paths.tried(_CASE, [problem], _attempter(flat), (2**14,), _EXTENT, pool) or []
    assert {tried.path for tried in found.paths} == set(Path) - {Path.TRANSPOSED}
    assert not any(tried.failed for tried in found.paths)


# --- functions of rows ----------------------------------------------------------------------------


def _crelu(x: Array) -> Array:
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)


def _found_of_rows(kernel: Kernel) -> dict[Path, Tried]:
    case = replace(_CASE, activation="crelu", form="kernel")
    problem = problem_of(find("crelu"), "forward", "float32", 1, 0)
    [found] = paths.tried(case, [problem], _attempter(kernel), (1,), _EXTENT) or []
    assert found.tested == 0
    assert set(_by_path(found)) == set(Path) - {Path.TAIL, Path.LARGE, Path.SCALAR}
    return _by_path(found)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        (lambda x: False, None),
        (lambda x: len(x) == 1, Path.SHORT),
        (lambda x: x.strides[-1] == 2 * x.itemsize, Path.STRIDED),
        (lambda x: x.strides[-1] > 8 * x.itemsize, Path.TRANSPOSED),
        (lambda x: x.strides[0] == 0, Path.BROADCAST),
        (lambda x: x.ctypes.data % 8, Path.UNALIGNED),
    ],
)
def test_rows_are_given_in_other_arrays(wrong: Callable[[Array], bool], path: Path | None) -> None:
    found = _found_of_rows(lambda x: _crelu(x) + np.float32(64 if wrong(x) else 0))
    parted = {tried.path for tried in found.values() if tried.worst}
    assert parted == ({path} if path else set())
    if path:
        worst = found[path].worst
        assert worst is not None
        assert worst.output is not None
        assert worst.got == pytest.approx((worst.other or 0) + 64)
        assert worst.exact == pytest.approx(worst.other)


# --- which cases ----------------------------------------------------------------------------------

_TORCH = replace(_CASE, framework="torch", form="native")


@pytest.mark.parametrize(
    ("case", "asked", "extent"),
    [
        (_TORCH, Selection(), paths.ALL),
        (replace(_TORCH, form="where"), Selection(), paths.TAIL),
        (replace(_TORCH, mode="compiled"), Selection(), None),
        (replace(_TORCH, mode="compiled"), Selection(activations=("relu",)), paths.TAIL),
        (replace(_TORCH, framework="jax"), Selection(), paths.FEW),
        (replace(_TORCH, framework="jax", form="where"), Selection(), None),
        (replace(_TORCH, framework="numpy", form="max"), Selection(), paths.ALL),
        (replace(_TORCH, activation="softmax"), Selection(), paths.ALL),
        (replace(_TORCH, activation="softmax", form="wide"), Selection(), None),
        (replace(_TORCH, activation="softmax(axis=0)"), Selection(), None),
        (replace(_TORCH, activation="softmax", mode="compiled"), Selection(), None),
        (replace(_TORCH, activation="softmax", framework="jax"), Selection(), None),
        (replace(_TORCH, activation="prelu(per_channel=true)"), Selection(), None),
    ],
)
def test_what_costs_a_compilation_for_each_shape_is_tried_on_few(
    case: Case, asked: Selection, extent: paths.Extent | None
) -> None:
    assert paths.extent_of(case, _EVERY, asked) == extent
    in_a_run = extent and not find(case.activation).rowwise and case.mode == "eager"
    in_a_run = in_a_run and case.framework != "jax"
    assert paths.extent_of(case, PROFILES["standard"], asked) == (paths.TAIL if in_a_run else None)


# --- in workers -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_lays_inputs_out_as_asked(framework: str, worker: SupervisedWorker) -> None:
    """The same results in every layout, and a reason where a framework has no views."""
    worker.failures.clear()
    form = "max" if framework == "numpy" else "native"
    case = replace(_CASE, framework=framework, form=form, direction="both")
    bits = np.arange(-6, 6).astype(np.float32).view(np.uint32)
    block = np.broadcast_to(bits, (3, 12))
    asked = [Laid(bits), Laid(bits, Layout.UNALIGNED), Laid(bits, Layout.STRIDED)]
    asked += [Laid(bits.reshape(3, 4), Layout.TRANSPOSED), Laid(block, Layout.BROADCAST)]
    asked += [Laid(bits[0].reshape(())), Laid(bits[:0])]
    attempts = worker.attempts(case, asked)
    expected = np.maximum(bits.view(np.float32), 0)
    for laid, attempt in zip(asked, attempts, strict=True):
        if laid.layout is not Layout.WHOLE and framework in ("jax", "tensorflow"):
            assert attempt.failure is not None
            assert attempt.failure.status is Status.UNSUPPORTED
            assert "no views" in attempt.failure.reason
            continue
        assert attempt.failure is None, (laid.layout, attempt.failure)
        assert not attempt.wrote
        value, slope = (output.view(np.float32).ravel() for output in attempt.outputs)
        right = np.resize(expected, laid.bits.size)
        assert np.array_equal(value, right)
        assert np.array_equal(slope, right > 0)


@pytest.mark.slow
@pytest.mark.parametrize("label", ["hardtanh", "elu", "celu", "hard_swish"])
def test_gradients_at_nan_are_others_in_the_last_elements(
    label: str, framework: str, worker: SupervisedWorker
) -> None:
    """In PyTorch's float32 and bfloat16 they are; in NumPy, of this project's own work, not."""
    if framework not in ("torch", "numpy"):
        pytest.skip("a compiler makes code for each shape there")
    worker.failures.clear()
    problems = Problems(1, 0)
    for dtype in ("float32", "bfloat16") if framework == "torch" else ("float32",):
        form = plain_form(find(label), frameworks()[framework])
        case = Case(framework, label, form, "eager", "both", "cpu", dtype, 0, 1)
        both = [problems.of(directed) for directed in directions_of(case)]
        extent = paths.extent_of(case, PROFILES["smoke"], Selection())
        assert extent == paths.TAIL, "any run tries that"
        _, slope = paths.tried(case, both, worker.attempts, _SHAPE, extent) or []
        tail = _by_path(slope)[Path.TAIL]
        assert (tail.apart_flushed > 1e3) is (framework == "torch"), dtype
        if tail.worst:
            assert tail.worst.input == "nan"
            assert repr(tail.worst.got) != repr(tail.worst.other)


def test_a_subject_is_tried_in_a_process_of_its_own(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that dies of a view costs that path."""
    code = "import os\nimport numpy as np\n\ndef kernel(x):\n"
    code += "    if x.ndim == 1 and x.strides[0] > x.itemsize: os._exit(7)\n"
    (tmp_path / "dying.py").write_text(code + "    return np.maximum(x, 0)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    framework = own("dying:kernel", "relu")
    case = replace(_CASE, framework=framework.name, form=framework.callable, dtype="float16")
    [found] = of_a_process(Subject(case, framework, sys.executable), Range(-1.0, 2.0))
    assert {tried.path for tried in found.paths if tried.failed} == {Path.STRIDED}
    assert "exit status 7" in _by_path(found)[Path.STRIDED].reason
    assert found.tested == 0


def test_a_run_keeps_paths_in_its_rows_and_makes_findings_of_them(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import numpy as np\n\ndef kernel(x):\n    y = np.maximum(x, 0)\n"
    code += "    if x.size % 16 and x.ndim: y.reshape(-1)[-1] = 0\n    return y\n"
    (tmp_path / "undone.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    out = tmp_path / "run"
    chosen = ["--callable", "undone:kernel", "--reference", "relu", "--dtype", "float16"]
    chosen += ["--range", "-1", "2", "--bound", "1", "--json", "--out", str(out)]
    with pytest.raises(SystemExit) as left:
        main(["agree", *chosen])
    assert left.value.code == 1, "the bound holds for the tail as well"
    [certificate] = held("answer-agree", capsys.readouterr().out)["certificates"]
    by_path = {tried["path"]: tried for tried in certificate["paths"]}
    assert set(by_path) == {path.value for path in Path}
    assert by_path["scalar tail"]["worst"]["got"] == 0
    assert by_path["scalar tail"]["worst"]["other"] > 0
    assert certificate["worst"]["path"] in by_path
    stored = load(out)
    [largest] = [row for row in stored.records if row.metric == "max_ulp"]
    assert {tried.path for tried in largest.paths} == set(Path)
    [found] = [finding for finding in findings(stored) if finding.nature == "path"]
    assert Path.TAIL in {tried.path for tried in found.paths}
    assert "in the last elements" in found.sentence
    assert found.as_dict()["paths"][0]["path"]


def test_frameworks_of_the_tree_have_paths_in_their_plain_form() -> None:
    for name, framework in frameworks().items():
        case = replace(_CASE, framework=name, form="native" if name != "numpy" else "max")
        extent = paths.extent_of(case, _EVERY, Selection())
        assert extent == (paths.FEW if "eager" in framework.compiles else paths.ALL)
