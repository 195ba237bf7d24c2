"""The ground of claims on networks: digits, seeds, intervals, and processes that train."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from actbench.bench.claims import networks
from actbench.bench.claims.costs import above
from actbench.bench.claims.ground import Effort, Unavailable
from actbench.bench.claims.networks import Networks, Setting, digits, mean, request
from actbench.bench.worker.layers import Function
from actbench.bench.worker.perceptron import train
from actbench.bench.worker.protocol import Network, Phase
from actbench.bench.worker.steps import Steps

_EFFORT = Effort({"": sys.executable}, frameworks=("numpy",), seed=2, quick=True)
_SMALL = Setting("elu", Network((5,), (Phase(1, 0.1),), batch=100))


@pytest.fixture(scope="module")
def ground() -> Iterator[Networks]:
    """Networks with the effort of a quick answer."""
    with Networks.opened(None, _EFFORT) as made:
        yield made


def test_a_process_trains_what_is_trained_here(ground: Networks) -> None:
    """To the last bit: the seed decides, not the process."""
    module: Any = importlib.import_module("actbench.impls.numpy")
    adapter = module.Adapter("cpu", 1)
    (runs,) = ground.trained(_SMALL)
    assert ground.seeds == [2000, 2001, 2002]
    for seed, states in zip(ground.seeds, runs, strict=True):
        asked = request("numpy", _SMALL, seed)
        here = train(asked, Function(Steps(module, adapter), adapter, asked.call))
        assert repr(here) == repr(states)
    assert len({repr(states) for states in runs}) == 3


def test_what_is_trained_is_kept(ground: Networks) -> None:
    other = replace(_SMALL, standardised=False)
    first, different = ground.trained(_SMALL, other)
    again, same = ground.trained(_SMALL, _SMALL)
    assert all(one is two is three for one, two, three in zip(first, again, same, strict=True))
    assert repr(first) != repr(different)


def test_networks_of_a_seed_begin_alike(ground: Networks) -> None:
    relu, elu = (ground.trained(replace(_SMALL, activation=name))[0] for name in ("relu", "elu"))
    for one, other in zip(relu, elu, strict=True):
        np.testing.assert_array_equal(one[0].layers[0].active, other[0].layers[0].active)


def test_a_quick_answer_has_fewer_seeds_and_epochs(ground: Networks) -> None:
    assert ground.epochs(5) == 3
    with Networks.opened(None, replace(_EFFORT, quick=False)) as thorough:
        assert len(thorough.seeds) == 8
        assert thorough.epochs(5) == 5


def test_a_process_that_is_gone_makes_a_claim_undecided() -> None:
    with Networks.opened(None, _EFFORT) as ground:
        for worker in ground._workers:
            worker.kill()
        with pytest.raises(Unavailable, match="a network could not be trained"):
            ground.trained(_SMALL)


def test_what_is_lacking_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(Unavailable, match="cannot start /nowhere/python"),
        Networks.opened(None, Effort({"": "/nowhere/python"})),
    ):
        pass
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    with (
        pytest.raises(Unavailable, match=r"python -m pip install scikit-learn$"),
        Networks.opened(None, _EFFORT),
    ):
        pass


def test_digits_are_split_by_the_seed() -> None:
    learned, held = digits(3)
    raw, raw_held = digits(3, standardised=False)
    assert (len(learned.labels), len(held.labels)) == (1198, 599)
    np.testing.assert_allclose(learned.inputs.mean(axis=0), 0, atol=1e-12)
    spread = learned.inputs.std(axis=0)
    assert spread.max() == pytest.approx(1)
    assert (np.isclose(spread, 1) | (raw.inputs.std(axis=0) < 0.1)).all()
    together = np.vstack([raw.inputs, raw_held.inputs])
    other, other_held = digits(4, standardised=False)
    assert not np.array_equal(raw.inputs, other.inputs)
    others = np.vstack([other.inputs, other_held.inputs])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(others, axis=0))
    assert (together.min(), together.max()) == (0, 16)


@pytest.mark.parametrize("values", [[0.1, 0.4, 0.3], [5.0, 5.0, 5.0], [1.0, 2.0, 4.0, 8.0, 16.0]])
def test_a_mean_has_students_interval(values: list[float]) -> None:
    found = mean(values)
    assert found.value == pytest.approx(np.mean(values))
    if len(set(values)) > 1:
        ends = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert (found.low, found.high) == pytest.approx(ends)
    else:
        assert found.low == found.high == values[0]


@pytest.mark.parametrize("values", [[1.0, math.nan, 2.0], [1.0, math.inf], [3.0]])
def test_a_mean_that_is_not_known_decides_nothing(values: list[float], ground: Networks) -> None:
    figure = ground.figure("of", values, above(0.0))
    assert (figure.low, figure.high, figure.holds) == (None, None, None)


def test_a_ratio_is_a_geometric_mean(ground: Networks) -> None:
    figure = ground.ratio("of", [2.0, 8.0, 32.0], [1.0, 1.0, 1.0], above(1.0))
    assert figure.value == pytest.approx(8)
    assert figure.low is not None
    assert figure.high is not None
    assert math.sqrt(figure.low * figure.high) == pytest.approx(8)
    assert ground.ratio("of", [2.0, 0.0, 1.0], [1.0, 1.0, 1.0], above(1.0)).holds is None
