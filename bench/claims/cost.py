"""Claims of cost, judged by the rows of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..catalog.cases import LARGE
from ..results.claims import Outcome, Topic
from .claim import claim
from .costs import Costs, above, elements, within

Pairs = Sequence[tuple[str, str]]
_IN_CACHE: Mapping[str, Any] = {"place": "l2", "device": "cpu"}
_PAIRED = (
    "Plain forms in float32 on one CPU thread, in cache, forward and backward, each timed in turn "
    "with the cheapest ReLU of its framework and mode"
)


@claim(
    Topic.COST,
    "ReLU is cheaper to compute than sigmoid and tanh, because it needs no exponential.",
    source="Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks, section 3",
    method=f"{_PAIRED}. Holds where the ratio to that is above 1.",
)
def relu_is_cheaper_than_sigmoid_and_tanh(
    costs: Costs, dear: tuple[str, ...] = ("sigmoid", "tanh"), times: float = 1.0
) -> Outcome:
    holds = above(times)
    return costs.outcome(
        [
            costs.figure(f"{name} over relu", cost, case, holds(cost))
            for name in dear
            for case in costs.cases(name, dtype="float32", **_IN_CACHE)
            for cost in [costs.by_case[case]]
        ]
    )


@claim(
    Topic.COST,
    "ELU is slower to compute than ReLU and its variants, because of the exponential.",
    source="Géron 2019, Hands-on machine learning, chapter 11; of whole networks Clevert, "
    "Unterthiner, Hochreiter 2015, arXiv 1511.07289, section 4.3",
    method=f"{_PAIRED}: ELU over ReLU and leaky ReLU. Holds where the ratio is above 1.",
)
def elu_is_slower_than_relu_and_leaky_relu(
    costs: Costs, others: tuple[str, ...] = ("relu", "leaky_relu"), times: float = 1.0
) -> Outcome:
    return costs.ratios([("elu", other) for other in others], above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "Squareplus is about six times faster to evaluate than softplus on a CPU.",
    source="Barron 2021, Squareplus: a softplus-like algebraic rectifier, arXiv 2112.11687, "
    "abstract",
    method="Plain forms in float32 on one CPU thread, in cache, forward. Holds from 20 % less than "
    "six times on; the source timed JAX.",
)
def squareplus_is_six_times_faster_than_softplus(
    costs: Costs, times: float = 6.0, share: float = 0.8
) -> Outcome:
    holds = above(times * share)
    pairs = [("softplus", "squareplus")]
    return costs.ratios(pairs, holds, said=times, direction="forward", **_IN_CACHE)


@claim(
    Topic.COST,
    "Squareplus costs about as much as ReLU.",
    source="Barron 2021, arXiv 2112.11687, Table 1: 0.631 ms against 0.598 ms, JAX on a CPU",
    method="Plain forms in float32 on one CPU thread, in cache, forward. Holds up to 20 % more "
    "than ReLU takes.",
)
def squareplus_costs_as_much_as_relu(costs: Costs, most: float = 1.2) -> Outcome:
    said = _TABLE_ON_A_CPU["squareplus"] / _TABLE_ON_A_CPU["relu"]
    pairs = [("squareplus", "relu")]
    return costs.ratios(pairs, within(0, most), said=said, direction="forward", **_IN_CACHE)


_TABLE_ON_A_CPU = {
    "softplus": 3.777,
    "elu": 2.040,
    "silu": 1.234,
    "squareplus": 0.631,
    "relu": 0.598,
}
_TABLE_ON_A_GPU = {
    "softplus": 1.120,
    "elu": 1.120,
    "silu": 1.113,
    "squareplus": 1.074,
    "relu": 1.069,
}
"""Milliseconds of a call in JAX: Barron 2021, arXiv 2112.11687, Table 1."""


@claim(
    Topic.COST,
    "A million inputs take JAX on a CPU 3.777 ms for softplus, 2.040 ELU, 1.234 SiLU, 0.631 "
    "Squareplus, 0.598 ReLU.",
    source="Barron 2021, arXiv 2112.11687, Table 1",
    method="JAX at the same size in float32 on one CPU thread. Compiled, each ratio to ReLU is to "
    "be the source's within 25 %; milliseconds, and calls outside jit, inform.",
)
def barron_table_1_on_a_cpu(
    costs: Costs, said: Mapping[str, float] = _TABLE_ON_A_CPU, share: float = 0.25
) -> Outcome:
    return _table(costs, said, share, "cpu", 1_000_000)


@claim(
    Topic.COST,
    "A hundred million inputs take JAX on a GPU 1.120 ms for softplus and ELU, 1.113 SiLU, 1.074 "
    "Squareplus, 1.069 ReLU.",
    source="Barron 2021, arXiv 2112.11687, Table 1",
    method="JAX at the same size in float32 on a GPU. Compiled, each ratio to ReLU is to be the "
    "source's within 5 %; milliseconds, and calls outside jit, inform.",
)
def barron_table_1_on_a_gpu(
    costs: Costs, said: Mapping[str, float] = _TABLE_ON_A_GPU, share: float = 0.05
) -> Outcome:
    return _table(costs, said, share, "cuda", 100_000_000)


def _table(
    costs: Costs, said: Mapping[str, float], share: float, device: str, size: int
) -> Outcome:
    where = {"framework": "jax", "direction": "forward", "dtype": "float32", "device": device}
    where["place"] = elements(size)
    figures = []
    for name in said:
        for case in costs.cases(name, **where):
            if time := costs.times.get(case):
                milliseconds = time.scaled(1e-6)
                shown = {"unit": "ms", "said": said[name], "decides": False}
                figures.append(costs.figure(name, milliseconds, case, None, **shown))
        for case, other in costs.pairs(name, "relu", **where) if name != "relu" else ():
            ratio, expected = costs.over(case, other), said[name] / said["relu"]
            holds = within(expected / (1 + share), expected * (1 + share))(ratio)
            shown = {"said": expected, "decides": case.mode == "compiled"}
            figures.append(costs.figure(f"{name} over relu", ratio, case, holds, **shown))
    if device == "cpu":
        return costs.outcome(figures)
    lacking = {"framework": "jax", "activation": tuple(said), "form": "native", "size": size}
    return costs.outcome(figures, device=device, **lacking)


@claim(
    Topic.COST,
    "Large activations are limited by memory bandwidth rather than computation, so that all take "
    "about as long as ReLU.",
    source="PyTorch documentation, torch.compiler, Getting started, of newer GPUs; Barron 2021, "
    "arXiv 2112.11687, Table 1, of 100 million inputs",
    method="Plain forms in float32 on arrays that no cache holds, forward, on one CPU thread, and "
    "on a GPU where the run has one. Holds up to 10 % more than ReLU.",
)
def large_activations_are_limited_by_memory(
    costs: Costs, names: tuple[str, ...] = LARGE[1:], most: float = 1.1
) -> Outcome:
    pairs = [(name, "relu") for name in names]
    return costs.ratios(pairs, within(0, most), direction="forward", place="memory")


@claim(
    Topic.COST,
    "Hard variants are cheaper than the smooth ones, whose sigmoid is much more expensive to "
    "compute.",
    source="Howard et al. 2019, Searching for MobileNetV3, arXiv 1905.02244, section 5.2, of "
    "mobile devices",
    method=f"{_PAIRED}: sigmoid, SiLU and tanh over their hard variants. Holds above 1.",
)
def hard_variants_are_cheaper_than_smooth_ones(
    costs: Costs,
    pairs: Pairs = (("sigmoid", "hard_sigmoid"), ("silu", "hard_swish"), ("tanh", "hardtanh")),
    times: float = 1.0,
) -> Outcome:
    return costs.ratios(pairs, above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "x/(1 − e^(−x/ln 2)) approximates softplus without its logarithm, and is cheaper.",
    source="Wikipedia, Softplus, Alternative forms, has the approximation; cheapness is what it is "
    "usually taken for",
    method=f"{_PAIRED}: softplus over the approximation. Holds above 1.",
)
def the_approximation_of_softplus_is_cheaper(
    costs: Costs, pair: tuple[str, str] = ("softplus", "softplus_approximation"), times: float = 1.0
) -> Outcome:
    return costs.ratios([pair], above(times), **_IN_CACHE)


_GELUS = "Hendrycks, Gimpel 2016, Gaussian error linear units, arXiv 1606.08415, section 2"


@claim(
    Topic.COST,
    "The tanh form of GELU is faster than the exact one, which is what its error is worth.",
    source=_GELUS,
    method=f"{_PAIRED}: GELU with erf over GELU with tanh. Holds above 1.",
)
def gelu_by_tanh_is_faster_than_by_erf(
    costs: Costs, pair: tuple[str, str] = ("gelu", "gelu_tanh"), times: float = 1.0
) -> Outcome:
    return costs.ratios([pair], above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "x σ(1.702x) is a faster GELU, for those to whom speed is worth the cost of exactness.",
    source=_GELUS,
    method=f"{_PAIRED}: GELU with erf over x σ(1.702x). Holds above 1.",
)
def gelu_by_sigmoid_is_faster_than_by_erf(
    costs: Costs, pair: tuple[str, str] = ("gelu", "gelu_sigmoid"), times: float = 1.0
) -> Outcome:
    return costs.ratios([pair], above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "Leaky and parametric ReLU come at a negligible extra cost.",
    source="He, Zhang, Ren, Sun 2015, Delving deep into rectifiers, arXiv 1502.01852, section 1, "
    "of PReLU in a network",
    method=f"{_PAIRED}. Holds up to 10 % more than ReLU: of the call alone, of which a network is "
    "the lesser part.",
)
def leaky_and_parametric_relu_cost_little_more(
    costs: Costs, names: tuple[str, ...] = ("leaky_relu", "prelu"), most: float = 1.1
) -> Outcome:
    return costs.ratios([(name, "relu") for name in names], within(0, most), **_IN_CACHE)


@claim(
    Topic.COST,
    "Mish's downside is its speed: it takes longer than ReLU and than Swish.",
    source="Warner 2021, Benchmarking PyTorch's native Mish; Misra 2019, arXiv 1908.08681, of GPUs",
    method=f"{_PAIRED}: Mish over ReLU and SiLU. Holds above 1.",
)
def mish_is_slower_than_relu_and_swish(
    costs: Costs, others: tuple[str, ...] = ("relu", "silu"), times: float = 1.0
) -> Outcome:
    return costs.ratios([("mish", other) for other in others], above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "ISRLU is faster than ELU, and ISRU than tanh and sigmoid, on traditional CPUs.",
    source="Carlile, Delamarter, Kinney, Marti, Whitney 2017, arXiv 1710.09967, abstract",
    method=f"{_PAIRED}: ELU over ISRLU, tanh and sigmoid over ISRU. Holds above 1.",
)
def inverse_roots_are_faster_than_exponentials(
    costs: Costs,
    pairs: Pairs = (("elu", "isrlu"), ("tanh", "isru"), ("sigmoid", "isru")),
    times: float = 1.0,
) -> Outcome:
    return costs.ratios(pairs, above(times), **_IN_CACHE)


@claim(
    Topic.COST,
    "Compiled, an activation written out of pointwise operations is fused, and costs no more than "
    "the framework's own.",
    source="PyTorch documentation, torch.compiler, Getting started, of pointwise operations",
    method="Compiled, in float32 on one CPU thread, in cache, forward: the formula as printed over "
    "the framework's own. Holds up to 10 % more.",
)
def compiling_makes_written_out_forms_as_cheap(
    costs: Costs, most: float = 1.1, forms: tuple[str, str] = ("textbook", "native")
) -> Outcome:
    figures, holds = [], within(0, most)
    where = {"mode": "compiled", "direction": "forward", "dtype": "float32", **_IN_CACHE}
    for name in ("elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "mish", "softmax"):
        written, own = (costs.forms(name, form=form, **where) for form in forms)
        others = {case.framework: case for case in own}
        for case in written:
            if other := others.get(case.framework):
                ratio = costs.over(case, other)
                words = f"{name} {forms[0]} over {forms[1]}"
                figures.append(costs.figure(words, ratio, case, holds(ratio)))
    return costs.outcome(figures)
