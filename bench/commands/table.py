"""The answer to what was asked for, in a terminal: a table of costs, and one sentence."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from ..catalog.activations import find
from ..results.estimate import Estimate
from ..results.facts import RunFacts
from ..words import Table, bar, capital, conditions, counted, duration, number, of_input, plus_minus
from .cells import CALL, COST, ELEMENT, Cell

_WIDEST = 100
_MOST_LINES = 40
_WITHOUT: Sequence[tuple[str, ...]] = (
    ("short bar",),
    ("bar",),
    ("bar", "absolute"),
    ("bar", "absolute", "ns/element"),
    ("bar", "absolute", "ns/element", "short bar"),
    ("bar", "absolute", "ns/element", "short bar", "ulp"),
)
"""The columns to leave out of a table, fewer the wider the terminal is."""
_FIRST = ("l2", "launch", "memory")
"""The size classes in reading order; others follow, by their elements."""
_DECIDED = 0.2
"""The half-width, as a share, up to which a sentence quotes a figure."""
_NARROWER: Sequence[tuple[str, Callable[[Cell], bool]]] = (
    ("the plain forms", lambda cell: cell.plain),
    ("float32", lambda cell: cell.case.dtype == "float32"),
    ("in cache", lambda cell: cell.size_class == "l2"),
    ("usual inputs", lambda cell: cell.case.has_usual_input),
)
"""The choices that are made one after another where a table would be too long."""


def answer(cells: Sequence[Cell], facts: RunFacts) -> list[str]:
    """The lines of the table and its sentence; none where it would be longer than a screen."""
    shown, narrowed = _fitting(cells)
    if not shown:
        return []
    notes = [*_notes(shown, facts)]
    if narrowed:
        some = f"{counted(len(shown), 'case')} of {len(cells)}: {', '.join(narrowed)}"
        notes.append(f"Shown are {some}. All of them: actbench export RUN --table {COST}")
    texts = [*notes, sentence(shown, facts)]
    return [*table(shown, facts), *(line for text in texts for line in wrap(text, _width()))]


def _fitting(cells: Sequence[Cell]) -> tuple[Sequence[Cell], list[str]]:
    """The cells whose table fits a screen, and how they were chosen, in words."""
    narrowed = []
    for words, choice in _NARROWER:
        chosen = [cell for cell in cells if choice(cell)]
        if _lines(cells) <= _MOST_LINES:
            break
        if chosen and len(chosen) < len(cells):
            cells = chosen
            narrowed.append(words)
    return (cells, narrowed) if _lines(cells) <= _MOST_LINES else ([], [])


def _lines(cells: Sequence[Cell]) -> int:
    return len(cells) + len({_section(cell) for cell in cells})


# --- the table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A cell under the section of its conditions: what distinguishes it, and its columns."""

    section: str
    who: tuple[str, ...]
    columns: dict[str, str]


def table(cells: Sequence[Cell], facts: RunFacts) -> list[str]:
    """The lines: a section per place and dtype, in it a line per case."""
    most = max((cost.value for cell in cells if (cost := cell.estimate(COST))), default=1.0)
    ordered = sorted(cells, key=lambda cell: _order(cell, cells, facts))
    lines = [_Line(_section(cell), _who(cell, facts), _columns(cell, most)) for cell in ordered]
    words = zip(*(line.who for line in lines), strict=True)
    varying = [place for place, column in enumerate(words) if len(set(column)) > 1]
    constant = [word for place, word in enumerate(lines[0].who) if place not in varying]
    return [", ".join(constant), *_fit(lines, varying)] if constant else _fit(lines, varying)


def _fit(lines: Sequence[_Line], varying: Sequence[int]) -> list[str]:
    """As many columns as fit the terminal."""
    filled = [key for key in lines[0].columns if any(line.columns[key] for line in lines)]
    for without in _WITHOUT:
        keys = [key for key in filled if key not in without]
        laid_out = _laid_out(lines, varying, keys)
        if max(map(len, laid_out)) <= _width():
            break
    return laid_out


def _width() -> int:
    """The columns of the terminal, as far as lines of that length are readable."""
    return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)


