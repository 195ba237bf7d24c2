"""Claims on how well and how fast networks learn, by activation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..results.claims import Outcome, Topic
from ..worker.protocol import Network, Phase, Weights
from .claim import claim
from .costs import above, within
from .networks import Networks, Setting, States, learned

_SATURATING = ("tanh", "sigmoid")
_RATES: Mapping[str, tuple[float, ...]] = {
    "relu": (0.2, 0.35, 0.5),
    "tanh": (0.35, 0.5, 0.7),
    "sigmoid": (1.0, 2.0, 4.0),
}
"""The rates around the best of each network: lower and higher ones are slower."""
_LEARNED = (
    "Two layers of 64 units on 8 × 8 pixels of digits, 10 classes; He's weights, 20 epochs, rate "
    "0.05, momentum 0.9."
)
_DEEP = "Eight layers of 64 units of ReLU on digits, He's weights, 6 epochs, no momentum."


def _errors(runs: Sequence[States]) -> list[float]:
    """The share of errors on held-out digits, by seed."""
    return [states[-1].held_errors for states in runs]


def _last(runs: Sequence[States]) -> list[float]:
    """The final loss, by seed."""
    return [states[-1].loss for states in runs]


def _more(runs: Sequence[States], others: Sequence[States]) -> list[float]:
    """The errors on held-out digits less those of others with the same seed."""
    return [errors - less for errors, less in zip(_errors(runs), _errors(others), strict=True)]


@claim(
    Topic.NETWORK,
    "Networks of saturating tanh or sigmoid units are much slower to train than those of ReLU.",
    source="Krizhevsky, Sutskever, Hinton 2012, section 3.1: tanh takes 6 times as long",
    method="Steps until at most 5 % of the digits are wrong, over those of ReLU, each at its best "
    "rate; much is twice. Three layers of 64 units, no momentum, 4 epochs at most. The source has "
    "four layers, convolutional ones among them, on CIFAR-10.",
)
def saturating_units_train_slower(
    networks: Networks,
    saturating: tuple[str, ...] = _SATURATING,
    rates: Mapping[str, tuple[float, ...]] = _RATES,
    errors: float = 0.05,
    times: float = 2.0,
) -> Outcome:
    unit = _fastest(networks, "relu", Weights.HE, rates["relu"], errors)
    figures = []
    for name in saturating:
        runs = _fastest(networks, name, Weights.GLOROT, rates[name], errors)
        steps, units = ([_steps(states, errors) for states in seeds] for seeds in (runs, unit))
        arrived = all(states[-1].errors <= errors for states in runs)
        figures.append(
            networks.ratio(
                f"{'' if arrived else 'least '}steps of {name} over those of ReLU",
                steps,
                units,
                above(times) if arrived else lambda least: least.low > times or None,
                said=6.0 if name == "tanh" else None,
            )
        )
    return Outcome(tuple(figures))


def _fastest(
    networks: Networks, activation: str, weights: Weights, rates: Sequence[float], errors: float
) -> list[States]:
    """The networks of each seed at the rate at which they take the fewest steps."""
    network = Network((64,) * 3, weights=weights, momentum=0.0, looks=6)
    settings = [Setting(activation, replace(network, phases=(Phase(4, rate),))) for rate in rates]
    return min(
        networks.trained(*settings),
        key=lambda runs: statistics.fmean(_steps(states, errors) for states in runs),
    )


def _steps(states: States, errors: float) -> int:
    """The steps until few errors are left; all steps where that is never reached."""
    return next((state.step for state in states if state.errors <= errors), states[-1].step)


@claim(
    Topic.NETWORK,
    "Convergence is usually faster if inputs are centred at 0 and have the same variance.",
    source="LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, section 4.3",
    method="The loss after 3 epochs on pixels as they come, 0 to 16, over that on standardised "
    "ones: each at its best rate from 0.01 to 3. Two layers of 64 units, no momentum.",
)
def standardised_inputs_converge_faster(
    networks: Networks,
    activations: tuple[str, ...] = ("relu", *_SATURATING),
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    times: float = 1.0,
) -> Outcome:
    figures = []
    for name in activations:
        raw, standardised = (_losses(networks, name, rates, same) for same in (False, True))
        figures.append(
            networks.ratio(f"loss of {name} without over with", raw, standardised, above(times))
        )
    return Outcome(tuple(figures))


def _losses(
    networks: Networks, activation: str, rates: Sequence[float], standardised: bool
) -> list[float]:
    """The loss after some epochs, by seed, at the rate that gives the least."""
    weights = Weights.HE if activation == "relu" else Weights.GLOROT
    network = Network((64, 64), weights=weights, momentum=0.0)
    settings = [
        Setting(
            activation, replace(network, phases=(Phase(networks.epochs(3), rate),)), standardised
        )
        for rate in rates
    ]
    return min(map(_last, networks.trained(*settings)), key=_mean_or_most)


def _mean_or_most(losses: Sequence[float]) -> float:
    return statistics.fmean(losses) if all(map(math.isfinite, losses)) else math.inf


@claim(
    Topic.NETWORK,
    "ELU pushes the mean of activations closer to zero than ReLU does.",
    source="Clevert, Unterthiner, Hochreiter 2015 (arXiv 1511.07289), abstract and section 2",
    method=f"The mean of a layer's outputs after training, its size over that of ReLU. {_LEARNED}",
)
def elu_brings_means_closer_to_zero(networks: Networks, activation: str = "elu") -> Outcome:
    runs, others = networks.trained(learned(networks, activation), learned(networks, "relu"))
    figures = [
        networks.ratio(
            "size of the mean over that of ReLU",
            [abs(states[-1].layers[layer].mean) for states in runs],
            [abs(states[-1].layers[layer].mean) for states in others],
            within(-math.inf, 1.0),
            place=f"layer {layer + 1}",
        )
        for layer in range(2)
    ]
    return Outcome(tuple(figures))


def _shift(states: States) -> float:
    """The distance of the final inputs of units from 0, without the first layer."""
    return statistics.fmean(layer.shift for layer in states[-1].layers[1:])


def _deep(networks: Networks, rate: float, normalised: bool) -> Setting:
    """Eight layers of ReLU trained at a rate, with batch normalisation before each."""
    phase = Phase(networks.epochs(6), rate)
    network = Network((64,) * 8, (phase,), normalised=normalised, momentum=0.0)
    return Setting("relu", network)


@claim(
    Topic.NETWORK,
    "Outputs of ReLU are not centred at zero, which hinders learning; batch normalisation helps.",
    source="Wikipedia, Rectifier (neural networks), potential problems; Ioffe, Szegedy 2015",
    method="With normalisation over without: how far, in deviations, what goes into units lies off "
    f"0 in layers 2 to 8, and the loss. {_DEEP}",
)
def batch_normalisation_centres_and_helps(
    networks: Networks, rates: tuple[float, ...] = (0.05, 0.2), most: float = 1.0
) -> Outcome:
    figures = []
    for rate in rates:
        runs = networks.trained(*(_deep(networks, rate, kind) for kind in (True, False)))
        measures = {"deviations off 0": _shift, "loss": lambda states: states[-1].loss}
        for name, measure in measures.items():
            values, others = ([*map(measure, states)] for states in runs)
            figures.append(
                networks.ratio(
                    f"{name}, with over without",
                    values,
                    others,
                    within(-math.inf, most),
                    place=f"rate {rate:g}",
                )
            )
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "Batch normalisation allows much higher learning rates.",
    source="Ioffe, Szegedy 2015 (arXiv 1502.03167), abstract and section 3.3",
    method="The share of errors on held-out digits with normalisation at a rate of 1, at most 0.2; "
    f"without it, there and at 0.05, it informs. {_DEEP}",
)
def batch_normalisation_allows_higher_rates(
    networks: Networks, normalised: bool = True, rate: float = 1.0, most: float = 0.2
) -> Outcome:
    kinds = ((rate, normalised), (rate, False), (0.05, False))
    runs = networks.trained(*(_deep(networks, *kind) for kind in kinds))
    figures = [
        networks.figure(
            "share of errors",
            _errors(states),
            within(-math.inf, most),
            decides=place == 0,
            place=f"rate {kinds[place][0]:g}, {'' if kinds[place][1] else 'not '}normalised",
        )
        for place, states in enumerate(runs)
    ]
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "Softplus is smooth, but that does not make training easier than with ReLU.",
    source="Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks, section 3.2",
    method="The loss after training over that of ReLU, and errors on held-out digits less those of "
    f"ReLU, the seed being the same: fewer is by 0.01 or more. {_LEARNED}",
)
def smoothness_does_not_ease_training(
    networks: Networks, activation: str = "softplus", ratio: float = 1.0, margin: float = 0.01
) -> Outcome:
    runs, others = networks.trained(learned(networks, activation), learned(networks, "relu"))
    more = _more(runs, others)
    return Outcome(
        (
            networks.ratio("loss over that of ReLU", _last(runs), _last(others), above(ratio)),
            networks.figure("more errors, as a share of digits", more, within(-margin, math.inf)),
        )
    )


@claim(
    Topic.NETWORK,
    "Swish and GELU are at least as accurate as ReLU.",
    source="Ramachandran et al. 2017 (arXiv 1710.05941); Hendrycks, Gimpel 2016 (arXiv 1606.08415)",
    method="Errors on held-out digits less those of ReLU, the seed being the same: at most 0.01. "
    f"{_LEARNED}",
)
def swish_and_gelu_are_as_accurate_as_relu(
    networks: Networks, activations: tuple[str, ...] = ("silu", "gelu"), margin: float = 0.01
) -> Outcome:
    unit, *runs = networks.trained(*(learned(networks, name) for name in ("relu", *activations)))
    figures = [
        networks.figure(
            f"more errors of {name}, as a share of digits",
            _more(states, unit),
            within(-math.inf, margin),
        )
        for name, states in zip(activations, runs, strict=True)
    ]
    return Outcome(tuple(figures))


def _parametric(networks: Networks) -> list[States]:
    """Trained networks of four layers of PReLU."""
    phase = Phase(networks.epochs(20), 0.05)
    (runs,) = networks.trained(Setting("prelu", Network((64,) * 4, (phase,), momentum=0.0)))
    return runs


def _slopes(states: States) -> list[float]:
    """The final slope of each layer."""
    return [layer.slope for layer in states[-1].layers]


@claim(
    Topic.NETWORK,
    "PReLU learns its slope: it leaves the 0.25 at which it begins.",
    source="He et al. 2015 (arXiv 1502.01852), section 2.1, table 1: 0.681 in the first layer",
    method="How far the slope of each layer is from 0.25 after 20 epochs at a rate of 0.05 without "
    "momentum: beyond 0.05 it has left. Four layers of 64 units on digits, a slope per layer.",
)
def prelu_learns_its_slope(networks: Networks, least: float = 0.05) -> Outcome:
    runs = _parametric(networks)
    begun = runs[0][0].layers[0].slope
    figures = []
    for layer, slopes in enumerate(zip(*map(_slopes, runs), strict=True)):
        place, said = f"layer {layer + 1}", None if layer else 0.681
        away = [abs(slope - begun) for slope in slopes]
        figures += [
            networks.figure("change of the slope", away, above(least), place=place),
            networks.figure("slope", slopes, above(0.0), decides=False, place=place, said=said),
        ]
    return Outcome(tuple(figures))


@claim(
    Topic.NETWORK,
    "Deeper layers of PReLU have smaller slopes in general: they become more nonlinear.",
    source="He et al. 2015 (arXiv 1502.01852), section 2.1, of convolutional layers in table 1",
    method="The learned slope of the last layer less that of the first, after 20 epochs at rate "
    "0.05 without momentum. Four layers of 64 units on digits, a slope per layer.",
)
def deeper_slopes_of_prelu_are_smaller(networks: Networks, bound: float = 0.0) -> Outcome:
    more = [slopes[-1] - slopes[0] for slopes in map(_slopes, _parametric(networks))]
    name = "slope of the last layer less that of the first"
    return Outcome((networks.figure(name, more, within(-math.inf, bound)),))
