"""Errors by binade against a direct computation, at every input of float16."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.dtypes import DTYPES
from actbench.bench.exactness import binades, sweep, ulp
from actbench.bench.exactness.judge import judge
from actbench.bench.exactness.known import all_inputs
from actbench.bench.exactness.problem import Problem, problem_of
from actbench.bench.results.samples import Certificate


@pytest.fixture(scope="module")
def judged() -> tuple[Problem, np.ndarray, Certificate]:
    """SiLU in float16, computed carelessly: at every input, its results and its certificate."""
    problem = problem_of(find("silu"), "forward", "float16", 1, 1)
    x = inputs.from_bits(problem.bits, "float16").astype(np.float16)
    with np.errstate(all="ignore"):
        result = (x / (1 + np.exp(-x))).view(np.uint16)
    case = Case("numpy", "silu", "textbook", "eager", "forward", "cpu", "float16", 65536, 1)
    return problem, result, sweep.sample_of(case, judge(problem, result)).certificate


def test_every_binade_of_float16(judged: tuple[Problem, np.ndarray, Certificate]) -> None:
    problem, result, certificate = judged
    found = certificate.binades
    errors = ulp.measure(result, problem.exact, "float16").flushed
    x, half = np.where(np.isnan(problem.x), 0, problem.x), len(binades.edges("float16"))
    assert problem.bits.size == 65536
    assert half == 1 + 30
    for sign, places in ((-1, found[half - 1 :: -1]), (1, found[half:])):
        for group, exponent in enumerate(range(-14, 16), start=1):
            inside = (sign * x >= 2.0**exponent) & (sign * x < 2.0 ** (exponent + 1))
            assert inside.sum() == 1024
            assert places[group] == pytest.approx(errors[inside].max(), rel=6e-3, abs=1e-3)


def test_the_largest_of_all_binades_is_that_of_the_case(
    judged: tuple[Problem, np.ndarray, Certificate],
) -> None:
    _, _, certificate = judged
    assert max(certificate.binades) == pytest.approx(certificate.max_ulp_flushed, rel=6e-3)
    assert min(certificate.binades) >= 0


@given(st.integers(0, 2**32 - 1), st.sampled_from(["float16", "bfloat16"]))
def test_a_group_holds_the_largest_error_of_its_inputs(seed: int, dtype: str) -> None:
    """Any errors at all inputs: each is at most that of its group, and every group reaches it."""
    x = inputs.from_bits(all_inputs(dtype), dtype)
    errors = np.random.default_rng(seed).random(x.shape) * 100
    found = binades.largest(all_inputs(dtype), errors, dtype)
    finite = np.isfinite(x)
    assert max(found) == errors[finite].max()
    assert set(found) <= set(errors[finite])
    zero = len(binades.edges(dtype))
    small = np.abs(x) < 2.0 ** DTYPES[dtype].emin
    assert found[zero] == errors[small & ~np.signbit(x)].max()
    assert found[zero - 1] == errors[small & np.signbit(x)].max()
    assert found[-1] == errors[finite & (x >= 2.0 ** binades.edges(dtype)[-2])].max()
    assert found[0] == errors[finite & (x <= -(2.0 ** binades.edges(dtype)[-2]))].max()


@pytest.mark.parametrize("dtype", list(DTYPES))
def test_groups_cover_a_format(dtype: str) -> None:
    ends = binades.edges(dtype)
    assert (ends[0], ends[-1]) == (DTYPES[dtype].emin, DTYPES[dtype].emax + 1)
    assert list(ends) == sorted(set(ends))
    assert 2 * len(ends) <= 130


def test_three_digits_are_kept_and_next_to_nothing_is_nothing() -> None:
    found = (-1.0, 9e-4, 0.0012345, 0.5, 1.2345e7, float("inf"))
    assert binades.rounded(found) == (-1.0, 0.0, 0.00123, 0.5, 1.23e7, float("inf"))


def test_rows_are_no_inputs_of_their_own() -> None:
    problem = problem_of(find("softmax"), "forward", "float16", 1, 1)
    assert judge(problem, inputs.to_bits(problem.value, "float16")).binades == ()
