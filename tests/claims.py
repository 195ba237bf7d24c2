"""Claims for tests: one of every verdict and kind of figure, and any that the types allow."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from actbench.bench.results.claims import Claims, Figure, Judged, Outcome, Topic, Verdict

COST = Figure(
    "tanh over ReLU", 1.2, 1.1, 1.3, "ratio", True, 1.5, True, None,
    "torch", "compiled", "forward", "cpu", "float32", "l2",
)  # fmt: skip
COUNT = Figure("inputs that differ", 6.0, holds=False, framework="jax", dtype="bfloat16")


def judged(name: str, *figures: Figure, topic: Topic = Topic.COST, **more: str) -> Judged:
    """A claim with the verdict that follows from its figures."""
    said = {"sentence": f"It is said that {name}.", "source": "Nobody 1999", "method": "Counted."}
    verdict = Outcome(figures).verdict
    return Judged(name, topic, **said, verdict=verdict, figures=figures, **more)  # type: ignore[arg-type]


def against(value: float, **changes: str) -> Figure:
    """A cost that speaks against a claim."""
    return replace(COST, value=value, low=value / 1.1, high=value * 1.1, holds=False, **changes)  # type: ignore[arg-type]


EVERY = Claims(
    "actbench claims --run run",
    "2026-11-28T15:00:00+00:00",
    (
        judged("it-holds", COST, replace(COST, value=1.25, framework="jax")),
        judged(
            "it-has-limits",
            COST,
            *(replace(COST, framework="jax", mode=mode) for mode in ("eager", "compiled")),
            against(0.8, framework="numpy", mode="eager"),
            against(0.5, framework="numpy", mode="compiled"),
            why="NumPy has a vector loop for tanh.",
        ),
        judged("it-fails", COUNT, replace(COUNT, value=math.inf, unit="ulp"), topic=Topic.IDENTITY),
        judged("it-is-open", replace(COST, holds=None), COUNT, replace(COST, holds=None)),
        judged("it-cannot-be-had", topic=Topic.NETWORK, reason="torch is not installed here"),
        judged(
            "it-informs",
            replace(COUNT, holds=True, value=0.0, framework="", dtype=""),
            Figure("share of dead units", 0.125, 0.1, 0.15, "share", decides=False),
            Figure("slope at 0", math.nan),
            Figure("log of it", -3.5, -4.0, -3.0, holds=True),
            topic=Topic.SHAPE,
        ),
    ),
)
"""Claims of every verdict, with every kind of figure."""

_LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "N"), exclude_characters="\\")
_WORDS = st.text(_LETTERS, max_size=200)
_NAMES = st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,8}", fullmatch=True)
_NUMBERS = st.floats(width=64)


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    """Any figure that the types allow: infinite, NaN, without an interval or a setting."""
    low, value, high = sorted(draw(st.tuples(*[st.floats(allow_nan=False)] * 3)))
    ends = draw(st.sampled_from([(None, None), (low, high), (low, None), (None, high)]))
    number = draw(_NUMBERS) if ends == (None, None) else value
    setting = draw(st.tuples(*[st.sampled_from(["", "cpu", "l2", "torch", "?"]) | _WORDS] * 6))
    unit = draw(st.sampled_from(["", "ratio", "ulp", "share"]) | _WORDS)
    holds, decides = draw(st.sampled_from([True, False, None])), draw(st.booleans())
    said, at = draw(st.none() | _NUMBERS), draw(st.none() | _NUMBERS)
    return Figure(draw(_WORDS), number, *ends, unit, holds, said, decides, at, *setting)


@st.composite
def any_judged(draw: st.DrawFn) -> Judged:
    """Any claim that was judged."""
    found = tuple(draw(st.lists(figures(), max_size=6)))
    return Judged(
        draw(_NAMES), draw(st.sampled_from(Topic)), draw(_WORDS), draw(_WORDS), draw(_WORDS),
        draw(st.sampled_from(Verdict)), found, draw(_WORDS), draw(_WORDS),
    )  # fmt: skip


def any_claims() -> st.SearchStrategy[Claims]:
    """Any claims that were judged in one go."""
    several = st.lists(any_judged(), max_size=5, unique_by=lambda claim: claim.name)
    return st.builds(Claims, _WORDS, _WORDS, several.map(tuple))
