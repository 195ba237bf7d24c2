"""Identities between functions, judged bit for bit or in ulp at inputs of every kind."""

from __future__ import annotations

from ..results.claims import Outcome, Topic
from .claim import claim
from .functions import Functions, everything, figure, same_bits

_DTYPES = ("float32", "bfloat16")


@claim(
    Topic.IDENTITY,
    "max(0, x), (x + |x|)/2 and the piecewise form are the same function.",
    source="Glorot, Bordes, Bengio 2011, section 3; Wikipedia, Rectifier (neural networks)",
    method="Results of both forms at zeros, subnormals, each binade, both ends, ±∞ and NaN, bit "
    "for bit.",
)
def relu_has_one_value_in_every_form(
    functions: Functions, forms: tuple[str, ...] = ("abs", "where"), activation: str = "relu"
) -> Outcome:
    figures = []
    for framework in functions.frameworks:
        for dtype in _DTYPES:
            x = everything(dtype)
            first = functions.case(framework, "relu", "max", dtype=dtype)
            for form in forms:
                other = functions.case(framework, activation, form, dtype=dtype)
                if not first or not other:
                    continue
                one, two = functions.at(first, x), functions.at(other, x)
                if one is None or two is None:
                    continue
                apart = ~same_bits(one, two)
                figures.append(
                    figure(f"inputs at which {form} differs", apart.sum(), other, not apart.any())
                )
    return Outcome(tuple(figures))
