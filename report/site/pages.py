"""The pages of the site that are no reports: the index and the trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..page import environment, style
from ..read.evidence import family_of
from ..sections.answers import unusual
from ..words import counted, elements, number, title
from . import charts, trends
from .changes import FALSE_CLAIMS
from .runs import MACHINE, Listed, Unread
from .trends import Moved, Trend

SHOWN_ERRORS = 40
"""The most errors that moved in a table; the rest are counted."""


@dataclass(frozen=True)
class _Row:
    """A line of a table over runs."""

    family: str
    who: str
    cells: Sequence[str]


def index(listed: Sequence[Listed], unread: Sequence[Unread], found: Sequence[Trend]) -> str:
    """The index as HTML: every run by machine, the newest first."""
    numbers = {run.name: at for each in found for at, run in enumerate(each.runs, start=1)}
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            title="actbench: published runs",
            style=style("site.css"),
            machines=[(runs[0].machine, runs[::-1]) for runs in trends.by_machine(listed)],
            unread=unread,
            numbers=numbers,
            summary=summary(listed, unread, found),
            known_by=MACHINE,
        )
    )


def trend_page(listed: Sequence[Listed], found: Sequence[Trend]) -> str:
    """The trends as HTML: each machine by itself."""
    return (
        environment()
        .get_template("trends.html.j2")
        .render(
            title="actbench: trends over runs",
            style=style("site.css"),
            trends=[_trend(at, each) for at, each in enumerate(found, start=1)],
            left_out=[each for each in listed if each.excluded],
            known_by=MACHINE,
            share=f"{FALSE_CLAIMS:.0%}",
        )
    )


def summary(listed: Sequence[Listed], unread: Sequence[Unread], found: Sequence[Trend]) -> str:
    """The site in a sentence or two: how many runs, and what changed over them."""
    if not listed and not unread:
        return "No run is published yet."
    machines = len(trends.by_machine(listed))
    used = sum(len(each.runs) for each in found)
    told = [
        f"{counted(len(listed), 'run')} of {counted(machines, 'machine')}; "
        f"{used} of them in the trends.",
        _changes_in_words(found),
    ]
    if unread:
        told.append(f"{counted(len(unread), 'folder')} could not be read.")
    return " ".join(filter(None, told))


def _changes_in_words(found: Sequence[Trend]) -> str:
    amount = sum(len(series.changes) for each in found for series in each.followed)
    if amount:
        return f"{counted(amount, 'change')} of a cost over the runs."
    longest = max(found, key=lambda each: each.longest, default=None)
    return " ".join(trends.sentences(longest)) if longest else ""


def _trend(at: int, trend: Trend) -> Mapping[str, object]:
    """What the template shows of a machine."""
    moved, several = trend.exactness.moved, len(trend.runs) > 1
    return {
        "number": at,
        "machine": trend.machine,
        "runs": [
            (place, run, trends.news(trend, place)) for place, run in enumerate(trend.runs, start=1)
        ],
        "sentences": trends.sentences(trend),
        "panels": charts.panels(f"m{at}f", trend, trend.followed) if several else [],
        "rows": _rows(trend, trend.followed),
        "moved_sentence": trends.moved_sentence(trend),
        "moved_panels": charts.single_panels(f"m{at}v", trend, trend.moved),
        "moved_rows": _rows(trend, trend.moved),
        "exactness": trends.exactness_sentence(trend.exactness),
        "errors": [_error(trend, each) for each in moved[:SHOWN_ERRORS]],
        "more_errors": max(0, len(moved) - SHOWN_ERRORS),
    }


def _rows(trend: Trend, series: Sequence[trends.Series]) -> list[_Row]:
    return [_Row(each.family, _who(each), trends.cells(each, len(trend.runs))) for each in series]


def _who(series: trends.Series) -> str:
    case = series.case
    words = [title(case.framework), case.mode, series.words, elements(case.size)]
    return ", ".join([*words, *unusual(case)])


def _error(trend: Trend, moved: Moved) -> _Row:
    case = moved.case
    who = (
        f"{title(case.framework)}, {case.mode}, {case.activation} [{case.form}], {case.direction}, "
        f"{case.dtype}, {counted(case.size, 'input')}"
    )
    (run, before), (later, after) = moved.before, moved.after
    facts = (trend.runs[run - 1], trend.runs[later - 1])
    beside = "; ".join(trends.differences(*facts, case.framework))
    cells = [f"{run} → {later}", number(before), number(after), beside or "nothing kept"]
    return _Row(family_of(case.activation)[0], who, cells)
