"""Lines of NumPy as people copy them, held against values by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.claims.copied import Copied
from actbench.bench.claims.ground import Effort, Unavailable
from actbench.bench.claims.textbook import BY_ABSOLUTE, BY_PRODUCT, ELU, LINES, RELU, SIGMOID

QUICK = Effort({"": sys.executable}, quick=True)


def test_lines_are_the_functions_that_they_should_be() -> None:
    x = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
    for line in (RELU, BY_PRODUCT, BY_ABSOLUTE):
        assert line(x).tolist() == [0, 0, 0, 0.5, 3]
    expected = [-0.01 * 3, 0.01 * (np.exp(-0.5) - 1), 1 / (1 + np.exp(-0.5)), np.log1p(np.exp(3))]
    found = [line(x)[at] for line, at in zip(LINES[1:], (0, 1, 3, 4), strict=True)]
    assert found == pytest.approx(expected, rel=1e-15)


def test_an_overflow_is_seen_where_there_is_one() -> None:
    assert ELU.overflows(np.array([1000.0])) == 1
    assert ELU.overflows(np.array([-1000.0])) == 0
    assert SIGMOID.overflows(np.array([1000.0])) == 0


def test_a_certificate_may_be_of_the_inputs_below_a_number() -> None:
    copied = Copied(QUICK, Path())
    whole, part = (copied.certificate(RELU, "float32", below=below) for below in (np.inf, 0.0))
    assert 0 < part.tested < whole.tested
    assert part.max_ulp == whole.max_ulp == 0


def test_without_numpy_the_claims_of_its_lines_are_undecided() -> None:
    with pytest.raises(Unavailable), Copied.opened(None, Effort({}, frameworks=("torch",))):
        pass
