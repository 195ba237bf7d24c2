"""Where a cost goes, and whether its parts predict it: figures, pivots and sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import CATALOG
from ...bench.results import words
from ...bench.results.metrics import POOR_FIT
from ...bench.results.rows import Cause, Why
from ...bench.timing.cost_model import TOLERANCE
from ..compare.families import Setting, prominence, setting_of
from ..draw import parts as parts_charts
from ..draw.figure import Figure
from ..read.evidence import FAMILIES, Estimate, Evidence, Split, family_of, plain_form
from ..words import capital, counted, interval, listing, number, title
from .answers import in_words
from .overview import Cell

Group = tuple[Setting, Sequence[Split]]


@dataclass(frozen=True)
class Pivot:
    """A table of names against settings, in one set of conditions."""

    heading: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]


def groups(splits: Iterable[Split]) -> list[Group]:
    """Splits under the same conditions, the foremost conditions first."""
    found: dict[Setting, list[Split]] = {}
    for each in splits:
        setting = replace(setting_of(each.run, each.case), framework="", mode="")
        found.setdefault(setting, []).append(each)
    return [(each, found[each]) for each in sorted(found, key=prominence)]


def who(each: Split) -> str:
    """The framework and the mode: `PyTorch, compiled`."""
    return f"{title(each.case.framework)}, {each.case.mode}"


def by_who(splits: Iterable[Split]) -> dict[str, list[Split]]:
    """Splits by framework and mode, in the page's order."""
    found: dict[str, list[Split]] = {}
    for each in sorted(
        splits, key=lambda each: (title(each.case.framework).lower(), each.case.mode != "eager")
    ):
        found.setdefault(who(each), []).append(each)
    return found


def _foremost(evidence: Evidence, wanted: Callable[[Split], bool]) -> list[Group]:
    """The first conditions of each run and device that have something wanted."""
    seen: dict[tuple[str, str], Group] = {}
    for setting, splits in groups(filter(wanted, evidence.splits)):
        seen.setdefault((setting.run, setting.device), (setting, splits))
    return list(seen.values())


def heading(setting: Setting, evidence: Evidence) -> str:
    """The conditions of a table or a figure, as a heading."""
    text = in_words(setting, len(evidence.runs) > 1)
    return capital(text)


# --- the parts ---


def figures(evidence: Evidence) -> list[Figure]:
    """The parts of each activation's plain form, a panel a framework and mode."""
    return [
        _figure(f"p{index}", setting, splits, evidence)
        for index, (setting, splits) in enumerate(_foremost(evidence, _drawn))
    ]


def _drawn(each: Split) -> bool:
    return (
        each.plain
        and not each.rowwise
        and each.family in FAMILIES
        and each.part("arithmetic") is not None
    )


def _figure(name: str, setting: Setting, splits: Sequence[Split], evidence: Evidence) -> Figure:
    panels = [
        parts_charts.parts(f"{name}-{index}", whose, sorted(found, key=_order))
        for index, (whose, found) in enumerate(by_who(splits).items())
    ]
    return Figure(
        "Where the time goes",
        f"{heading(setting, evidence)}; each activation in its plain form: native, or the first "
        "one written out where there is none. The bar ends at ┃, the whisker is the 95 % interval "
        "of the arithmetic. A part is a difference of times and can fall below 0; the table has "
        "its interval. Every panel has axes of its own, from 0.",
        tuple(panels),
        "half",
    )


def _order(each: Split) -> tuple[int, float]:
    found = each.part("arithmetic")
    return FAMILIES.index(each.family), found.value if found else math.inf


def poor_fit(each: Split) -> bool:
    """Whether the line misses the size that was left out by more than a tenth."""
    found = each.part("fit_error")
    return found is not None and abs(found.value) > POOR_FIT


def fit_sentence(evidence: Evidence) -> str:
    """How many lines were tested at a size left out, and how many missed it."""
    tested = [each for each in evidence.splits if each.part("fit_error")]
    if not tested:
        return (
            "No line was tested at a size that it does not rest on: --size between measures that."
        )
    poor = sum(map(poor_fit, tested))
    lines = [each for each in evidence.splits if each.part("launch")]
    return (
        f"{len(tested):,} of {counted(len(lines), 'line')} were tested at a size that "
        f"they do not rest on: {counted(poor, 'line')} missed it by more than {POOR_FIT:.0%}, "
        "marked ✗ below: the split of such a case is not to be trusted."
    )


# --- the model ---


