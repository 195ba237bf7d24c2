"""The pages of the site besides the reports: the index and the trends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from ..page import environment, style
from ..words import counted
from . import charts, trends
from .changes import FALSE_CLAIMS
from .runs import MACHINE, Listed, Unread, by_machine, news
from .trends import Trend

_HERE = Path(__file__).parent


def index(
    listed: Sequence[Listed], unread: Sequence[Unread], machine_trends: Sequence[Trend]
) -> str:
    """The index as HTML: every run by machine, the newest first."""
    return _rendered(
        "index.html.j2",
        title="actbench: published runs",
        machines=[(runs[0].machine, runs[::-1]) for runs in by_machine(listed)],
        unread=unread,
        numbers={
            run.name: at for trend in machine_trends for at, run in enumerate(trend.runs, start=1)
        },
        summary=summary(listed, unread, machine_trends),
    )


def trend_page(listed: Sequence[Listed], machine_trends: Sequence[Trend]) -> str:
    """The trends as HTML, machine by machine."""
    return _rendered(
        "trends.html.j2",
        title="actbench: trends over runs",
        trends=[_trend(at, trend) for at, trend in enumerate(machine_trends, start=1)],
        left_out=[run for run in listed if run.excluded],
        share=f"{FALSE_CLAIMS:.0%}",
    )


def _rendered(name: str, **content: object) -> str:
    look = style() + Markup((_HERE / "site.css").read_text(encoding="utf-8"))
    template = environment([_HERE]).get_template(name)
    return template.render(style=look, known_by=MACHINE, **content)


def summary(
    listed: Sequence[Listed], unread: Sequence[Unread], machine_trends: Sequence[Trend]
) -> str:
    """The site in a sentence or two: the number of runs, and the changes over them."""
    if not listed and not unread:
        return "No run is published yet."
    machines = len(by_machine(listed))
    used = sum(len(trend.runs) for trend in machine_trends)
    sentences = [
        f"{counted(len(listed), 'run')} of {counted(machines, 'machine')}; "
        f"{used} of them in the trends.",
        _changes_in_words(machine_trends),
        f"{counted(len(unread), 'folder')} could not be read." * bool(unread),
    ]
    return " ".join(filter(None, sentences))


def _changes_in_words(machine_trends: Sequence[Trend]) -> str:
    amount = sum(len(history.changes) for trend in machine_trends for history in trend.followed)
    if amount:
        return f"{counted(amount, 'change')} of a cost over the runs."
    longest = max(machine_trends, key=lambda trend: trend.longest, default=None)
    return " ".join(trends.sentences(longest)) if longest else ""


def _trend(at: int, trend: Trend) -> Mapping[str, object]:
    """The content of a machine's section."""
    runs = trend.runs
    befores = [None, *runs[:-1]]
    return {
        "number": at,
        "machine": trend.machine,
        "runs": [
            (number, run, news(before, run) if before else [])
            for number, (before, run) in enumerate(zip(befores, runs, strict=True), start=1)
        ],
        "sentences": trends.sentences(trend),
        "panels": charts.panels(trend, trend.followed) if len(runs) > 1 else [],
        "rows": [(history, history.cells(len(runs))) for history in trend.followed],
    }
