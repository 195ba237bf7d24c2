"""Units that are off for every input: what switches them off, and whether they recover."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..results.claims import Figure, Outcome, Topic
from ..worker.protocol import Network, Phase, State
from .claim import claim
from .costs import above, within
from .networks import Networks, Setting, States

_CS231N = "Stanford CS231n notes, Neural networks part 1, Commonly used activation functions"
_QUESTION = "Data Science Stack Exchange, question 5706, What is the dying ReLU problem?"
_RATE = 0.05
_HARM, _REST = 5, 15
"""The epochs under harmful conditions, and under usual ones afterwards."""
_AFTER = 1
"""The index of the state after the harmful conditions."""
_METHOD = (
    "Two layers of 64 units on 8 × 8 pixels of digits, 10 classes, He's weights, momentum 0.9, "
    "rate 0.05."
)


def _harmed(
    networks: Networks, rate: float = _RATE, scale: float = 1.0, bias: float = 0.0
) -> Setting:
    """A network that learns under harmful conditions, and then under usual ones."""
    harm, rest = (networks.epochs(count) for count in (_HARM, _REST))
    phases = (Phase(harm, rate, scale), Phase(rest, _RATE))
    return Setting("relu", Network((64, 64), phases, bias=bias))


def _dead(state: State) -> float:
    """The share of dead units, of layers of one width; NaN where learning diverged."""
    layers = [float(layer.dead.mean()) for layer in state.layers]
    return sum(layers) / len(layers) if math.isfinite(state.loss) else math.nan


@claim(
    Topic.NETWORK,
    "If the learning rate is too high, as much as 40 % of a ReLU network can be dead.",
    source=_CS231N,
    method="The share of units whose slope is 0 at every digit after 5 epochs at 10 times the "
    f"rate: more than 10 % died of it. {_METHOD}",
)
def too_high_a_learning_rate_kills_units(
    networks: Networks, rate: float = 10 * _RATE, least: float = 0.1
) -> Outcome:
    high, usual = networks.trained(_harmed(networks, rate), _harmed(networks))
    return Outcome(
        (
            networks.figure(
                "share of dead units",
                [_dead(states[_AFTER]) for states in high],
                above(least),
                said=0.4,
                place=f"rate {rate:g}",
            ),
            networks.figure(
                "share of dead units",
                [_dead(states[_AFTER]) for states in usual],
                within(-math.inf, least),
                decides=False,
                place=f"rate {_RATE:g}",
            ),
        )
    )


@claim(
    Topic.NETWORK,
    "Large negative biases kill units of ReLU, and so do abnormally large inputs.",
    source=f"{_QUESTION} (biases); a common remark (inputs)",
    method="The share of units whose slope is 0 at every digit: at first with biases of -5, after "
    f"5 epochs with inputs 30 times as large. More than 10 % died of it. {_METHOD}",
)
def negative_biases_and_large_inputs_kill_units(
    networks: Networks, bias: float = -5.0, scale: float = 30.0, least: float = 0.1
) -> Outcome:
    biased, scaled = networks.trained(_harmed(networks, bias=bias), _harmed(networks, scale=scale))
    at_first = [_dead(states[0]) for states in biased]
    later = [_dead(states[_AFTER]) for states in scaled]
    return Outcome(
        (
            networks.figure(
                "share of dead units", at_first, above(least), place=f"biases of {bias:g}"
            ),
            networks.figure(
                "share of dead units", later, above(least), place=f"inputs times {scale:g}"
            ),
        )
    )


@claim(
    Topic.NETWORK,
    "Units of ReLU die irreversibly: once dead they stay dead.",
    source=f"{_CS231N}: the gradient will forever be zero",
    method="Of the units that are off for every digit, the share that is on for one after 15 "
    f"epochs: at most 1 %. {_METHOD}",
)
def dead_units_stay_dead(
    networks: Networks, most: float = 0.01, biases: tuple[float, ...] = (-3.0, -5.0)
) -> Outcome:
    harms = {
        f"rate {10 * _RATE:g}": (_harmed(networks, 10 * _RATE), _AFTER),
        "inputs times 30": (_harmed(networks, scale=30.0), _AFTER),
        **{f"biases of {bias:g}": (_harmed(networks, bias=bias), 0) for bias in biases},
    }
    runs = networks.trained(*(setting for setting, _ in harms.values()))
    figures = []
    for (name, (_, place)), states in zip(harms.items(), runs, strict=True):
        for layer in range(2):
            values = [*_returned(states, layer, place)]
            if values:
                figures.append(
                    networks.figure(
                        "share of dead units that come back",
                        values,
                        within(-math.inf, most),
                        place=f"layer {layer + 1}, {name}",
                        said=0.0,
                    )
                )
    return Outcome(tuple(figures), why=_why(figures))


def _returned(runs: list[States], layer: int, place: int) -> Iterator[float]:
    """The share of a layer's units that were off and are on at the end, for each run that has some.

    NaN where learning diverged.
    """
    for states in runs:
        off = states[place].layers[layer].active == 0
        on = states[-1].layers[layer].active > 0
        if not all(math.isfinite(state.loss) for state in (states[place], states[-1])):
            yield math.nan
        elif off.any():
            yield float((off & on).sum() / off.sum())


def _why(figures: list[Figure]) -> str:
    first = [figure for figure in figures if figure.place.startswith("layer 1")]
    if all(figure.value == 0 for figure in first) and len(first) < len(figures):
        return "A unit gets no gradient, but what the layer before it gives changes."
    return ""


@claim(
    Topic.NETWORK,
    "Leaky ReLU, PReLU and ELU have a slope below zero, which gives units that are off a chance to "
    "recover.",
    source=f"{_QUESTION} of leaky ReLU; PReLU and ELU have a slope there as well",
    method="Of the units that are off for every digit, the share that is on for one after 30 "
    "epochs: a chance is 5 %. One layer of 64 units, rate 0.02, momentum 0.9, biases of -5 and "
    "-6.",
)
def units_with_a_slope_recover(
    networks: Networks,
    activations: tuple[str, ...] = ("leaky_relu", "leaky_relu(alpha=0.2)", "prelu", "elu"),
    biases: tuple[float, ...] = (-5.0, -6.0),
    least: float = 0.05,
) -> Outcome:
    phase = Phase(networks.epochs(30), 0.02)
    settings = [
        Setting(activation, Network((64,), (phase,), bias=bias))
        for activation in activations
        for bias in biases
    ]
    figures = [
        networks.figure(
            f"share of units of {setting.activation} that come back",
            [*_returned(states, 0, 0)],
            above(least),
            place=f"biases of {setting.network.bias:g}",
        )
        for setting, states in zip(settings, networks.trained(*settings), strict=True)
    ]
    return Outcome(tuple(figures))