def model_figures(evidence: Evidence) -> list[Figure]:
    """Predicted against measured, a panel a framework and mode."""
    found = []
    for index, (setting, splits) in enumerate(_foremost(evidence, _predicted)):
        points = {whose: _points(mine) for whose, mine in by_who(splits).items()}
        values = [each.value for mine in points.values() for _, *both in mine for each in both]
        limits = min(values) / 1.4, max(values) * 1.4
        panels = [
            parts_charts.predictions(f"m{index}-{place}", whose, mine, limits)
            for place, (whose, mine) in enumerate(points.items())
            if mine
        ]
        found.append(
            Figure(
                "Does a formula cost what its parts cost?",
                f"{heading(setting, evidence)}. Copy floor and arithmetic, as predicted from the "
                "primitives that the formula counts and as measured; whiskers are 95 % intervals "
                "of the measured arithmetic. On the line the model holds, dashed is "
                f"±{TOLERANCE:.0%}; filled markers are surprises. ■ max, ▲ algebraic, ● exp. The "
                "axes are the same in every panel.",
                tuple(panels),
            )
        )
    return found


def _predicted(each: Split) -> bool:
    return bool(_points([each]))


def _points(splits: Iterable[Split]) -> list[tuple[Split, Estimate, Estimate]]:
    found = []
    for each in splits:
        predicted, measured = each.part("predicted_arithmetic"), each.part("arithmetic")
        floor = each.part("copy_floor")
        if predicted and measured and floor:
            lower, upper = predicted.plus(floor.value), measured.plus(floor.value)
            if lower.value > 0 and upper.value > 0:
                found.append((each, lower, upper))
    return found


def model_sentences(evidence: Evidence) -> list[str]:
    """Of the predictions of each framework and mode, how many held, and why the others did not."""
    several = len(evidence.runs) > 1
    told = []
    predicted = [each for each in evidence.splits if each.part("predicted_arithmetic")]
    runs = dict.fromkeys(each.run for each in predicted)
    for run in runs:
        for whose, splits in by_who(each for each in predicted if each.run == run).items():
            odd = [each for each in splits if each.part("surprise")]
            where = f" in run {run}" if several else ""
            held = len(splits) - len(odd)
            text = (
                f"{whose}{where}: {held} of {counted(len(splits), 'prediction')} not shown to be "
                f"more than {TOLERANCE:.0%} off"
            )
            told.append(f"{text}{_causes(odd)}.")
    return told


def _causes(odd: Sequence[Split]) -> str:
    causes = Counter(each.cause.why if each.cause else None for each in odd)
    named = [f"{_kind(why)} ({amount})" for why, amount in causes.most_common()]
    return f"; {counted(len(odd), 'surprise')}: {listing(named)}" if odd else ""


def _kind(why: Why | None) -> str:
    return words.heading(Cause(why)) if why else "no cause kept"


# --- primitives ---


def primitives(evidence: Evidence) -> list[Pivot]:
    """What each single operation costs, by framework and mode."""
    made = []
    for setting, splits in groups(filter(_is_primitive, evidence.splits)):
        columns = by_who(splits)
        names = [name for name in CATALOG if any(s.case.activation == name for s in splits)]
        rows = tuple(
            (
                name,
                CATALOG[name].formula,
                tuple(_primitive(columns[each], name) for each in columns),
            )
            for name in names
        )
        made.append(Pivot(heading(setting, evidence), "Operation", tuple(columns), rows))
    return made


def _is_primitive(each: Split) -> bool:
    return each.primitive and each.plain and _own(each) is not None


def _own(each: Split) -> Estimate | None:
    """A primitive's cost an element; that of a copy is the floor itself."""
    return each.part("copy_floor" if each.case.activation == "copy" else "arithmetic")


def _primitive(splits: Iterable[Split], name: str) -> Cell:
    for each in splits:
        found = _own(each) if each.case.activation == name else None
        if found:
            form = each.case.form
            note = interval(found) if form == "native" else f"{interval(found)} [{form}]"
            return Cell(number(found.value), (note,))
    return Cell("not measured")


# --- what else the tables need ---


def remeasure(each: Split, names: Mapping[int, str]) -> str:
    """The options that measure a split again, beyond its case: all its sizes, both outputs.

    The parts of its formula as well, where the model spoke of them. `names` are those of the
    size classes, by elements.
    """
    options = [f"--size {names.get(size, size)}" for size in each.sizes]
    options += ["--output fresh --output reused" if each.reused else "--output fresh"]
    if each.part("predicted_arithmetic"):
        options += _operations(each)
    return " ".join(options)


def _operations(each: Split) -> list[str]:
    name = each.case.activation.split("(")[0]
    operations = CATALOG[name].operations if family_of(name)[0] != "unknown" else {}
    forms = {plain_form(each.case.framework, operation) for operation in operations}
    return [
        *(f"--activation {operation}" for operation in operations if operation != name),
        *(f"--form {form}" for form in sorted(forms) if form != each.case.form),
    ]
