"""Claims of a run: what its file may hold, what follows from figures, and how they read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.host.errors import StoreError
from actbench.bench.results import claim_words as words
from actbench.bench.results.claims import Claims, Figure, Judged, Topic, Verdict, read, write

from ...claims import COST, COUNT, EVERY, any_claims, any_judged, judged

FEW = settings(max_examples=20)
"""Enough of claims, each of which is many draws."""


@FEW
@given(any_claims())
def test_a_file_holds_claims_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, claims: Claims
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, claims)
    assert repr(read(folder)) == repr(claims)  # NaN is not equal to itself


def test_a_run_without_claims_has_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None


Change = Callable[[Any], object]
_WRONG: dict[str, Change] = {
    "no verdict": lambda record: record["judged"][0].update(verdict="is nice"),
    "no topic": lambda record: record["judged"][0].update(topic="weather"),
    "an unknown field of a claim": lambda record: record["judged"][0].update(more=1),
    "an unknown field of a figure": lambda record: record["judged"][0]["figures"][0].update(more=1),
    "an unknown field": lambda record: record.update(more=1),
    "a missing field": lambda record: record["judged"][0].pop("source"),
    "text for a number": lambda record: record["judged"][0]["figures"][0].update(value="1.2"),
    "a number for text": lambda record: record["judged"][0].update(why=3),
    "a number for a truth": lambda record: record["judged"][0]["figures"][0].update(holds=1),
    "low above value": lambda record: record["judged"][0]["figures"][0].update(low=1.21),
    "value above high": lambda record: record["judged"][0]["figures"][0].update(high=1.19),
    "NaN with an interval": lambda record: record["judged"][0]["figures"][0].update(value="NaN"),
    "a name for a shell": lambda record: record["judged"][0].update(name="a; touch b"),
    "a name twice": lambda record: record["judged"].append(record["judged"][0]),
    "a long sentence": lambda record: record["judged"][0].update(sentence="x" * 601),
    "too many claims": lambda record: record.update(
        judged=[{**record["judged"][0], "name": f"n{at}"} for at in range(1001)]
    ),
    "too many figures": lambda record: record["judged"][0].update(
        figures=record["judged"][0]["figures"] * 5001
    ),
    "another schema": lambda record: record.update(schema=2),
    "a control character": lambda record: record["judged"][0].update(why="\x1b[31m"),
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_what_is_no_claim_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    path = write(tmp_path, EVERY)
    record = json.loads(path.read_text())
    _WRONG[wrong](record)
    path.write_text(json.dumps(record))
    with pytest.raises(StoreError, match=r"claims\.json is malformed: .+; judge the claims again"):
        read(tmp_path)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text("{")
    with pytest.raises(StoreError, match=r"claims\.json is malformed"):
        read(tmp_path)


def test_claims_that_were_not_judged_again_are_kept() -> None:
    first, second, third = EVERY.judged[:3]
    again = replace(first, why="Again.")
    earlier = replace(EVERY, judged=(first, second, third))
    later = replace(EVERY, started="later", judged=(again,))
    order = [second.name, first.name]
    assert later.after(earlier, order) == replace(later, judged=(second, again, third))
    assert later.after(None, order) == later


def test_what_informs_decides_nothing() -> None:
    informing = replace(COUNT, holds=None, decides=False)
    assert judged("a", COST, *[informing] * 5).verdict is Verdict.HOLDS
    assert judged("b", informing).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (COST, "1.20× (1.10–1.30)"),
        (COUNT, "6"),
        (replace(COUNT, value=1234567.0), "1.23e6"),
        (replace(COUNT, value=math.inf, unit="ulp"), "∞ ulp"),
        (replace(COUNT, value=2.5, unit="ulp"), "2.50 ulp"),
        (replace(COST, unit="share", value=0.125, low=0.1, high=0.15), "12.5% (10.0%–15.0%)"),
        (Figure("slope", -0.5, -0.75, 0.25), "-0.500 (-0.750 to 0.250)"),
        (Figure("slope", math.nan), "NaN"),
        (Figure("times", 2.0, unit="ratio"), "2.00×"),
        (Figure("bits", 1.0, 1.0), "1.00"),
        (replace(COUNT, value=1.0, unit="inputs"), "1 input"),
        (replace(COUNT, unit="inputs"), "6 inputs"),
        (replace(COUNT, value=1.0, unit="ms"), "1 ms"),
    ],
)
def test_a_value_has_its_unit_and_its_interval(figure: Figure, shown: str) -> None:
    assert words.value(figure) == shown


def test_a_setting_names_what_matters() -> None:
    assert words.setting(COST) == "PyTorch, compiled, forward, float32, in cache"
    assert words.setting(COST, ("framework", "place")) == "compiled, forward, float32"
    assert words.setting(replace(COUNT, at=0.0)) == "JAX, bfloat16, x = 0"
    assert words.setting(replace(COST, device="cuda", place="4096")) == (
        "PyTorch, compiled, forward, cuda, float32, 4096"
    )
    assert words.common([COST, replace(COST, mode="eager")]) == (
        "framework", "direction", "device", "dtype", "place",
    )  # fmt: skip


def test_verdicts_are_counted_in_one_sentence() -> None:
    assert words.summary(EVERY.judged) == (
        "Of 6 claims of the literature 2 hold, 1 within limits, 1 fails, 2 are undecided."
    )
    assert words.summary(EVERY.judged[1:2]) == (
        "Of 1 claim of the literature 1 holds within limits."
    )
    assert words.summary(()) == "No claim was judged."


@FEW
@given(st.lists(any_judged()))
def test_a_tally_counts_every_claim_once(claims: list[Judged]) -> None:
    counts = [int(part.split()[0]) for part in words.tally(claims).split(", ") if part]
    assert sum(counts) == len(claims)
    assert sum(map(len, words.by_topic(claims).values())) == len(claims)


def test_claims_that_fail_are_first() -> None:
    verdicts = [claim.verdict for claim in words.ordered(EVERY.judged)]
    assert verdicts == sorted(verdicts, key=list(words.CUES).index)
    assert verdicts[0] is Verdict.FAILS
    assert verdicts[-1] is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("claim", "finding"),
    [
        (0, "both figures hold; tanh over ReLU: 1.20–1.25×"),
        (1, "3 figures hold, 2 do not; tanh over ReLU: 0.500× (0.455–0.550), said to be 1.50×, "
            "NumPy, compiled, forward, float32, in cache"),
        (2, "neither figure holds; inputs that differ: ∞ ulp, JAX, bfloat16"),
        (3, "1 figure does not hold, 2 undecided; inputs that differ: 6, JAX, bfloat16"),
        (4, "torch is not installed here"),
        (5, "2 figures hold, 1 undecided; inputs that differ: 0; slope at 0: NaN; "
            "log of it: -3.50 (-4.00 to -3.00)"),
    ],
)  # fmt: skip
def test_a_finding_counts_the_figures_and_gives_one(claim: int, finding: str) -> None:
    assert words.finding(EVERY.judged[claim]) == finding


def test_a_line_per_framework_gives_the_reach_of_its_figures() -> None:
    torch, jax, numpy = words.lines(EVERY.judged[1])
    assert (torch.who, torch.verdict) == ("PyTorch", Verdict.HOLDS)
    assert torch.figures == "tanh over ReLU: 1.20× (1.10–1.30)"
    assert jax.evidence == "both figures hold"
    assert (numpy.verdict, numpy.figures) == (Verdict.FAILS, "tanh over ReLU: 0.500–0.800×")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((-1.0, -0.99), "-1.00 to -0.990"),
        ((0.0, 7.0), "0–7"),
        ((2.4301e-8, 2.4302e-8), "2.43e-8"),
        ((0.5, math.inf), "0.500–∞"),
    ],
)
def test_a_reach_is_written_alike_at_both_ends(values: tuple[float, float], shown: str) -> None:
    figures = [Figure("jump", value) for value in values]
    assert words.reach(figures) == f"jump: {shown}"


def test_a_line_has_as_many_figures_as_it_holds_and_counts_the_rest() -> None:
    short = [Figure(name, 1.0) for name in "abcd"]
    assert words.named_figures(short) == "a: 1; b: 1; c: 1; d: 1"
    long = [Figure(name * 60, 1.0, holds=name != "c") for name in "abc"]
    assert words.named_figures(long) == f"{'c' * 60}: 1; and 2 more"
    units = [Figure("inputs", value, unit="inputs") for value in (0.0, 1.0)]
    assert words.named_figures(units) == "inputs: 0–1 inputs"


def test_figures_that_do_not_decide_are_not_counted() -> None:
    assert words.evidence([replace(COST, decides=False)]) == "no figure is to decide"
    assert words.evidence([COST] * 3) == "all 3 figures hold"
    assert words.evidence([replace(COST, holds=None)]) == "1 figure undecided"


@FEW
@given(any_judged())
def test_every_figure_is_within_its_line(claim: Judged) -> None:
    lines = words.lines(claim)
    assert len(lines) == len({figure.framework for figure in claim.figures})
    assert all(line.figures and len(line.figures.split("; ")) >= 1 for line in lines)
    assert words.finding(claim) or not claim.figures


def test_the_command_judges_the_claim_again() -> None:
    assert words.again(EVERY.judged[0]) == "actbench claims it-holds"
    short = replace(EVERY.judged[0], quick=True, seed=3)
    assert words.again(short) == "actbench claims it-holds --quick --seed 3"


def test_topics_have_a_capital() -> None:
    assert words.heading(Topic.NETWORK) == "Behaviour in networks"
