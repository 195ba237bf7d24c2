"""A fully connected network that learns classes by gradient descent, and what its layers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .buffers import Array
from .layers import Activated, Dense, Function, Layer, Normalised, variance
from .protocol import LayerState, Network, Phase, Samples, State, Train


def train(request: Train, function: Function) -> tuple[State, ...]:
    """The states of a network, at the start and at each look. The seed decides everything."""
    learned, held = (_of(samples, function) for samples in (request.learned, request.held))
    weights, order = (np.random.default_rng([request.seed, part]) for part in range(2))
    classes = int(learned.labels.max()) + 1
    net = Perceptron(request.network, function, learned.inputs.shape[1], classes, weights)
    with np.errstate(all="ignore"):
        states = [net.state(0, learned, held)]
        for step in net.steps(learned, order):
            states.append(net.state(step, learned, held))
    return tuple(states)


def _of(samples: Samples, function: Function) -> Samples:
    return Samples(samples.inputs.astype(function.dtype), samples.labels)


class Perceptron:
    """Dense layers, each followed by its activation, and one of scores, a column per class."""

    def __init__(
        self,
        network: Network,
        function: Function,
        features: int,
        classes: int,
        generator: np.random.Generator,
    ) -> None:
        self._network, self._dtype = network, function.dtype
        self._generator = generator
        self.hidden: list[Activated] = []
        self.layers: list[Layer] = []
        for inputs, outputs in zip((features, *network.widths), network.widths, strict=False):
            self.layers.append(self._dense(inputs, outputs, network.bias))
            if network.normalised:
                ones = np.ones(outputs, function.dtype)
                self.layers.append(Normalised(ones, np.zeros_like(ones)))
            self.hidden.append(Activated(function, network.l1))
            self.layers.append(self.hidden[-1])
        self.layers.append(self._dense((features, *network.widths)[-1], classes, 0.0))
        self.parameters = [array for layer in self.layers for array in layer.parameters]

    def _dense(self, inputs: int, outputs: int, bias: float) -> Dense:
        deviation = variance(self._network.weights, inputs, outputs) ** 0.5
        drawn = (
            self._generator.uniform(-(3**0.5), 3**0.5, (inputs, outputs))
            if self._network.uniform
            else self._generator.standard_normal((inputs, outputs))
        )
        return Dense((deviation * drawn).astype(self._dtype), np.full(outputs, bias, self._dtype))

    def scores(self, x: Array, fresh: bool = True) -> Array:
        """The scores of the classes, a row per sample."""
        for layer in self.layers:
            x = layer.forward(x, fresh)
        return x

    def backward(self, samples: Samples) -> Judged:
        """The loss on samples, and in each layer its gradient."""
        judged = of_scores(self.scores(samples.inputs), samples.labels)
        upstream = judged.gradient
        for layer in reversed(self.layers):
            upstream = layer.backward(upstream)
        return judged

    def steps(self, samples: Samples, order: np.random.Generator) -> Iterator[int]:
        """Learn by gradient descent with momentum; yields the number of steps at each look."""
        network = self._network
        velocities = [np.zeros_like(array) for array in self.parameters]
        step, batches = 0, len(samples.labels) // network.batch
        looks = {batches * (look + 1) // network.looks for look in range(network.looks)}
        for phase in network.phases:
            for epoch in range(1, phase.epochs + 1):
                shuffled = order.permutation(len(samples.labels))
                for place in range(batches):
                    rows = shuffled[place * network.batch : (place + 1) * network.batch]
                    self._learn(_scaled(samples, rows, phase), phase.rate, velocities)
                    step += 1
                    last = epoch == phase.epochs and place + 1 == batches
                    if last or place + 1 in looks:
                        yield step

    def _learn(self, samples: Samples, rate: float, velocities: Sequence[Array]) -> None:
        self.backward(samples)
        gradients = [array for layer in self.layers for array in layer.gradients]
        for array, gradient, velocity in zip(self.parameters, gradients, velocities, strict=True):
            velocity *= self._network.momentum
            velocity -= rate * gradient
            array += velocity

    def state(self, step: int, learned: Samples, held: Samples) -> State:
        """The state after some steps; computing it changes nothing."""
        judged = self.backward(learned)
        layers = tuple(map(_state, self.hidden))
        other = of_scores(self.scores(held.inputs, fresh=False), held.labels)
        return State(step, judged.loss, judged.errors, other.loss, other.errors, layers)


def _scaled(samples: Samples, rows: Array, phase: Phase) -> Samples:
    return Samples(samples.inputs[rows] * phase.scale, samples.labels[rows])


@dataclass(frozen=True)
class Judged:
    """The loss of scores, the share of errors, and the gradient along the scores."""

    loss: float
    errors: float
    gradient: Array


def of_scores(scores: Array, labels: Array) -> Judged:
    """The softmax cross-entropy of scores, a row per sample, in the mean over samples."""
    rows = np.arange(len(labels))
    logs = scores - scores.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    gradient = np.exp(logs)
    gradient[rows, labels] -= 1
    right = scores.argmax(axis=1) == labels
    loss = -float(logs[rows, labels].mean(dtype=np.float64))
    return Judged(loss, 1 - float(right.mean()), gradient / len(labels))


def _state(layer: Activated) -> LayerState:
    given, output = layer.given.astype(np.float64), layer.output.astype(np.float64)
    spread = given.std(axis=0)
    shift = np.abs(given.mean(axis=0))[spread > 0] / spread[spread > 0]
    gradient = layer.pulled.astype(np.float64) * len(given)
    return LayerState(
        zeros=float((output == 0).mean()),
        mean=float(output.mean()),
        variance=float(output.var()),
        shift=float(shift.mean()) if shift.size else np.nan,
        gradient=float(np.sqrt((gradient**2).mean())),
        active=(given > 0).mean(axis=0),
        dead=(layer.slopes() == 0).all(axis=0),
        slope=float(layer.parameters[0]) if layer.parameters else np.nan,
    )
