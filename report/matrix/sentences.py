"""The answer in words: at most three sentences of point estimates over the settings they name.

A range is over frameworks, never over the ends of an interval. A cost whose interval leaves open
whether it is more or less than ReLU's is in no sentence: the matrix marks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product, zip_longest

from ...bench.results.estimate import Estimate
from ..compare.families import NAMED
from ..compare.ratios import Verdict, decided, verdict
from ..read.evidence import COARSE, Evidence
from ..words import capital, counted, duration, listing, spelled, title
from .model import Column, Matrix, View, matrix

MOST = 3
"""The most sentences of a page."""
WORDS = 25
"""The most words of a sentence."""
_CLAUSES = 2
"""The most clauses of a sentence, each with a number."""
_ALONE = counted(1, "thread")
_NUMBER = re.compile(r"(?<![\w.])\d")
_STANDING = ("algebraic", "exp", "max")
"""The families that sentences mention; the last where one of the others is missing."""
_FIRST = (("compiled", "cache"), ("compiled", "memory"), ("eager", "cache"), ("eager", "memory"))
"""The modes and places that sentences mention first."""


@dataclass(frozen=True)
class Claim:
    """An activation, its decided costs, and their frameworks, unless those are all."""

    name: str
    costs: Sequence[Estimate]
    whose: str

    @property
    def same(self) -> bool:
        """Return whether it costs what ReLU costs everywhere."""
        return {verdict(cost) for cost in self.costs} == {Verdict.SAME}


def sentences(evidence: Evidence) -> list[str]:
    """The answer: at most `MOST` sentences of at most `WORDS` words and two numbers each.

    Empty where no cost over ReLU is decided.
    """
    cells = matrix(evidence)
    of_sources = [_of_source(cells, *source) for source in cells.sources]
    in_turn = chain.from_iterable(zip_longest(*of_sources))
    return [text for text in in_turn if text][:MOST]


def unmeasured(evidence: Evidence) -> str:
    """A sentence on why a run has no answer."""
    cells = matrix(evidence)
    if not cells.timed:
        return f"Nothing was timed{_checked(cells)}."
    if any(timed.cost for timed in cells.timed.values()):
        return "No cost is distinguished from that of ReLU: the intervals are too wide."
    return f"{_times(cells)}; no ReLU was timed beside it."


def _times(cells: Matrix) -> str:
    """`PyTorch eager, in cache: GELU takes 16.4 µs`: the first case of the foremost view."""
    [(column, name, view), timed] = min(
        cells.timed.items(),
        key=lambda item: (item[0][2].prominence, cells.columns.index(item[0][0])),
    )
    return (
        f"{_lead(cells, column, view)}: {spelled(name)} takes {duration(timed.time.value)} per call"
    )


def _checked(cells: Matrix) -> str:
    plain = [checked for checked in cells.checked.values() if checked.plain]
    wrong = sum(checked.error > COARSE for checked in plain)
    of = f"{wrong:,} of {counted(len(plain), 'form')} checked"
    return f"; {of} {'strays' if wrong == 1 else 'stray'} by more than a thousand ulp" * bool(plain)


def _of_source(cells: Matrix, run: str, device: str) -> Iterator[str]:
    """The sentences of one run and device, the foremost first."""
    columns = [column for column in cells.columns if column.source == (run, device)]
    modes = dict.fromkeys(column.mode for column in columns)
    views = [view for view in cells.views if view.figure == "cost"]
    for mode, view in sorted(product(modes, views), key=_rank):
        of_mode = [column for column in columns if column.mode == mode]
        if text := _sentence(cells, of_mode, view):
            yield text


def _rank(choice: tuple[str, View]) -> tuple[object, ...]:
    """The rank of a sentence: compiled in cache, from memory, eager the same, then the rest."""
    mode, view = choice
    known = (mode, view.place)
    place = _FIRST.index(known) if known in _FIRST else len(_FIRST)
    return replace(view, place="").prominence, place, view.prominence, mode


def _sentence(cells: Matrix, columns: Sequence[Column], view: View) -> str:
    """`Compiled, in cache: Squareplus costs 1.2–1.7 ReLUs, GELU 1.5–6.7.`

    If all clauses share the same few frameworks, these are named beside the mode.
    """
    claims = [claim for name in _named(cells) if (claim := _claim(cells, columns, view, name))]
    whose = {claim.whose for claim in claims}
    common = whose.pop() if len(whose) == 1 else ""
    lead = _lead(cells, columns[0], view, common)
    claims = [replace(claim, whose="" if common else claim.whose) for claim in claims]
    for said in (claims, claims[:1]):
        text = f"{lead}: {_clauses(said)}."
        if said and len(text.split()) <= WORDS and len(said) + _numbers(view) <= _CLAUSES:
            return text
    return ""


def _numbers(view: View) -> int:
    """The number of figures in a sentence's settings: these leave room for fewer clauses."""
    return view.place.isdigit() + len(_NUMBER.findall(_departures(view)))


