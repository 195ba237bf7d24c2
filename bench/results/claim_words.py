"""Claims in words, as the page and the terminal say them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from ..catalog.places import named
from ..catalog.shell import command
from ..words import capital, counted, number, place_words, title
from .claims import Figure, Judged, Outcome, Topic, Verdict

CUES: Mapping[Verdict, str] = {
    Verdict.FAILS: "✗",
    Verdict.LIMITED: "◐",
    Verdict.HOLDS: "✓",
    Verdict.UNDECIDED: "?",
}
"""The sign of each verdict, in the order in which claims of a topic are shown."""
_COUNTED: Mapping[Verdict, tuple[str, str]] = {
    Verdict.HOLDS: ("holds", "hold"),
    Verdict.LIMITED: ("within limits", "within limits"),
    Verdict.FAILS: ("fails", "fail"),
    Verdict.UNDECIDED: ("is undecided", "are undecided"),
}
MEANING = (
    "A claim holds where every figure that decides bears it out, holds within limits where some "
    "do, and fails where none does. It is undecided where fewer than half of its figures decide."
)
_UNITS = {"ratio": "×", "share": ""}
SETTING = ("framework", "mode", "direction", "device", "dtype", "place")
"""The fields of a figure that give its setting."""
_SILENT = ("cpu",)
"""The device that goes without saying."""
_LINE = 100
"""The most letters of the figures in one line, unless the first alone is longer."""


def ordered(judged: Iterable[Judged]) -> list[Judged]:
    """Claims, those that fail first, then those with limits, and the undecided last."""
    order = list(CUES)
    return sorted(judged, key=lambda claim: order.index(claim.verdict))


def by_topic(judged: Iterable[Judged]) -> dict[Topic, list[Judged]]:
    """The claims of each topic that has some, ordered."""
    topics: dict[Topic, list[Judged]] = {topic: [] for topic in Topic}
    for claim in ordered(judged):
        topics[claim.topic].append(claim)
    return {topic: claims for topic, claims in topics.items() if claims}


def tally(judged: Collection[Judged]) -> str:
    """`2 hold, 1 within limits, 1 is undecided`."""
    counts = {verdict: sum(claim.verdict is verdict for claim in judged) for verdict in Verdict}
    known = [verdict for verdict in Verdict if counts[verdict]]
    texts = [f"{counts[verdict]} {_COUNTED[verdict][counts[verdict] != 1]}" for verdict in known]
    if known[:1] == [Verdict.LIMITED]:
        texts[0] = (
            f"{counts[known[0]]} {_COUNTED[Verdict.HOLDS][counts[known[0]] != 1]} within limits"
        )
    return ", ".join(texts)


def summary(judged: Collection[Judged]) -> str:
    """`Of 48 claims of the literature 21 hold, 17 within limits, 7 fail, 3 are undecided.`"""
    claims = f"{len(judged)} claim{'s' * (len(judged) != 1)}"
    return f"Of {claims} of the literature {tally(judged)}." if judged else "No claim was judged."


def evidence(figures: Collection[Figure]) -> str:
    """`all 14 figures hold`, `13 figures hold, 1 does not`: a count of the figures that decide."""
    deciding = [figure for figure in figures if figure.decides]
    yes, no = (sum(figure.holds is holds for figure in deciding) for holds in (True, False))
    rest = len(deciding) - yes - no
    if not deciding:
        return "no figure is to decide"
    if yes == len(deciding) > 1:
        return "both figures hold" if yes == 2 else f"all {yes} figures hold"
    if no == len(deciding) > 1:
        return "neither figure holds" if no == 2 else f"none of {no} figures holds"
    first = f"{yes} figure{' holds' if yes == 1 else 's hold'}" if yes else ""
    second = (
        f"{no} do{'es' * (no == 1)} not"
        if yes
        else f"{no} figure{' does' if no == 1 else 's do'} not hold"
    )
    third = f"{rest} undecided" if yes or no else f"{counted(rest, 'figure')} undecided"
    return ", ".join(filter(None, [first, second * (no > 0), third * (rest > 0)]))


def value(figure: Figure) -> str:
    """`1.47× (1.43–1.52)`, `6`, `12.5%`, `2.50 ulp`: a value with its unit and its interval."""
    shown = f"{_plain(figure, figure.value)}{unit_of(figure, figure.value)}"
    if figure.low is None or figure.high is None:
        return shown
    return f"{shown} ({_range(figure, figure.low, figure.high)})"


def unit_of(figure: Figure, amount: float = math.nan) -> str:
    """The unit after an amount: `×`, ` ulp`, ` input`, ` inputs`; empty for counts and shares."""
    unit = figure.unit
    if amount == 1 and unit.endswith("s") and len(unit) > len("ms"):
        unit = unit.removesuffix("s")
    return _UNITS.get(unit, f" {unit}" if unit else "")


def _range(figure: Figure, low: float, high: float) -> str:
    return f"{_plain(figure, low)}{' to ' if low < 0 else '–'}{_plain(figure, high)}"


def _plain(figure: Figure, amount: float) -> str:
    """An amount without its unit; whole numbers of things as they are."""
    if math.isnan(amount):
        return "NaN"
    if figure.unit == "share":
        return f"{number(100 * amount)}%"
    exact = _is_whole(amount) and figure.low is None and figure.unit != "ratio"
    return f"{amount:,.0f}" if exact else number(amount)


def _is_whole(amount: float) -> bool:
    return abs(amount) < 1e6 and amount == round(amount)


def setting(figure: Figure, without: Collection[str] = ()) -> str:
    """`JAX, compiled, forward, float32, in cache`: where a figure was measured."""
    words = {name: getattr(figure, name) for name in SETTING if name not in without}
    if words.get("framework"):
        words["framework"] = title(words["framework"])
    if place := named(words.get("place", "")):
        words["place"] = place_words(place)
    words["at"] = "" if figure.at is None else f"x = {_plain(figure, figure.at)}"
    return ", ".join(text for text in words.values() if text and text not in _SILENT)


def common(figures: Collection[Figure]) -> tuple[str, ...]:
    """The fields of a setting that all figures share."""
    return tuple(
        name for name in SETTING if len({getattr(figure, name) for figure in figures}) == 1
    )


def said(figure: Figure, without: Collection[str] = ()) -> str:
    """`tanh over ReLU: 0.863× (0.841–0.885), JAX, compiled`, with the source's number if there is
    one."""
    where = setting(figure, without)
    source = f"said to be {source_said(figure)}" if figure.said is not None else ""
    return ", ".join(filter(None, [f"{figure.name}: {value(figure)}", source, where]))


def source_said(figure: Figure) -> str:
    """The source's number with its unit; a dash where it gives none."""
    return "–" if figure.said is None else f"{_plain(figure, figure.said)}{unit_of(figure)}"


