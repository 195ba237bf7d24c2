"""Claims of cost, judged by the rows of a run."""

from __future__ import annotations

from ..results.claims import Outcome, Topic
from .claim import claim
from .costs import Costs, above


@claim(
    Topic.COST,
    "ReLU needs only a comparison, and is cheaper to compute than sigmoid and tanh.",
    source="Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks, section 3",
    method="Time over that of the cheapest ReLU, in cache and forward, in each framework and mode.",
)
def relu_is_cheaper_than_sigmoid_and_tanh(
    costs: Costs, dear: tuple[str, ...] = ("sigmoid", "tanh"), times: float = 1.0
) -> Outcome:
    figures = []
    for name in dear:
        for case in costs.cases(name, direction="forward", dtype="float32", place="l2"):
            cost = costs.by_case[case]
            figures.append(costs.figure(f"{name} over ReLU", cost, case, above(cost, times)))
    return Outcome(tuple(figures))
