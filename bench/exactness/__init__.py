"""The exactness of results.

`reference` has the exact values (Arb), `known` those of every number of a small format, `balls` and
`double` the float64 tier in front of it. A `problem` is a set of inputs with the exact values
there; `judge` compares results with them in the units of `ulp` and gives a certificate. `sweep` is
part of every run (`agreement`); `ranges` and `stretches` go through all inputs. `special` and
`comparisons` try what a sweep does not; `conventions`, `findings` and `blame` interpret the
results.
"""
