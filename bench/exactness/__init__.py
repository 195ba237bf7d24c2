"""How right a result is.

`reference` has the exact values (Arb), `known` those of all 16-bit inputs, `balls` and `double` the
float64 tier in front of it. A `problem` is a set of inputs with the exact values there; `judge`
holds results against it by the meter of `ulp`, and a `certificate` is what comes of that. `sweep`
is part of every run, `stretches` goes through all inputs, `special` and `conditions` try what a
sweep does not; `findings` and `blame` say what came of it.
"""