def reach(figures: Sequence[Figure]) -> str:
    """`sigmoid over ReLU: 1.05–2.92×`: figures of one name, or a single one with its interval."""
    first, values = figures[0], [figure.value for figure in figures]
    if len(figures) == 1:
        return f"{first.name}: {value(first)}"
    low, high = min(values), max(values)
    if number(low) == number(high):
        return f"{first.name}: {value(replace(first, low=None, high=None))}"
    whole = replace(first, low=None if all(map(_is_whole, values)) else first.value)
    return f"{first.name}: {_range(whole, low, high)}{unit_of(first)}"


def finding(judged: Judged) -> str:
    """The figures of a claim in one sentence without a full stop, or the reason why it has none."""
    if not judged.figures:
        return judged.reason or "there are no figures"
    against = judged.counter_example
    example = said(against) if against else named_figures(judged.deciding or judged.figures)
    return f"{evidence(judged.figures)}; {example}"


def holds(figure: Figure) -> str:
    """`holds`, `does not`, `undecided`; `informs` for a figure that does not decide."""
    if not figure.decides:
        return "informs"
    return {True: "holds", False: "does not", None: "undecided"}[figure.holds]


def heading(topic: Topic) -> str:
    """A topic, capitalised."""
    return capital(topic.value)


@dataclass(frozen=True)
class Line:
    """The figures of a framework in words, how many of them hold, and the verdict on them."""

    who: str
    figures: str
    evidence: str
    verdict: Verdict


def lines(judged: Judged) -> list[Line]:
    """A line per framework, or a single one where figures have no framework."""
    by_framework: dict[str, list[Figure]] = {}
    for figure in judged.figures:
        by_framework.setdefault(figure.framework, []).append(figure)
    return [
        Line(
            title(name) if name else "",
            named_figures(figures),
            evidence(figures),
            Outcome(tuple(figures)).verdict,
        )
        for name, figures in by_framework.items()
    ]


def named_figures(figures: Iterable[Figure]) -> str:
    """The range of each name, those against the claim first, as many as fit in a line."""
    by_name: dict[tuple[str, str], list[Figure]] = {}
    for figure in sorted(
        figures, key=lambda figure: (not figure.decides, figure.holds is not False)
    ):
        by_name.setdefault((figure.name, figure.unit), []).append(figure)
    shown = [reach(alike) for alike in by_name.values()]
    ends = accumulate(len(text) for text in shown)
    fit = max(1, sum(end <= _LINE for end in ends))
    more = [f"and {len(shown) - fit} more"] if len(shown) > fit else []
    return "; ".join([*shown[:fit], *more])


def again(judged: Judged) -> str:
    """The command that judges a claim again."""
    return command("claims", judged.name, quick=judged.quick, seed=judged.seed or None)
