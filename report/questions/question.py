"""A question, and its answer from the rows: at most two sentences, and one chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..compare.groups import Group, foremost, groups
from ..compare.ratios import decided
from ..compare.sizes import Size
from ..compare.values import Value, reach
from ..draw.figure import Figure
from ..draw.strips import Mark, Strip, Strips, panels
from ..read.evidence import Evidence, with_device
from ..words import capital, listing, spelled, title

_MODES = ("compiled", "eager")
_SENTENCES = 2
"""The most sentences of an answer."""


@dataclass(frozen=True)
class Question:
    """A question: the figures that answer it, and how a sentence and a chart say them.

    A sentence says `first` of the first activation of `names` that was measured and `then` of the
    next: `{name}` is the activation, `{range}` the range over the frameworks in `unit`, which is
    `per` times the unit of the figures. `places` are those of the sentences and the chart, the
    foremost first; `at_one` names what stands at 1. `measure` holds the options of the run that
    answers the question. With `every` all conditions are drawn instead of the foremost; `says`
    makes other sentences.
    """

    title: str
    names: Sequence[str]
    values: Callable[[Evidence], Sequence[Value]]
    first: str
    chart: str
    measure: str
    then: str = "{name} {range}"
    places: Sequence[str] = ("cache",)
    unit: str = "×"
    per: float = 1.0
    at_one: str = ""
    note: str = ""
    every: bool = False
    says: Callable[[Evidence], Iterable[str]] | None = None


@dataclass(frozen=True)
class Answer:
    """A question with its sentences and its chart; without a chart where nothing was measured."""

    question: str
    sentences: Sequence[str]
    command: str
    figure: Figure | None = None


def answer(question: Question, evidence: Evidence) -> Answer:
    """The answer from the rows: for each run and device, in its foremost conditions."""
    named = (f"--activation {name}" for name in question.names)
    command = with_device(evidence, " ".join(["actbench run", *named, question.measure]))
    measured = groups(evidence, question.values(evidence))
    chosen = measured if question.every else foremost(measured)
    among = [group for group in chosen if list(_places(question, group))]
    if not among:
        return Answer(question.title, ("Not measured in this run.",), command)
    said = question.says(evidence) if question.says else _sentences(question, among)
    sentences = list(said)[:_SENTENCES]
    none = "Nothing is decided: the chart shows the intervals."
    figure = _figure(question, among, evidence)
    return Answer(question.title, sentences or [none], command, figure)


def _places(question: Question, group: Group[Value]) -> Iterator[Size]:
    for place in question.places:
        yield from (size for size in group.places if size.kind == place)


def _sentences(question: Question, among: Sequence[Group[Value]]) -> Iterator[str]:
    """Sentences in the order of places, then modes, then runs."""
    for index in range(len(question.places)):
        for mode in _MODES:
            for group in among:
                for size in list(_places(question, group))[index : index + 1]:
                    values = [value for value in group.at(size) if value.case.mode == mode]
                    lead = ", ".join(filter(None, (mode, size.words, group.unusual)))
                    yield from _sentence(question, lead, values)


def _sentence(question: Question, lead: str, values: Sequence[Value]) -> Iterator[str]:
    """The ranges over the frameworks in which every named activation is known well enough."""
    known: dict[str, dict[str, float]] = {}
    for value in values:
        if decided(value.estimate) if question.at_one else value.steady:
            of_name = known.setdefault(value.case.activation, {})
            of_name[value.case.framework] = value.estimate.value / question.per
    for names in _choices([name for name in question.names if name in known]):
        shared = [who for who in known[names[0]] if who in known[names[-1]]]
        clauses = [
            text.format(
                name=spelled(name), range=reach(known[name][who] for who in shared) + question.unit
            )
            for name, text in zip(names, (question.first, question.then), strict=False)
            if shared
        ]
        if clauses:
            yield f"{capital(lead)}: {', '.join(clauses)} ({listing(list(map(title, shared)))})."
            break


def _choices(names: Sequence[str]) -> list[Sequence[str]]:
    """Two activations for a sentence, or the first alone."""
    return [choice for choice in (names[:2], names[:1]) if choice]


def _figure(question: Question, among: Sequence[Group[Value]], evidence: Evidence) -> Figure:
    several = len(among) > 1
    contents = [
        Strips(capital(_where(question, group, size)), strips)
        for group in among
        for size in _places(question, group)
        if (strips := _strips(question, group, size))
    ]
    conditions = "" if several else f" {capital(among[0].words)}."
    note = f"{question.note} Bars are 95 % intervals.{conditions}".strip()
    return Figure(
        question.chart, note, panels(contents, "log scale", question.unit, question.at_one)
    )


def _where(question: Question, group: Group[Value], size: Size) -> str:
    """The title of a panel, with what distinguishes it first."""
    parts = (group.unusual, size.words) if question.every else (size.where, group.unusual)
    return ", ".join(filter(None, parts))


def _strips(question: Question, group: Group[Value], size: Size) -> list[Strip]:
    strips = []
    for series in group.series:
        named = {value.case.activation: value for value in series.at(size)}
        marks = tuple(
            Mark(value.family, spelled(name), value.estimate.scaled(1 / question.per))
            for name in question.names
            if (value := named.get(name)) and value.estimate.value > 0
        )
        setting = series.setting
        strips += [Strip(title(setting.framework), setting.mode, marks)] if marks else []
    return strips
