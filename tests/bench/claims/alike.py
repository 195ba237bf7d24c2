"""A run in which every case takes twice as long as its unit, and is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from actbench.bench.catalog.cases import PROFILES, Case, Selection, expand
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.claims.costs import PROFILE
from actbench.bench.results.rows import Row, described
from actbench.bench.results.store import Run
from tests.conftest import run_facts

HERE = Path("results/alike")


@cache
def run_of_equals() -> Run:
    """A run of the profile of claims in two frameworks, and of its sizes on a GPU."""
    frameworks = Selection(frameworks=("numpy", "jax"))
    beyond = Selection(frameworks=("jax",), devices=("cuda",), sizes=("memory", 100_000_000))
    cases = [case for chosen in (frameworks, beyond) for case in expand(PROFILES[PROFILE], chosen)]
    return run_of(row for case in cases for row in rows_of(case))


def run_of(rows: Iterable[Row]) -> Run:
    """A run of these rows, with the size classes of this machine."""
    classes = {device: dict(size_classes(device)) for device in ("cpu", "cuda")}
    return Run(HERE, run_facts(size_classes=classes), list(described(rows)))


def rows_of(case: Case, cost: float = 2.0, ulp: float = 1.0) -> Iterator[Row]:
    """The rows of a case with a cost to 1 %, a time of as many microseconds, and an error."""
    yield Row(case, "relative_cost", cost, cost * 0.99, cost * 1.01)
    yield Row(case, "time_per_call", cost * 1e3, cost * 990, cost * 1010)
    yield Row(case, "max_ulp_flushed", ulp)
