"""Networks: their gradients against differences, their beginnings, and what they learn."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case, plain_form
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.worker.layers import Activated, Dense, Function, Normalised, variance
from actbench.bench.worker.perceptron import Perceptron, of_scores, train
from actbench.bench.worker.protocol import Network, Phase, Samples, Train, Weights
from actbench.bench.worker.steps import Steps
from actbench.bench.workers.requests import call_of

_ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "selu", "sigmoid", "tanh", "softplus", "gelu")
_FEATURES, _CLASSES, _COUNT = 3, 4, 7


def _function(framework: str, label: str, dtype: str = "float64") -> Function:
    record = find(label)
    form = plain_form(record, frameworks()[framework])
    case = Case(framework, record.label, form, "eager", "forward", "cpu", dtype, 1, 1)
    module: Any = importlib.import_module(f"actbench.impls.{framework}")
    adapter = module.Adapter("cpu", 1)
    return Function(Steps(module, adapter), adapter, call_of(case, 1))


def _samples(seed: int, count: int = _COUNT, shift: float = 0.0) -> Samples:
    generator = np.random.default_rng(seed)
    inputs = generator.standard_normal((count, _FEATURES)) + shift
    return Samples(inputs, generator.integers(_CLASSES, size=count))


def _net(network: Network, label: str, seed: int = 0) -> Perceptron:
    generator = np.random.default_rng(seed)
    return Perceptron(network, _function("numpy", label), _FEATURES, _CLASSES, generator)


def _loss(net: Perceptron, samples: Samples) -> float:
    loss = of_scores(net.scores(samples.inputs), samples.labels).loss
    return loss + sum(layer.price for layer in net.hidden)


@given(
    label=st.sampled_from(_ACTIVATIONS),
    widths=st.lists(st.integers(1, 4), max_size=3).map(tuple),
    normalised=st.booleans(),
    l1=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=100)
def test_gradients_are_those_of_the_loss(
    label: str, widths: tuple[int, ...], normalised: bool, l1: float, seed: int
) -> None:
    """Along a random direction of all parameters, against a central difference in float64."""
    net = _net(Network(widths, bias=0.1, normalised=normalised, l1=l1), label, seed)
    samples, generator = _samples(seed), np.random.default_rng(seed)
    net.backward(samples)
    gradients = [array.copy() for layer in net.layers for array in layer.gradients]
    # Apart from the edges of pieces, at which there is no slope, and from an L1 price's at 0.
    assume(all(np.abs(layer.given).min() > 1e-4 for layer in net.hidden))
    assume(
        all(np.abs(layer.output[layer.output != 0]).min(initial=1) > 1e-4 for layer in net.hidden)
    )
    step = 1e-6
    direction = [generator.standard_normal(array.shape) for array in net.parameters]
    losses = []
    for sign in (1, -2, 1):
        for array, along in zip(net.parameters, direction, strict=True):
            array += sign * step * along
        losses.append(_loss(net, samples))
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("weights", Weights)
@pytest.mark.parametrize("uniform", [False, True])
def test_weights_have_their_variance(weights: Weights, uniform: bool) -> None:
    generator = np.random.default_rng(1)
    network = Network((400, 500), weights=weights, uniform=uniform, bias=0.2)
    net = Perceptron(network, _function("numpy", "relu"), 300, 10, generator)
    dense = [layer for layer in net.layers if isinstance(layer, Dense)]
    for layer, (inputs, outputs) in zip(dense, [(300, 400), (400, 500), (500, 10)], strict=True):
        drawn, bias = layer.parameters
        expected = variance(weights, inputs, outputs)
        assert drawn.shape == (inputs, outputs)
        assert drawn.var() == pytest.approx(expected, rel=0.07)  # 3.5 deviations of the smallest
        assert abs(drawn.mean()) < 4 * (expected / drawn.size) ** 0.5
        assert (np.abs(drawn).max() <= (3 * expected) ** 0.5) == uniform
        np.testing.assert_array_equal(bias, 0 if layer is dense[-1] else 0.2)


def test_batch_normalisation_centres_a_batch_and_keeps_its_statistics() -> None:
    generator = np.random.default_rng(0)
    layer = Normalised(np.full(5, 2.0), np.full(5, -1.0))
    batch = 3 + 4 * generator.standard_normal((50, 5))
    out = layer.forward(batch)
    np.testing.assert_allclose(out.mean(axis=0), -1)
    np.testing.assert_allclose(out.std(axis=0), 2, rtol=1e-5)
    np.testing.assert_allclose(layer.forward(batch[:7], fresh=False), out[:7])


def test_the_loss_is_the_cross_entropy_of_a_softmax() -> None:
    samples = _samples(3)
    scores = 50 * np.random.default_rng(3).standard_normal((_COUNT, _CLASSES))
    judged = of_scores(scores, samples.labels)
    logs = log_softmax(scores, axis=1)
    assert judged.loss == pytest.approx(-logs[np.arange(_COUNT), samples.labels].mean())
    assert judged.errors == (scores.argmax(axis=1) != samples.labels).mean()


def _train(network: Network, label: str, framework: str = "numpy", **more: Any) -> Any:
    function = _function(framework, label, more.pop("dtype", "float64"))
    request = Train(None, network, _samples(0, 40), _samples(1, 20), **more)  # type: ignore[arg-type]
    return train(request, function)


def test_descent_has_momentum() -> None:
    """Of a network without hidden layers: two steps on all samples, written out."""
    rate, momentum = 0.3, 0.7
    samples, held = _samples(0, 40), _samples(1, 20)
    network = Network((), (Phase(2, rate),), batch=40, momentum=momentum, looks=1)
    after = train(Train(None, network, samples, held, 5), _function("numpy", "relu"))  # type: ignore[arg-type]
    weights = np.random.default_rng([5, 0]).standard_normal((_FEATURES, _CLASSES))
    weights *= (2 / _FEATURES) ** 0.5
    x = np.hstack([samples.inputs, np.ones((40, 1))])
    found, velocity = np.vstack([weights, np.zeros(_CLASSES)]), 0.0
    for state in after:
        logs = log_softmax(x @ found, axis=1)
        assert state.loss == pytest.approx(-logs[np.arange(40), samples.labels].mean())
        slope = x.T @ (np.exp(logs) - np.eye(_CLASSES)[samples.labels]) / 40
        velocity = momentum * velocity - rate * slope
        found = found + velocity
    assert [state.step for state in after] == [0, 1, 2]


def test_a_seed_decides_everything() -> None:
    network = Network((8, 8), (Phase(2, 0.1), Phase(1, 0.05, scale=2.0)), normalised=True, batch=8)
    first, again, other = (repr(_train(network, "elu", seed=seed)) for seed in (4, 4, 5))
    assert first == again != other


def test_states_are_taken_at_each_look() -> None:
    network = Network((4,), (Phase(1, 0.1), Phase(2, 0.1)), batch=10)
    for looks, steps in {0: [0, 4, 12], 2: [0, 2, 4, 6, 8, 10, 12]}.items():
        states = _train(replace(network, looks=looks), "relu")
        assert [state.step for state in states] == steps
        assert states[-1].loss < states[0].loss


def test_looking_changes_nothing() -> None:
    network = Network((6, 6), (Phase(3, 0.1),), batch=8, normalised=True)
    rarely, often = (_train(replace(network, looks=looks), "relu")[-1] for looks in (0, 5))
    assert repr(rarely) == repr(often)


@pytest.mark.parametrize(
    ("bias", "label", "active", "dead", "zeros"),
    [
        (-100.0, "relu", 0, True, 1),
        (-100.0, "leaky_relu", 0, False, 0),
        (100.0, "relu", 1, False, 0),
        (1000.0, "sigmoid", 1, True, 0),
    ],
)
def test_units_that_are_off_or_without_a_slope_are_seen(
    bias: float, label: str, active: float, dead: bool, zeros: float
) -> None:
    (state,) = _train(Network((5,), bias=bias), label)
    (layer,) = state.layers
    np.testing.assert_array_equal(layer.active, active)
    np.testing.assert_array_equal(layer.dead, dead)
    assert layer.zeros == zeros


def test_the_state_of_a_layer_is_that_of_its_units() -> None:
    """Against an activation that is linear, PReLU with a slope of 1: everything is known."""
    network, samples = Network((6,), bias=0.5), _samples(0, 40, shift=1.0)
    request = Train(None, network, samples, samples, 0)  # type: ignore[arg-type]
    (state,) = train(request, _function("numpy", "prelu(alpha=1)"))
    net = Perceptron(
        network,
        _function("numpy", "prelu(alpha=1)"),
        _FEATURES,
        _CLASSES,
        np.random.default_rng([0, 0]),
    )
    weights, bias = net.layers[0].parameters
    inner = samples.inputs @ weights + bias
    judged = of_scores(net.scores(samples.inputs), samples.labels)
    gradient = judged.gradient @ net.layers[-1].parameters[0].T
    (layer,) = state.layers
    assert layer.slope == 1
    assert layer.mean == pytest.approx(inner.mean())
    assert layer.variance == pytest.approx(inner.var())
    assert layer.shift == pytest.approx((np.abs(inner.mean(axis=0)) / inner.std(axis=0)).mean())
    assert layer.gradient == pytest.approx(40 * (gradient**2).mean() ** 0.5)
    np.testing.assert_allclose(layer.active, (inner > 0).mean(axis=0))


def test_a_unit_costs_the_size_of_its_output() -> None:
    layer = Activated(_function("numpy", "relu"), l1=0.5)
    layer.forward(np.array([[1.0, -2.0], [3.0, 4.0]]))
    assert layer.price == 0.5 * 8 / 2


@pytest.mark.slow
@pytest.mark.parametrize("label", ["relu", "elu", "gelu", "prelu"])
def test_another_framework_trains_the_same_network(label: str) -> None:
    """Within rounding, for some steps: activation and gradient are the framework's own."""
    pytest.importorskip("torch", reason="PyTorch is not installed here")
    network = Network((8, 8), (Phase(2, 0.1),), batch=10, normalised=True, looks=1)
    ours, theirs = (_train(network, label, framework) for framework in ("numpy", "torch"))
    assert len(ours) == len(theirs) == 3
    for one, other in zip(ours, theirs, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-9)
        for layer, same in zip(one.layers, other.layers, strict=True):
            assert layer.gradient == pytest.approx(same.gradient, rel=1e-9)
            assert layer.mean == pytest.approx(same.mean, rel=1e-9)
