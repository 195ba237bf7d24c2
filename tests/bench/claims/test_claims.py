"""Every claim gets the verdict `fails` where it is made false on purpose."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.claims.claim import Claim, claims
from actbench.bench.claims.ground import Effort
from actbench.bench.claims.judging import Grounds, grounds
from actbench.bench.results.claims import Figure, Outcome, Verdict
from actbench.bench.results.store import load

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = max((ROOT / "results/published").glob("*-standard"))
FALSE: Mapping[str, Mapping[str, Any]] = {
    "relu-is-cheaper-than-sigmoid-and-tanh": {"times": 1000.0},
    "relu-has-one-value-in-every-form": {"activation": "leaky_relu", "forms": ("where",)},
}
"""For each claim constants by which it is false: another function, another number."""


@pytest.fixture(scope="module")
def evidence() -> Iterator[Grounds]:
    """The grounds of all claims, with as much effort as a quick answer takes."""
    effort = Effort({"": sys.executable}, frameworks=("numpy",), quick=True)
    with grounds(load(PUBLISHED), effort) as made:
        yield made


def test_every_claim_has_a_false_variant() -> None:
    assert FALSE.keys() == claims().keys()


@pytest.mark.parametrize("name", claims())
def test_a_false_variant_fails(name: str, evidence: Grounds) -> None:
    claim = claims()[name]
    outcome = claim.judge(evidence.of(claim.ground), **FALSE[name])
    assert outcome.verdict is Verdict.FAILS, outcome


@pytest.mark.parametrize("claim", claims().values(), ids=claims())
def test_a_claim_is_a_sentence_with_its_source_and_its_method(claim: Claim) -> None:
    assert all(text and text.strip() == text for text in (claim.source, claim.method))
    assert claim.sentence.endswith(".")
    assert len(claim.sentence.split()) <= 25


def test_the_verdict_follows_from_the_figures_that_decide() -> None:
    def verdict(*decided: bool | None) -> Verdict:
        return Outcome(tuple(Figure("of", 1.0, holds=holds) for holds in decided)).verdict

    assert verdict() is verdict(None) is verdict(True, None, None) is Verdict.UNDECIDED
    assert verdict(True) is verdict(True, None) is Verdict.HOLDS
    assert verdict(False) is verdict(False, None) is Verdict.FAILS
    assert verdict(True, False) is Verdict.LIMITED


def test_a_figure_that_informs_decides_nothing() -> None:
    informs = [Figure("of", 1.0, holds=holds, decides=False) for holds in (None, None, False)]
    outcome = Outcome((Figure("of", 1.0, holds=True), *informs))
    assert outcome.verdict is Verdict.HOLDS
    assert Outcome(tuple(informs)).verdict is Verdict.UNDECIDED
