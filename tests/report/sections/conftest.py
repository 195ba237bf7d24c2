"""Planted costs, for what sections say of them."""

from __future__ import annotations

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row


def cost_rows(activation: str, value: float, low: float, high: float, **where: str) -> list[Row]:
    """One timed case with a given relative cost."""
    fields = {"form": "wide", "mode": "eager", "direction": "forward", **where}
    case = Case("torch", activation, **fields, device="cpu", dtype="float32", size=65536, threads=1)
    time = Row(case, "time_per_call", value * 1000, low * 1000, high * 1000)
    return [time, Row(case, "relative_cost", value, low, high)]


RELU = cost_rows("relu", 1, 1, 1, form="native")
