"""Claims of the literature, as judged by a run: a card each, by topic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ...bench.results import claim_words as words
from ...bench.results.claims import Figure, Judged, Verdict
from ...bench.results.estimate import Estimate
from ..draw import strips
from ..draw.figure import Panel
from ..draw.strips import Mark, Strip, Strips
from ..read.evidence import Evidence
from ..words import capital, title

ORDER = 25
TITLE = "Claims of the literature"
_MARKS = range(3, 15)
"""The numbers of figures for which a picture is drawn."""
_SAID = "The source says"
_COLUMNS = ("Figure", "Value (95 % interval)", _SAID, "The claim")


@dataclass(frozen=True)
class Card:
    """A claim with its lines, and a picture where it shows more than the lines do."""

    claim: Judged
    cue: str
    verdict: str
    shared: str
    lines: Sequence[words.Line]
    against: str
    elsewhere: Sequence[str]
    command: str
    picture: Panel | None


def SUMMARY(evidence: Evidence) -> str:
    """The number of claims by verdict, in the last run that judged some."""
    return words.summary(_last(evidence).values())


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """A card per claim, by topic; None where no run judged any."""
    if not evidence.claims:
        return None
    judged = _last(evidence)
    run = [*evidence.claims][-1]
    return {
        "lead": words.MEANING,
        "of_run": f"Verdicts of {evidence.label(run)}, {run}." if len(evidence.runs) > 1 else "",
        "quick": any(claim.quick for claim in judged.values()),
        "verdicts": _verdicts(judged.values()),
        "topics": [
            (
                words.heading(topic),
                words.tally(claims),
                [_card(evidence, claim) for claim in claims],
            )
            for topic, claims in words.by_topic(judged.values()).items()
        ],
    }


@lru_cache(maxsize=2)
def _last(evidence: Evidence) -> Mapping[str, Judged]:
    """The claims of the last run that judged some, by name."""
    of_runs = list(evidence.claims.values())
    return {claim.name: claim for claim in of_runs[-1].judged} if of_runs else {}


def _verdicts(judged: Collection[Judged]) -> list[tuple[Verdict, str, int]]:
    """Each verdict that some claim has, with its sign and the number of those claims."""
    counts = Counter(claim.verdict for claim in judged)
    return [
        (verdict, cue, counts[verdict]) for verdict, cue in words.CUES.items() if verdict in counts
    ]


def _card(evidence: Evidence, claim: Judged) -> Card:
    shared = _shared_fields(claim)
    against = claim.counter_example
    return Card(
        claim,
        words.CUES[claim.verdict],
        capital(claim.verdict.value),
        _shared(claim, shared),
        words.lines(claim),
        words.said(against, shared) if against and len(claim.figures) > 1 else "",
        _elsewhere(evidence, claim),
        words.again(claim),
        _picture(claim),
    )


def _shared_fields(claim: Judged) -> tuple[str, ...]:
    return words.common(claim.figures) if len(claim.figures) > 1 else ()


def _shared(claim: Judged, shared: Sequence[str]) -> str:
    """`All of it: forward, float32, in cache.`: the setting that all figures share."""
    if not shared:
        return ""
    where = words.setting(replace(claim.figures[0], at=None), {*words.SETTING} - {*shared})
    return f"All of it: {where}." if where else ""


def _elsewhere(evidence: Evidence, claim: Judged) -> list[str]:
    """The differing verdicts of earlier runs."""
    earlier = [
        (name, other)
        for name, claims in list(evidence.claims.items())[:-1]
        for other in claims.judged
        if other.name == claim.name and other.verdict is not claim.verdict
    ]
    return [f"{capital(evidence.label(name))}: {other.verdict}." for name, other in earlier]


def tables(evidence: Evidence) -> dict[str, list[list[str]]]:
    """The figures of each claim for the page's script: a head, and a row of texts per figure.

    Those against the claim come first. Each row begins with the figure's name and its setting.
    """
    return {name: list(_table(claim)) for name, claim in _last(evidence).items() if claim.figures}


def _table(claim: Judged) -> Iterator[list[str]]:
    has_said = any(figure.said is not None for figure in claim.figures)
    yield [column for column in _COLUMNS if has_said or column != _SAID]
    shared = _shared_fields(claim)
    for figure in sorted(claim.figures, key=lambda figure: _ORDER.index(words.holds(figure))):
        said = [words.source_said(figure)] if has_said else []
        setting = words.setting(figure, shared)
        yield [figure.name, setting, words.value(figure), *said, words.holds(figure)]


_ORDER = ("does not", "undecided", "holds", "informs")


def _picture(claim: Judged) -> Panel | None:
    """The intervals of a claim decided by several ratios; None where the lines suffice."""
    figures = claim.deciding
    settings = sorted({(figure.framework, figure.mode) for figure in figures})
    if len(figures) not in _MARKS or len(settings) < 2 or not _is_drawn(figures):
        return None
    content = Strips(
        ", ".join(dict.fromkeys(figure.name for figure in figures)),
        [Strip(title(who), mode, _marks(figures, who, mode)) for who, mode in settings],
    )
    unit, said = words.unit_of(figures[0]), {figure.said or 0.0 for figure in figures}
    at = said.pop() if len(said) == 1 else 0.0
    if 0 < at < math.inf:
        [panel] = strips.panels([content], "log scale", unit, "as said", at)
    else:
        [panel] = strips.panels([content], "log scale", unit, "equal" if unit == "×" else "")
    return panel


def _is_drawn(figures: Sequence[Figure]) -> bool:
    """Return whether figures have one unit, and intervals that a logarithmic scale can hold."""
    ends = [end for figure in figures for end in (figure.low, figure.high)]
    within = all(end is not None and 0 < end < math.inf for end in ends)
    return within and len({figure.unit for figure in figures}) == 1


def _marks(figures: Sequence[Figure], framework: str, mode: str) -> tuple[Mark, ...]:
    """The figures of a setting by their verdict, each with what distinguishes it from the rest."""
    shared = {"framework", "mode", *words.common(figures)}
    several = len({figure.name for figure in figures}) > 1
    return tuple(
        Mark(
            _MARKERS[figure.holds],
            ", ".join(filter(None, [figure.name * several, words.setting(figure, shared)])),
            Estimate.of(figure.value, figure.low, figure.high),
        )
        for figure in figures
        if (figure.framework, figure.mode) == (framework, mode)
    )


_MARKERS: Mapping[bool | None, str] = {True: "holds", False: "fails", None: "undecided"}