def _laid_out(lines: Sequence[_Line], varying: Sequence[int], keys: Sequence[str]) -> list[str]:
    """Aligned lines below a head, with a line of its own at the start of each section."""
    head = ["" for _ in varying] + ["" if key.endswith("bar") else key for key in keys]
    rows, before = [], None
    for line in lines:
        who = [line.who[place] for place in varying]
        rows.append([*_without_repeats(line, before, varying, who), *map(line.columns.get, keys)])
        before = line
    aligned = Table(head, [[cell or "" for cell in row] for row in rows]).text()
    laid_out, section = [f"  {aligned[0]}"], ""
    for line, text in zip(lines, aligned[1:], strict=True):
        laid_out += [line.section] if line.section != section else []
        laid_out.append(f"  {text}")
        section = line.section
    return laid_out


def _without_repeats(
    line: _Line, before: _Line | None, varying: Sequence[int], who: Sequence[str]
) -> list[str]:
    """The words that distinguish a line, without the first ones shared with the line before."""
    if before is None or before.section != line.section:
        return list(who)
    same = 0
    while same < len(who) - 1 and before.who[varying[same]] == who[same]:
        same += 1
    return ["" for _ in range(same)] + list(who[same:])


def _order(cell: Cell, cells: Sequence[Cell], facts: RunFacts) -> tuple[object, ...]:
    """The place first, then framework and mode, then the order in which cases were asked for."""
    case = cell.case
    classes, frameworks = [*_FIRST, cell.size_class], [*facts.frameworks, case.framework]
    asked = [find(str(label)).label for label in facts.asked.get("activations", ())]
    labels = list(dict.fromkeys([*asked, *(other.case.activation for other in cells)]))
    return (
        classes.index(cell.size_class),
        (case.size, case.dtype != "float32", not case.has_usual_input, _section(cell)),
        frameworks.index(case.framework),
        (case.mode != "eager", case.direction != "forward", case.direction),
        (labels.index(case.activation), not cell.plain),
    )


def _section(cell: Cell) -> str:
    """`in cache, float32, 65,536 elements`."""
    fields = {**cell.case.as_dict(), "mode": "", "direction": ""}
    return ", ".join(filter(None, (cell.place, conditions(fields))))


def _who(cell: Cell, facts: RunFacts) -> tuple[str, ...]:
    case = cell.case
    said = cell.rowwise and not case.row
    label = f"{cell.label} (rows of {case.length:,})" if said else cell.label
    return facts.title(case.framework), case.mode, case.direction, label


def _columns(cell: Cell, most: float) -> dict[str, str]:
    cost, call, element = (cell.estimate(metric) for metric in (COST, CALL, ELEMENT))
    return {
        "over relu": plus_minus(cost.value, cost.half_width) if cost else _absent(cell),
        "bar": bar(cost.value / most) if cost else "",
        "short bar": bar(cost.value / most, letters=5) if cost else "",
        "per call": duration(call.value) if call else "",
        "ns/element": number(element.value) if element else "",
        "ulp": _ulp(cell),
        "absolute": _both(cell, "max_absolute_near", "median_absolute_near"),
    }


def _absent(cell: Cell) -> str:
    return "not measured" if cell.status == "ok" else cell.status


def _ulp(cell: Cell) -> str:
    near = _both(cell, "max_ulp_near", "median_ulp_near")
    everywhere = f"{_short(cell.errors['max_ulp'])}*" if "max_ulp" in cell.errors else ""
    mark = " !" if cell.errors.get("trouble_outside") else ""
    return f"{near or everywhere}{mark}"


def _both(cell: Cell, largest: str, median: str) -> str:
    figures = [_short(cell.errors[name]) for name in (largest, median) if name in cell.errors]
    return " · ".join(figures)


def _short(error: float) -> str:
    """Two digits: `1.7e7`, `190`, `0.63`, `4.8e-7`."""
    if not math.isfinite(error) or 100 <= error < 1e6:
        return number(round(error, -1) if math.isfinite(error) else error).partition(".")[0]
    return f"{error:.2g}".replace("e-0", "e-").replace("e+0", "e")


# --- what the table needs to be read --------------------------------------------------------------


