"""The run that claims of cost are judged by, where none is named."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench.catalog.cases import PROFILES, Plan
from actbench.bench.claims import measuring
from actbench.bench.claims.claim import claims
from actbench.bench.claims.costs import Costs
from actbench.bench.claims.ground import Effort
from actbench.bench.claims.judging import chosen, judge, needs_run
from actbench.bench.host.progress import Reporter
from actbench.bench.results.claims import Topic
from actbench.bench.run.reading import load

EFFORT = Effort({"": sys.executable}, frameworks=("numpy",), seed=3, quick=True)
QUIET = Reporter(quiet=True)


def test_a_run_is_measured_that_a_claim_can_be_judged_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(("relu", "elu"), forms=("plain",), dtypes=("float32",))
    small = replace(PROFILES["claims"], plans=(plan,), per_binade=1)
    monkeypatch.setattr(measuring, "PROFILES", {"claims": small})
    outcome = measuring.measured(EFFORT, tmp_path / "run", "actbench claims", QUIET)
    run = load(tmp_path / "run")
    assert (run.facts.profile, run.facts.seed, run.facts.command) == (
        "claims",
        3,
        "actbench claims",
    )
    assert len(run.records) == len(outcome.rows)
    claim = claims()["elu-is-slower-than-relu-and-leaky-relu"]
    [judged] = judge([claim], run, EFFORT, QUIET)
    [figure] = judged.figures
    assert (figure.name, figure.framework, figure.direction) == (
        "elu over relu",
        "numpy",
        "forward",
    )
    assert figure.value > 0


def test_a_quick_run_has_the_same_cases_in_less_time() -> None:
    whole = PROFILES["claims"]
    short = measuring._shortened(whole)
    assert short.plans == whole.plans
    assert (short.seconds, short.most) == (0, short.epochs)
    assert short.blocks < whole.blocks


def test_only_claims_of_cost_and_of_forms_need_a_run() -> None:
    wanted = [claim for claim in claims().values() if needs_run([claim])]
    assert {claim.topic for claim in wanted} == {Topic.COST, Topic.FORM}
    assert {claim.ground for claim in wanted} == {Costs}
    assert not needs_run(chosen(["textbook code", "identities"]))


def test_a_topic_goes_by_its_short_name_as_well() -> None:
    assert chosen(["form"]) == chosen(["the form to copy"])
    assert {claim.topic for claim in chosen(["code", "cost"])} == {Topic.CODE, Topic.COST}
