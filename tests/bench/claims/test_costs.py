"""Costs of a run as claims compare them, and the run that is measured for them."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection, expand
from actbench.bench.claims.claim import claims
from actbench.bench.claims.costs import PROFILE, Costs, above, elements, within
from actbench.bench.claims.ground import Effort, Unavailable
from actbench.bench.claims.judging import judge
from actbench.bench.host.progress import Reporter
from actbench.bench.results.claims import Verdict
from actbench.bench.results.estimate import Estimate
from actbench.bench.results.rows import Row
from actbench.bench.results.status import Status
from tests.bench.claims.alike import HERE, rows_of, run_of

RELU = Case("jax", "relu", "native", "compiled", "forward", "cpu", "float32", 1_000_000, 1)
GELU = RELU.of("gelu", "native")


def costs_of(*rows: Row) -> Costs:
    """The costs of a run of these rows."""
    run = run_of(rows)
    return Costs(run.records, run.facts, run.path)


def test_a_ratio_of_two_costs_has_the_interval_of_independent_ones() -> None:
    rows = Row(GELU, "relative_cost", 6.0, 5.0, 8.0), Row(RELU, "relative_cost", 2.0, 1.0, 3.0)
    ratio = costs_of(*rows).over(GELU, RELU)
    assert ratio.value == 3
    assert math.log(3 / ratio.low) == pytest.approx(math.hypot(math.log(6 / 5), math.log(3 / 2)))
    assert math.log(ratio.high / 3) == pytest.approx(math.hypot(math.log(8 / 6), math.log(2 / 1)))


def test_a_ratio_decides_where_its_interval_leaves_nothing_open() -> None:
    ratio = Estimate(2.0, 1.5, 2.5)
    assert [above(bound)(ratio) for bound in (1.4, 2.2, 2.6)] == [True, None, False]
    assert [within(0, most)(ratio) for most in (2.6, 2.2, 1.4)] == [True, None, False]
    assert [within(least, 9)(ratio) for least in (1.4, 2.2, 2.6)] == [True, None, False]


def test_a_place_is_a_class_of_the_run_or_a_size() -> None:
    costs = costs_of(*rows_of(RELU), *rows_of(GELU))
    assert costs.place(RELU) == elements(1_000_000) == "1,000,000 elements"
    assert list(costs.cases("gelu", place=elements(1_000_000), mode="compiled")) == [GELU]
    assert not list(costs.cases("gelu", mode="eager"))
    assert not list(costs.cases("gelu", place="l2"))


def test_an_error_is_of_a_case_whatever_its_timing_input() -> None:
    lacking = Row(replace(GELU, mode="eager"), "max_ulp_flushed", None, status=Status.ERROR)
    costs = costs_of(Row(replace(GELU, size=9), "max_ulp_flushed", 1.5), lacking)
    assert costs.errors == {GELU.anywhere: 1.5}


def test_a_claim_whose_cases_a_run_lacks_names_the_command_that_adds_them() -> None:
    run = run_of(rows_of(replace(RELU, size=64)))
    effort = Effort({"": sys.executable}, quick=True)
    wanted = [claims()[f"barron-table-1-on-a-{device}"] for device in ("cpu", "gpu")]
    on_cpu, on_gpu = judge(wanted, run, effort, Reporter(quiet=True))
    assert on_cpu.verdict is on_gpu.verdict is Verdict.UNDECIDED
    assert f"actbench run --profile claims --into {HERE}" in on_cpu.reason
    assert "--device cuda --framework jax" in on_gpu.reason
    assert "--size 100000000" in on_gpu.reason


def test_without_a_run_a_claim_of_cost_is_undecided() -> None:
    with pytest.raises(Unavailable), Costs.opened(None, Effort({})):
        pass


def test_the_profile_has_every_case_of_a_claim_of_cost() -> None:
    """Both activations of each pair that a claim compares, plain, in every framework and mode."""
    cases = expand(PROFILES[PROFILE], Selection(frameworks=("torch",)))
    run = run_of(row for case in cases for row in rows_of(case))
    wanted = [claim for claim in claims().values() if claim.ground is Costs]
    judged = judge(wanted, run, Effort({"": sys.executable}), Reporter(quiet=True))
    lacking = [claim.name for claim in judged if not claim.figures]
    assert lacking == ["barron-table-1-on-a-cpu", "barron-table-1-on-a-gpu"]
    decided = {figure.name for claim in judged for figure in claim.figures if figure.decides}
    assert {"gelu over gelu_tanh", "elu over isrlu", "silu over hard_swish"} <= decided
