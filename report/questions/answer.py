"""An answer: sentences from the rows, a chart of them, and the command behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..compare.commands import again
from ..compare.groups import Group
from ..compare.pairs import Pair
from ..compare.ratios import tally
from ..draw.figure import Figure
from ..draw.strips import Mark, Strips, by_setting, panels
from ..read.evidence import Evidence, Timed, with_device
from ..words import capital, sentence


@dataclass(frozen=True)
class Answer:
    """A question and its answer; `anchor` is its place in the address.

    `measured` is false where the rows give no answer: then `command` measures what is missing,
    else what the sentences rest on. `see` leads on: the title of a section by its anchor.
    """

    anchor: str
    question: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    command: str = ""
    measured: bool = True
    see: Mapping[str, str] = field(default_factory=dict)


def unmeasured(
    evidence: Evidence, anchor: str, question: str, options: str, why: str = ""
) -> Answer:
    """A question that the rows do not answer, and the options of the run that measures it."""
    text = f"Not measured in this run{f': {why}' * bool(why)}."
    command = with_device(evidence, f"actbench run {options}")
    return Answer(anchor, question, (text,), command=command, measured=False)


def plain(timed: Timed, *names: str) -> bool:
    """True for the value of one of these activations in the form that people take."""
    case = timed.case
    return timed.plain and case.activation in names and case.direction == "forward"


def by_place(groups: Iterable[Group[Pair]], other: str) -> list[str]:
    """A sentence per place: the number of settings where an activation takes longer."""
    return [
        sentence(group.prefix, f"{size.where}: ", ". ".join(_tallies(group.at(size), other)))
        for group in groups
        for size in group.places
        if group.at(size)
    ]


def _tallies(pairs: Iterable[Pair], other: str) -> list[str]:
    by_name: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_name.setdefault(pair.name, []).append(pair)
    return [
        tally(name, other, [(pair.setting.who, pair.ratio) for pair in named])
        for name, named in by_name.items()
    ]


def figure(
    name: str,
    title: str,
    note: str,
    groups: Sequence[Group[Pair]],
    other: str,
    mark: Callable[[Pair], Mark] | None = None,
) -> Figure:
    """The ratios as strips, a panel per place, on the same axis."""
    of = mark or (lambda pair: Mark(pair.top.family, pair.name, pair.ratio))
    drawn = [
        Strips(
            capital(f"{size.words}{f', {group.conditions.device}' * (len(groups) > 1)}"),
            by_setting((pair.setting, of(pair)) for pair in group.at(size)),
        )
        for group in groups
        for size in group.places
    ]
    conditions = capital("; ".join(group.words for group in groups))
    text = f"{note} Bars are 95 % intervals. {conditions}."
    return Figure(title, text.strip(), panels(name, drawn, other))


def of_run(evidence: Evidence, run: str, *sentences: str) -> tuple[str, ...]:
    """The sentences; where there are several runs, the first names theirs."""
    first, *rest = sentences
    return (f"Run {run}: {first}" if len(evidence.runs) > 1 else first, *rest)


def command(groups: Iterable[Group[Pair]]) -> str:
    """The command that times all pairs again."""
    pairs = [pair for group in groups for pair in group.records]
    return again(timed.case for pair in pairs for timed in (pair.bottom, pair.top))
