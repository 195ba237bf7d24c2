"""Inputs by their result: every binade of the values has its ends, and inputs between."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import PROFILES, Case
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import by_result as module
from actbench.bench.exactness import sweep
from actbench.bench.exactness.by_result import by_result
from actbench.bench.exactness.problem import Problem, problem_of
from actbench.bench.workers.supervised import SupervisedWorker

LABELS = ("gelu", "mish", "silu", "softplus", "elu", "tanh", "squareplus", "log1p", "leaky_relu")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own: nothing is known beforehand."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _binades(problem: Problem) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The binade of each exact value, signed: from the least subnormal number on, 0 below."""
    fmt = DTYPES[problem.dtype]
    exact = problem.exact
    least = fmt.emin - fmt.precision + 1
    above = np.where(np.isinf(exact.high), fmt.emax + 2, exact.exponent) - least
    size = np.clip(above, 0, fmt.emax + 2 - least)
    return np.where(exact.high == 0, 0, np.where(exact.high > 0, size, -size)).astype(np.int64)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", LABELS)
def test_no_binade_of_results_is_left_out(label: str, direction: str) -> None:
    """Inputs that follow each other have results of one binade or of two beside each other."""
    _check_covered(label, direction, "float32")


@pytest.mark.parametrize("label", ["mish", "softplus"])
def test_none_is_left_out_in_float64(label: str) -> None:
    _check_covered(label, "forward", "float64")


def _check_covered(label: str, direction: str, dtype: str) -> None:
    problem = problem_of(find(label), direction, dtype, 1, 0)
    there = np.isfinite(problem.x) & ~np.isnan(problem.exact.high)
    places = np.array([inputs.place_of(float(x), dtype) for x in problem.x[there]])
    order = np.argsort(places, kind="stable")
    places, binades = places[order], _binades(problem)[there][order]
    jumps = np.abs(np.diff(binades)) > 1
    assert (np.diff(places)[jumps] == 1).all()
    values = problem.value[there]
    subnormal = DTYPES[dtype].is_subnormal(values)
    if np.abs(values)[values != 0].min() < DTYPES[dtype].smallest:
        assert subnormal.sum() > DTYPES[dtype].precision


def test_each_binade_has_its_first_input_and_its_last() -> None:
    """Both neighbours of where the exponential passes a power of two: k ln 2 is known."""
    x = np.sort(by_result(find("exp"), "forward", "float32", 0, 0).view(np.float32))
    ctx.prec = 100
    for exponent in range(-149, 128):
        place = float(arb(exponent) * arb(2).log())
        above = int(np.searchsorted(x.astype(np.float64), place, side="left"))
        low, high = x[above - 1], x[above]
        if exponent == 0:
            continue  # there it is 1 itself
        assert float(low) < place < float(high)
        assert np.nextafter(low, np.float32(np.inf)) == high


@pytest.mark.parametrize("per_binade", [0, 2, 8])
def test_each_binade_has_as_many_inputs_as_asked(per_binade: int) -> None:
    added = by_result(find("exp"), "forward", "float32", per_binade, 3)
    every = np.union1d(added, inputs.stratified("float32", per_binade, 3))
    x = every.view(np.float32).astype(np.float64)
    x = x[(x > -103.2) & (x < 88.7)]
    counts = np.bincount(np.floor(x / math.log(2)).astype(int) + 149)
    assert counts[1:-1].min() >= per_binade + 2  # those at the ends are cut


def test_what_is_covered_by_the_grid_is_not_tried_again() -> None:
    grid = inputs.stratified("float32", 8, 0)
    for label in ("relu", "copy"):
        added = np.setdiff1d(by_result(find(label), "forward", "float32", 8, 0), grid)
        assert len(added) < 16


def test_the_numbers_of_inputs_stay_moderate() -> None:
    for dtype, most in (("float32", 12_000), ("float64", 70_000)):
        per_binade = PROFILES["standard"].per_binade
        assert problem_of(find("mish"), "forward", dtype, per_binade, 0).bits.size < most


def test_the_same_inputs_come_from_the_cache_and_a_damaged_file_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = by_result(find("silu"), "backward", "float32", 2, 5)
    [file] = (tmp_path / "actbench" / "exact").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(module, "_bisected", lambda *_: pytest.fail("it is known"))
        assert np.array_equal(by_result(find("silu"), "backward", "float32", 2, 5), first)
    file.write_bytes(file.read_bytes()[:-100])
    assert np.array_equal(by_result(find("silu"), "backward", "float32", 2, 5), first)
    assert not np.array_equal(by_result(find("silu"), "backward", "float32", 2, 6), first)


KNOWN = {"torch": ("mish", 145.0), "jax": ("softplus", 5.0e5)}
"""Functions whose largest errors lie where results are subnormal, and what is found at least."""


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["smoke", "standard"])
def test_errors_among_subnormal_results_are_found(
    profile: str, framework: str, worker: SupervisedWorker
) -> None:
    if framework not in KNOWN:
        pytest.skip("no such function is known there")
    worker.failures.clear()
    label, least = KNOWN[framework]
    problem = problem_of(find(label), "forward", "float32", PROFILES[profile].per_binade, 0)
    case = Case(framework, label, "native", "eager", "forward", "cpu", "float32", 0, 1)
    judged = sweep.measure(replace(case, size=problem.bits.size), [problem], worker.evaluate)
    assert judged is not None
    [(sample, _)] = judged
    assert sample.certificate.max_ulp >= least
    assert sample.certificate.worst is not None
    assert abs(sample.certificate.worst.exact or 0) < DTYPES["float32"].normal
