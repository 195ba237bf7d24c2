"""Claims on signals and gradients in deep networks, before training."""

from __future__ import annotations

import math

from ..results.claims import Outcome, Topic
from ..worker.protocol import Network, Weights
from .claim import claim
from .costs import within
from .networks import Networks, Setting, States

_DEPTH, _WIDTH = 16, 128
_METHOD = (
    "16 layers of 128 units on standardised digits, before training: 8 × 8 pixels, 10 classes."
)


def _deep(activation: str, weights: Weights) -> Setting:
    return Setting(activation, Network((_WIDTH,) * _DEPTH, weights=weights))


def _gradients(states: States) -> float:
    """The share of the gradient that a layer keeps, in the geometric mean."""
    first, *_, last = states[0].layers
    return float((first.gradient / last.gradient) ** (1 / (_DEPTH - 1)))


def _variances(states: States) -> float:
    """The share of its inputs' variance that a layer keeps, in the geometric mean."""
    first, *_, last = states[0].layers
    return float((last.variance / first.variance) ** (1 / (_DEPTH - 1)))


@claim(
    Topic.NETWORK,
    "The gradient of a sigmoid network vanishes with depth: a layer leaves at most a quarter.",
    source="Nielsen 2015, Neural networks and deep learning, chapter 5; the slope is at most 1/4",
    method="The gradient along the inputs of activations, root mean square, over that of the next "
    f"layer. {_METHOD}",
)
def a_sigmoid_layer_leaves_a_quarter_of_the_gradient(
    networks: Networks,
    activation: str = "sigmoid",
    weights: tuple[Weights, ...] = (Weights.GLOROT, Weights.LECUN, Weights.HE),
    most: float = 0.25,
) -> Outcome:
    runs = networks.trained(*(_deep(activation, kind) for kind in weights))
    figures = [
        networks.figure(
            "gradient left by a layer",
            [*map(_gradients, states)],
            within(-math.inf, most),
            said=most,
            unit="ratio",
            place=f"weights of variance {kind}",
        )
        for kind, states in zip(weights, runs, strict=True)
    ]
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "With He's initialisation signal and gradient of deep ReLU networks do not vanish or explode.",
    source="He et al. 2015 (arXiv 1502.01852), section 2.2, equations 10 and 14",
    method="The variance of outputs over that of the layer before, and the gradient's root mean "
    f"square over that of the next layer. {_METHOD}",
)
def he_initialisation_keeps_signal_and_gradient(
    networks: Networks, weights: Weights = Weights.HE, apart: float = 0.1
) -> Outcome:
    (states,) = networks.trained(_deep("relu", weights))
    kept = within(1 - apart, 1 + apart)
    signal = [*map(_variances, states)]
    gradient = [*map(_gradients, states)]
    return Outcome(
        (
            networks.figure("variance left by a layer", signal, kept, said=1.0, unit="ratio"),
            networks.figure("gradient left by a layer", gradient, kept, said=1.0, unit="ratio"),
        )
    )


@claim(
    Topic.NETWORK,
    "With Xavier's initialisation signal and gradient of ReLU networks shrink by 1/√2 per layer.",
    source="He et al. 2015 (arXiv 1502.01852), section 2.2, on Glorot, Bengio 2010",
    method="Deviation of outputs over that of the layer before, and root mean square of gradients "
    f"over that of the next layer. {_METHOD}",
)
def xavier_initialisation_shrinks_relu_by_a_root_of_two(
    networks: Networks, weights: Weights = Weights.GLOROT, apart: float = 0.05
) -> Outcome:
    (states,) = networks.trained(_deep("relu", weights))
    said = math.sqrt(0.5)
    near = within(said - apart, said + apart)
    signal = [math.sqrt(_variances(run)) for run in states]
    gradient = [*map(_gradients, states)]
    return Outcome(
        (
            networks.figure("deviation left by a layer", signal, near, said=said, unit="ratio"),
            networks.figure("gradient left by a layer", gradient, near, said=said, unit="ratio"),
        )
    )


@claim(
    Topic.NETWORK,
    "SELU keeps the mean of a deep network's activations near 0 and their variance near 1.",
    source="Klambauer et al. 2017 (arXiv 1706.02515), theorem 1: ±0.1, and 0.8 to 1.5",
    method=f"Mean and variance of a layer's outputs, with LeCun's normal weights. {_METHOD}",
)
def selu_normalises_itself(
    networks: Networks, activation: str = "selu", layers: tuple[int, ...] = (4, 8, 16)
) -> Outcome:
    (states,) = networks.trained(_deep(activation, Weights.LECUN))
    figures = []
    for layer in layers:
        seen = [run[0].layers[layer - 1] for run in states]
        means, variances = [state.mean for state in seen], [state.variance for state in seen]
        place = f"layer {layer}"
        narrow, wide = within(-0.1, 0.1), within(0.8, 1.5)
        figures += [
            networks.figure("mean of outputs", means, narrow, said=0.0, place=place),
            networks.figure("variance of outputs", variances, wide, said=1.0, place=place),
        ]
    return Outcome(tuple(figures))
