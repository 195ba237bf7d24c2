"""A rival comparison of the gate's cases: pytest-benchmark, as its users run it."""
