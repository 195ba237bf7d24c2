"""Claims on true zeros: how many outputs of a network are exactly 0, and to what effect."""

from __future__ import annotations

import math
import statistics

from ..results.claims import Outcome, Topic
from ..worker.protocol import Network, State, Weights
from .claim import claim
from .costs import above, within
from .networks import Networks, Setting, learned

_GLOROT = "Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks"
_LEARNED = "Two layers of 64 units, 8 × 8 pixels of digits, 10 classes, momentum 0.9; He's weights."


def _zeros(state: State) -> float:
    return statistics.fmean(layer.zeros for layer in state.layers)


@claim(
    Topic.NETWORK,
    "After random initialisation about half of the outputs of ReLU are true zeros.",
    source=f"{_GLOROT}, section 3.1: around 50 % after uniform initialisation",
    method="The share of outputs that are exactly 0 over all digits, before training: three layers "
    "of 256 units, biases 0. About half is within 0.05.",
)
def half_of_the_outputs_of_relu_are_zero(
    networks: Networks, activation: str = "relu", share: float = 0.5, apart: float = 0.05
) -> Outcome:
    kinds = {"uniform Glorot": (Weights.GLOROT, True), "normal He": (Weights.HE, False)}
    runs = networks.trained(
        *(
            Setting(activation, Network((256,) * 3, weights=weights, uniform=uniform))
            for weights, uniform in kinds.values()
        )
    )
    figures = [
        networks.figure(
            "share of zeros",
            [run[0].layers[layer].zeros for run in states],
            within(share - apart, share + apart),
            said=share,
            place=f"layer {layer + 1}, {kind}",
        )
        for kind, states in zip(kinds, runs, strict=True)
        for layer in range(3)
    ]
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "Sigmoid, tanh, softplus and ELU give no true zeros.",
    source=f"{_GLOROT}, sections 1 and 3: the rectifier gives true zeros, softplus loses them",
    method=f"The share of outputs that are exactly 0 after training: less than 0.001. {_LEARNED}",
)
def smooth_activations_have_no_true_zeros(
    networks: Networks,
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "elu"),
    most: float = 0.001,
) -> Outcome:
    runs = networks.trained(*(learned(networks, name) for name in activations))
    figures = [
        networks.figure(
            f"share of zeros of {name}",
            [_zeros(run[-1]) for run in states],
            within(-math.inf, most),
            said=0.0,
        )
        for name, states in zip(activations, runs, strict=True)
    ]
    why = (
        "In float32 a smooth function rounds to 0 far out."
        if any(0 < figure.value <= most for figure in figures)
        else ""
    )
    return Outcome(tuple(figures), why)


@claim(
    Topic.NETWORK,
    "A sparsity-inducing penalty easily raises the share of true zeros of ReLU.",
    source=f"{_GLOROT}, section 3.1, with the L1 penalty on activations of section 3.2",
    method="Zeros after training with an L1 penalty on activations, less those without, the seed "
    f"being the same. {_LEARNED}",
)
def an_l1_penalty_makes_zeros(
    networks: Networks, penalties: tuple[float, ...] = (0.001, 0.003, 0.01), least: float = 0.0
) -> Outcome:
    free, *runs = networks.trained(
        *(learned(networks, "relu", penalty) for penalty in (0.0, *penalties))
    )
    figures = [
        networks.figure(
            "more zeros, as a share of outputs",
            [_zeros(run[-1]) - _zeros(own[-1]) for run, own in zip(states, free, strict=True)],
            above(least),
            place=f"penalty {penalty:g}",
        )
        for penalty, states in zip(penalties, runs, strict=True)
    ]
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "Enforcing sparsity does not hurt accuracy until about 85 % of activations are true zeros.",
    source=f"{_GLOROT}, figure 3: networks on MNIST with various L1 penalties",
    method="Errors on held-out digits with an L1 penalty less those without, the seed being the "
    f"same: at most 0.01 where up to 85 % are zeros; more zeros inform. {_LEARNED}",
)
def sparsity_does_not_hurt_accuracy(
    networks: Networks,
    penalties: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03),
    until: float = 0.85,
    margin: float = 0.01,
) -> Outcome:
    free, *runs = networks.trained(
        *(learned(networks, "relu", penalty) for penalty in (0.0, *penalties))
    )
    figures = []
    for states in runs:
        zeros = statistics.fmean(_zeros(run[-1]) for run in states)
        more = [
            run[-1].held_errors - own[-1].held_errors for run, own in zip(states, free, strict=True)
        ]
        figures.append(
            networks.figure(
                "more errors, as a share of digits",
                more,
                within(-math.inf, margin),
                decides=zeros <= until,
                place=f"{zeros:.0%} zeros",
            )
        )
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "A bias of 0.1 makes it very likely that units of ReLU are active at first for most inputs.",
    source="Goodfellow, Bengio, Courville 2016, Deep learning, section 6.3.1",
    method="The share of units whose input is positive for more than half of the digits, before "
    "training: very likely is 0.9 or more. Two layers of 256 units; small weights are N(0, 0.01²).",
)
def a_bias_activates_units(networks: Networks, bias: float = 0.1, likely: float = 0.9) -> Outcome:
    kinds = {Weights.SMALL: "small", Weights.GLOROT: "Glorot's", Weights.HE: "He's"}
    settings = [
        Setting("relu", Network((256,) * 2, weights=weights, bias=given))
        for weights in kinds
        for given in (bias, 0.0)
    ]
    biased, plain = (networks.trained(*settings[place::2]) for place in (0, 1))
    figures = []
    for name, states, without in zip(kinds.values(), biased, plain, strict=True):
        for layer in range(2):
            place = f"layer {layer + 1}, {name} weights"
            active = [run[0].layers[layer].active for run in states]
            before = [run[0].layers[layer].active for run in without]
            figures += [
                networks.figure(
                    "share of units active for most inputs",
                    [float((unit > 0.5).mean()) for unit in active],
                    within(likely, math.inf),
                    place=place,
                ),
                networks.figure(
                    "more active outputs than without a bias",
                    [
                        float((with_bias - without_bias).mean())
                        for with_bias, without_bias in zip(active, before, strict=True)
                    ],
                    above(0.0),
                    decides=False,
                    place=place,
                ),
            ]
    return Outcome(tuple(figures))
