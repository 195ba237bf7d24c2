"""Softplus over Squareplus."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import PLAIN, Evidence
from .question import Question

ORDER = 70
_NAMES = ("softplus",)


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence, lambda timed: timed.is_plain_value(_NAMES), activation="squareplus", form=PLAIN
    )


QUESTION = Question(
    title="Is Squareplus cheaper than softplus?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} the time of Squareplus",
    chart="softplus over Squareplus",
    measure="--activation squareplus --direction forward --only timing --size l2 --size memory",
    places=("cache", "memory"),
    at_one="Squareplus",
    note="Barron (arXiv 2112.11687) measured about 6 on a CPU, in JAX.",
)
