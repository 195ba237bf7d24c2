"""What correctness costs: the wide form beside the plain one, with the errors of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import CATALOG
from ..compare.families import Setting, prominence, setting_of
from ..compare.pairs import deciding, place, sizes_of, total_ratio
from ..read.evidence import Evidence, Timed, plain_form
from ..words import interval, number, title
from .overview import Cell
from .parts import Pivot, heading

Forms = Mapping[str, Timed]


@dataclass(frozen=True)
class _Column:
    framework: str
    mode: str

    @property
    def words(self) -> str:
        return f"{title(self.framework)}, {self.mode}"


def pivots(evidence: Evidence) -> list[Pivot]:
    """Activation against framework and mode, a table for each set of conditions."""
    conditions: dict[Setting, list[Timed]] = {}
    for each in evidence.timed:
        setting = setting_of(each.run, each.case)
        if setting.usual:
            whose = replace(setting, framework="", mode="", size=0)
            conditions.setdefault(whose, []).append(each)
    made = [_pivot(each, conditions[each], evidence) for each in sorted(conditions, key=prominence)]
    return [each for each in made if each.rows]


def _pivot(setting: Setting, timed: Sequence[Timed], evidence: Evidence) -> Pivot:
    at = deciding(sizes_of(evidence, setting, {each.case.size for each in timed}))
    found: dict[str, dict[_Column, dict[str, Timed]]] = {}
    for each in timed:
        case = each.case
        if case.size == at.size and case.form in ("wide", plain_form(*_names(each))):
            column = _Column(case.framework, case.mode)
            found.setdefault(case.activation, {}).setdefault(column, {})[case.form] = each
    cells = {
        name: {column: _cell(forms) for column, forms in columns.items() if _both(forms)}
        for name, columns in found.items()
    }
    columns = sorted(
        {column for mine in cells.values() for column in mine},
        key=lambda each: (title(each.framework).lower(), each.mode != "eager"),
    )
    none = Cell("–")
    rows = tuple(
        (name, "", tuple(cells[name].get(column, none) for column in columns))
        for name in sorted(cells, key=_catalogue_order)
        if cells[name]
    )
    where = f"{heading(setting, evidence)}, {place(at)}"
    return Pivot(where, "Activation", tuple(each.words for each in columns), rows)


def _names(each: Timed) -> tuple[str, str]:
    return each.case.framework, each.case.activation


def _both(forms: Forms) -> bool:
    return "wide" in forms and len(forms) == 2


def _cell(forms: Forms) -> Cell:
    wide = forms["wide"]
    plain = next(each for form, each in forms.items() if form != "wide")
    found = total_ratio(wide, plain)
    lines = [f"{interval(found)} [{plain.case.form}]" if found else "", _errors(wide, plain)]
    return Cell(f"{number(found.value)}×" if found else "no ratio", tuple(filter(None, lines)))


def _errors(wide: Timed, plain: Timed) -> str:
    """The largest errors of both, or of the one that was checked."""
    errors = {
        words: number(each.exactness.error)
        for words, each in (("wide", wide), ("plain", plain))
        if each.exactness
    }
    if len(errors) == 2:
        return f"{errors['wide']} against {errors['plain']} ulp"
    return "".join(f"{text} ulp, only {words} checked" for words, text in errors.items())


def _catalogue_order(label: str) -> tuple[int, str]:
    names = list(CATALOG)
    name = label.split("(")[0]
    return (names.index(name) if name in names else len(names)), label
