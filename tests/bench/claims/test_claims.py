"""Every claim gets the verdict `fails` where it is made false on purpose."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from actbench.bench.catalog.cases import DELICATE
from actbench.bench.claims.claim import Claim, claims
from actbench.bench.claims.ground import Effort
from actbench.bench.claims.judging import Grounds, grounds
from actbench.bench.claims.textbook import RELU, SOFTPLUS
from actbench.bench.results.claims import Figure, Outcome, Verdict
from actbench.bench.worker.protocol import Weights
from tests.bench.claims.alike import run_of_equals

FALSE: Mapping[str, Mapping[str, Any]] = {
    "relu-is-cheaper-than-sigmoid-and-tanh": {"times": 1000.0},
    "elu-is-slower-than-relu-and-leaky-relu": {"times": 1000.0},
    "squareplus-is-six-times-faster-than-softplus": {"times": 1000.0},
    "squareplus-costs-as-much-as-relu": {"most": 0.5},
    "barron-table-1-on-a-cpu": {"said": {"elu": 9.0, "squareplus": 0.1, "relu": 1.0}},
    "barron-table-1-on-a-gpu": {"said": {"elu": 9.0, "squareplus": 0.1, "relu": 1.0}},
    "large-activations-are-limited-by-memory": {"most": 0.5},
    "hard-variants-are-cheaper-than-smooth-ones": {"times": 1000.0},
    "the-approximation-of-softplus-is-cheaper": {"times": 1000.0},
    "gelu-by-tanh-is-faster-than-by-erf": {"times": 1000.0},
    "gelu-by-sigmoid-is-faster-than-by-erf": {"times": 1000.0},
    "leaky-and-parametric-relu-cost-little-more": {"most": 0.5},
    "mish-is-slower-than-relu-and-swish": {"times": 1000.0},
    "inverse-roots-are-faster-than-exponentials": {"times": 1000.0},
    "compiling-makes-written-out-forms-as-cheap": {"most": 0.5},
    "textbook-lines-print-what-is-shown": {"shown": {RELU: "[0. 0. 0. 1. 3.]"}},
    "where-computes-only-the-branch-that-it-takes": {},
    "textbook-lines-are-right-everywhere": {"lines": (SOFTPLUS,)},
    "the-overflow-of-sigmoid-may-be-ignored": {"most": -1.0},
    "the-printed-softplus-overflows": {"line": RELU},
    "relu-by-product-is-fastest": {"others": (RELU,), "times": 1000.0},
    "vectorized-lines-run-at-full-speed": {"lines": (RELU,), "most": 0.001},
    **{f"a-right-{name.replace('_', '-')}-costs-more": {"times": 1000.0} for name in DELICATE},
    "relu-has-one-value-in-every-form": {"activation": "leaky_relu", "forms": ("where",)},
    "relu-is-never-negative-and-unbounded": {"activation": "tanh"},
    "gelu-has-a-bump": {"activation": "softplus"},
    "silu-has-a-bump": {"activation": "softplus"},
    "mish-has-a-bump": {"activation": "softplus"},
    "squareplus-is-monotonic": {"way": -1},
    "squareplus-is-strictly-positive": {"activation": "softsign"},
    "squareplus-approaches-relu": {"slope": 1},
    "squareplus-is-smooth": {"b": 0},
    "squareplus-needs-no-care": {"b": 1},
    "naive-softplus-overflows": {"form": "logaddexp"},
    "softplus-bounds-relu": {"activation": "leaky_relu"},
    "elu-saturates-at-minus-alpha": {"level": 2},
    "sigmoid-never-reaches-0-or-1": {"activation": "relu"},
    "softmax-ignores-a-shift": {"activation": "log_softmax"},
    "leaky-relu-is-a-maximum": {"alphas": (2,)},
    "relu-is-positively-homogeneous": {"factors": (-1,)},
    "squareplus-with-b-0-is-relu": {"b": 1},
    "squareplus-with-b-4-is-the-metallic-mean": {"b": 1},
    "logsumexp-with-zero-is-softplus": {"with_zero": "false"},
    "softmax-is-the-gradient-of-logsumexp": {"of": "softmax"},
    "sharp-softplus-tends-to-relu": {"at_0": 0.5},
    "softplus-to-base-2-is-softplus": {"k": 1.0},
    "softplus-has-an-approximation": {"close": 1e-4},
    "elu-is-a-smoothed-shifted-relu": {"alphas": (2.0,), "level": 2.0},
    "gelu-has-an-approximation-by-tanh": {"activation": "silu"},
    "gelu-has-an-approximation-by-sigmoid": {"activation": "silu"},
    "silu-is-x-times-sigmoid": {"activation": "gelu"},
    "hard-swish-is-x-times-relu6": {"activation": "silu"},
    "tanh-is-a-scaled-sigmoid": {"activation": "softsign"},
    "softplus-splits-the-identity": {"times": 2},
    "mish-is-x-times-tanh-of-softplus": {"activation": "silu"},
    "selu-is-a-scaled-elu": {"scale": 1.05},
    "celu-with-alpha-1-is-elu": {"alpha": 2},
    "a-sigmoid-layer-leaves-a-quarter-of-the-gradient": {"activation": "tanh"},
    "he-initialisation-keeps-signal-and-gradient": {"weights": Weights.GLOROT},
    "xavier-initialisation-shrinks-relu-by-a-root-of-two": {"weights": Weights.HE},
    "selu-normalises-itself": {"activation": "sigmoid"},
    "half-of-the-outputs-of-relu-are-zero": {"activation": "leaky_relu"},
    "smooth-activations-have-no-true-zeros": {"activations": ("relu",)},
    "an-l1-penalty-makes-zeros": {"least": 0.9},
    "sparsity-does-not-hurt-accuracy": {"penalties": (1.0,), "until": 1.0},
    "a-bias-activates-units": {"bias": -1.0},
    "relu-has-the-slope-0-or-1": {"chosen": (0.25, 0.75)},
    "leaky-relu-has-the-slope-alpha-or-1": {"above": 2},
    "prelu-learns-alpha-from-negative-inputs": {"share": 2},
    "elu-has-a-continuous-slope-for-alpha-1": {"activation": "celu", "alphas": (0.5, 2)},
    "elu-has-the-slope-f-plus-alpha": {"alpha": 2},
    "gelu-has-the-slope-of-a-product": {"activation": "silu"},
    "silu-has-the-slope-of-a-product": {"activation": "gelu"},
    "softplus-has-the-slope-sigmoid": {"k": 2},
    "sigmoid-has-a-slope-of-at-most-a-quarter": {"activation": "tanh"},
    "sigmoid-has-a-slope-of-itself": {"whole": 2},
    "tanh-has-a-slope-of-itself": {"whole": 2},
    "squareplus-has-an-algebraic-slope": {"b": 1},
    "squareplus-has-a-slope-between-0-and-1": {"activation": "silu"},
    "too-high-a-learning-rate-kills-units": {"rate": 0.01},
    "negative-biases-and-large-inputs-kill-units": {"bias": 0.0, "scale": 1.0},
    "dead-units-stay-dead": {"most": -1.0},
    "units-with-a-slope-recover": {"activations": ("relu",)},
    "saturating-units-train-slower": {"saturating": ("relu",), "rates": {"relu": (0.5,)}},
    "standardised-inputs-converge-faster": {"activations": ("relu",), "times": 1000.0},
    "elu-brings-means-closer-to-zero": {"activation": "softplus"},
    "batch-normalisation-centres-and-helps": {"most": 0.001},
    "batch-normalisation-allows-higher-rates": {"normalised": False},
    "smoothness-does-not-ease-training": {"ratio": 1000.0, "margin": -0.5},
    "swish-and-gelu-are-as-accurate-as-relu": {"margin": -0.5},
    "prelu-learns-its-slope": {"least": 10.0},
    "deeper-slopes-of-prelu-are-smaller": {"bound": -10.0},
}
"""For each claim constants by which it is false: another function, another number."""


@pytest.fixture(scope="module")
def evidence() -> Iterator[Grounds]:
    """The grounds of all claims, with as much effort as a quick answer takes."""
    effort = Effort({"": sys.executable}, frameworks=("numpy",), quick=True)
    with grounds(run_of_equals(), effort) as made:
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