def _notes(cells: Sequence[Cell], facts: RunFacts) -> Iterator[str]:
    if units := _units(cells, facts):
        yield f"1 is {units}."
    near = any("max_ulp_near" in cell.errors for cell in cells)
    if near:
        yield "ulp, absolute: the largest · the median error over inputs in [−20, 20]."
    if any("max_ulp" in cell.errors and "max_ulp_near" not in cell.errors for cell in cells):
        yield "*: the largest error over all inputs tried."
    if any(cell.errors.get("trouble_outside") for cell in cells):
        yield "!: outside [−20, 20] some are off by over 1,000 ulp, or NaN or infinite wrongly."
    for reason, of_cells in _reasons(cells).items():
        who = ", ".join(dict.fromkeys(_name(cell, facts) for cell in of_cells[:3]))
        more = f" and {len(of_cells) - 3} more" if len(of_cells) > 3 else ""
        yield f"{who}{more}: {reason}."


def _units(cells: Iterable[Cell], facts: RunFacts) -> str:
    """`relu native; for PyTorch compiled backward relu abs`: the units of costs."""
    whose: dict[str, list[str]] = {}
    for cell in cells:
        if cell.unit and cell.estimate(COST):
            case = cell.case
            who = f"{facts.title(case.framework)} {case.mode} {case.direction}"
            who = ", ".join(filter(None, (who, of_input(case))))
            whose.setdefault(f"{cell.unit.name} {cell.unit.form}", []).append(who)
    usual, *others = sorted(whose, key=lambda unit: -len(whose[unit])) or [""]
    exceptions = [f"for {', '.join(dict.fromkeys(whose[unit]))} {unit}" for unit in others]
    return "; ".join([usual, *exceptions])


def _reasons(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """The cells without a cost by their reason."""
    reasons: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.reason:
            reasons.setdefault(f"{cell.status}: {cell.reason}", []).append(cell)
    return reasons


def _name(cell: Cell, facts: RunFacts) -> str:
    case = cell.case
    who = f"{facts.title(case.framework)} {case.mode} {cell.label} {case.direction}"
    return ", ".join(filter(None, (who, of_input(case))))


# --- the sentence ---------------------------------------------------------------------------------


def sentence(cells: Sequence[Cell], facts: RunFacts) -> str:
    """`Compiled, in cache: gelu costs 2.44 relus and squareplus 1.34 (PyTorch).`

    Of more than two activations it names the cheapest and the dearest, for several frameworks the
    range. It contains only decided figures.
    """
    decided = [cell for cell in cells if _is_decided(cell)]
    if not decided:
        return f"No cost here is known to within ±{_DECIDED * 100:.0f} %: see the table."
    first = min(decided, key=_foremost)
    chosen = [cell for cell in decided if _foremost(cell) == _foremost(first)]
    costs: dict[str, list[float]] = {}
    for cell in sorted(chosen, key=lambda cell: _cost(cell).value):
        costs.setdefault(cell.label, []).append(_cost(cell).value)
    dearest = sorted(costs, key=lambda label: sum(map(math.log, costs[label])) / len(costs[label]))
    named = [dearest[-1], *dearest[: len(dearest) > 1]]
    clauses = [f"{label} {_range(costs[label])}" for label in named]
    clauses[0] = clauses[0].replace(" ", " costs ", 1) + " relus"
    where = ", ".join(filter(None, (first.case.mode, first.case.direction, _section(first))))
    who = ", ".join(sorted({facts.title(cell.case.framework) for cell in chosen}))
    return f"{capital(where)}: {' and '.join(clauses)} ({who})."


def _is_decided(cell: Cell) -> bool:
    cost = cell.estimate(COST)
    unit = cell.unit and (cell.unit.name, cell.unit.form)
    itself = unit == (cell.case.activation, cell.case.form)
    return cost is not None and not itself and cost.half_width <= _DECIDED


def _cost(cell: Cell) -> Estimate:
    cost = cell.estimate(COST)
    assert cost is not None
    return cost


def _foremost(cell: Cell) -> tuple[object, ...]:
    """A sort key of settings: compiled, forward and in cache first."""
    case = cell.case
    classes = [*_FIRST, cell.size_class]
    return (
        not cell.plain,
        case.dtype != "float32",
        not case.has_usual_input,
        case.direction != "forward",
        classes.index(cell.size_class),
        case.mode != "compiled",
        _section(cell),
        case.direction,
    )


def _range(costs: Sequence[float]) -> str:
    low, high = number(min(costs)), number(max(costs))
    return low if low == high else f"{low}–{high}"