def _departures(view: View) -> str:
    """The setup of a view, without the usual thread: `output reused`, `inputs subnormal`."""
    return view.setup.removeprefix(_ALONE).removeprefix(", ")


def _lead(cells: Matrix, column: Column, view: View, frameworks: str = "") -> str:
    """The settings of a sentence: `Compiled, in cache`, `Run A, eager JAX, from memory`."""
    label, device = cells.label(*column.source), column.device
    marked = bool(cells.marks[column.run])
    alike = (column.source, column.mode)
    rivals = {c.framework for c in cells.columns if (c.source, c.mode) == alike}
    parts = [
        *[f"{'host' if cells.by_host else 'run'} {label}"] * marked,
        *[f"on {device}"] * (not marked and (bool(label) or device != "cpu")),
        column.who if len(rivals) == 1 else f"{column.mode} {frameworks}".strip(),
        *[view.direction] * (view.direction != "forward"),
        *[view.dtype] * (view.dtype != "float32"),
        cells.place(view, column.source),
        _departures(view),
    ]
    return capital(", ".join(filter(None, parts)))


def _named(cells: Matrix) -> list[str]:
    """The two activations that sentences mention, if there are two."""
    of_group = {
        group: next((n for n in (*NAMED.get(group, ()), *names) if n in names and n != "relu"), "")
        for group, names in cells.rows.items()
    }
    in_order = [of_group.get(group, "") for group in dict.fromkeys((*_STANDING, *of_group))]
    return list(filter(None, in_order))[:2]


def _claim(cells: Matrix, columns: Sequence[Column], view: View, name: str) -> Claim | None:
    """The decided costs of an activation in some columns; None where nothing is decided."""
    timed = {column: case for column in columns if (case := cells.cell(column, name, view))}
    plain = {column: case for column, case in timed.items() if case.plain}
    form = "" if plain or not timed else next(iter(timed.values())).case.form
    same_form = plain or {c: case for c, case in timed.items() if case.case.form == form}
    decided = {column: case.cost for column, case in same_form.items() if _decided(case.cost)}
    if not decided:
        return None
    in_view = {column for column, _, other in cells.timed if other == view}
    every = {column.framework for column in columns if column in in_view}
    whose = [title(column.framework) for column in decided]
    in_some = listing(whose) if len(whose) < len(every) else ""
    label = f"{spelled(name)} ({form})" if form else spelled(name)
    return Claim(label, [cost for cost in decided.values() if cost], in_some)


def _decided(cost: Estimate | None) -> bool:
    return cost is not None and decided(cost)


def _clauses(claims: Sequence[Claim]) -> str:
    """`Squareplus costs what ReLU costs, GELU 2.1–2.3 ReLUs in JAX and PyTorch`."""
    if len(claims) == 2 and all(claim.same and not claim.whose for claim in claims):
        return f"{listing([claim.name for claim in claims])} cost what ReLU costs"
    clauses, unit, verb = [], " ReLUs", " costs"
    for claim in claims:
        figure = "what ReLU costs" if claim.same else f"{span(claim.costs)}{unit}"
        whose = f" in {claim.whose}" if claim.whose else ""
        clauses.append(f"{claim.name}{verb} {figure}{whose}")
        unit, verb = unit if claim.same else "", ""
    return ", ".join(clauses)


def span(costs: Sequence[Estimate]) -> str:
    """The range of point estimates: `1.2–1.7`, or `1.3` where all round to that."""
    least, most = (end(cost.value for cost in costs) for end in (min, max))
    return "–".join(dict.fromkeys((_short(least), _short(most))))


def _short(value: float) -> str:
    """Two digits or three: `0.85`, `1.04`, `1.7`, `23`."""
    text = f"{value:.1f}"
    if value < 1 or text == "1.0":
        return f"{value:.2f}"
    return text if value < 9.95 else f"{value:,.0f}"
