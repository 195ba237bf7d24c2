"""The conventions of each framework, in columns, from the rows of a run at its special points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalog.cases import Selection
from ..results import words
from ..results.metrics import METRICS, Group
from ..results.rows import Row, SpecialRow
from ..results.status import Status

Condition = tuple[str, str]
"""The mode and the dtype."""

_SHOWN = 3


@dataclass(frozen=True)
class Conventions:
    """The conventions of an activation in one form: a cell per column with a text per condition."""

    framework: str
    activation: str
    form: str
    cells: Mapping[str, tuple[str, ...]]


def _says(row: Row) -> bool:
    """Return whether a row says something: a value, or why departures were not counted."""
    if row.status is not Status.OK:
        return row.metric in _COUNTED and row.status is not Status.UNSUPPORTED
    return row.value is not None


_COUNTED = ("special_departures", "special_row")


def _value(row: Row) -> float:
    return math.nan if row.value is None else row.value


def _because(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def _sign(row: Row) -> str:
    return "kept" if _value(row) < 0 else "lost"


def _kept(row: Row) -> str:
    return "kept" if row.value else _because("LOST", words.points(row))


def _gradient(row: Row) -> str:
    place = [f"at {words.number(row.kink.at, row.case.dtype)}"] if row.kink else []
    beside = [words.points(row)] if row.points else []
    return "; ".join([" ".join([f"{_value(row):.4g}", *place]), *beside])


def _departures(row: Row) -> str:
    if row.status is not Status.OK:
        return _because(row.status.upper(), row.reason)
    if not row.value:
        return "none"
    departures = [words.special(point, row) for point in row.points]
    more = f"; and {len(departures) - _SHOWN} more" if len(departures) > _SHOWN else ""
    return _because(f"{row.value:.0f}", f"{'; '.join(departures[:_SHOWN])}{more}")


def _row(row: Row) -> str:
    if row.status is not Status.OK or row.entries is None:
        return _because(row.status.upper(), row.reason)
    return words.entries(row)


_WHOLE = "whole numbers"
_COLUMNS: Mapping[str, tuple[str, str, Callable[[Row], str]]] = {
    "the sign of −0": ("sign_of_zero", "forward", _sign),
    "gradient at a kink": ("gradient_at_kink", "backward", _gradient),
    "NaN": ("nan_kept", "forward", _kept),
    "NaN, gradient": ("nan_kept", "backward", _kept),
    "subnormals": ("subnormal_kept", "forward", _kept),
    _WHOLE: ("whole_numbers", "forward", words.whole),
    "departures": ("special_departures", "forward", _departures),
    "departures, gradient": ("special_departures", "backward", _departures),
}
"""The metric and the direction of each column, and the function that writes a row in it."""
COLUMNS = tuple(_COLUMNS)
ROW_COLUMNS = (*SpecialRow, _WHOLE)
"""The columns of functions of rows, once per direction."""
_PULLED = ", gradient"


def chosen(rows: Iterable[Row], asked: Selection) -> list[Row]:
    """The rows at special points that a selection names, the plain forms unless it names more."""
    return [
        row
        for row in rows
        if METRICS[row.metric].group is Group.SPECIAL
        and row.case.framework in (asked.frameworks or (row.case.framework,))
        and (row.case.activation in asked.activations if asked.activations else row.plain)
    ]


def conventions(rows: Iterable[Row]) -> list[Conventions]:
    """The conventions of each framework, activation and form, in the order of the rows.

    Other metrics, unsupported cases and missing values are left out.
    """
    by_form: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if METRICS[row.metric].group is Group.SPECIAL and _says(row):
            key = (row.case.framework, row.case.activation, row.case.form)
            by_form.setdefault(key, []).append(row)
    orders = [list(dict.fromkeys(names)) for names in zip(*by_form, strict=True)]
    keys = sorted(by_form, key=lambda key: [o.index(n) for o, n in zip(orders, key, strict=True)])
    return [Conventions(*key, _cells(by_form[key])) for key in keys]


def _cells(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """The cells of an activation: those of points, or those of rows if it has any."""
    by_kind: dict[SpecialRow, list[Row]] = {}
    for row in rows:
        if row.metric == "special_row":
            kind = row.entries.row if row.entries else SpecialRow.LOWEST
            by_kind.setdefault(kind, []).append(row)
    if not by_kind:
        return {column: tuple(_merged(_texts(rows, *rule))) for column, rule in _COLUMNS.items()}
    cells = {
        f"{kind}{more}": tuple(
            _merged(_texts(by_kind.get(kind, ()), "special_row", direction, _row))
        )
        for direction, more in (("forward", ""), ("backward", _PULLED))
        for kind in SpecialRow
    }
    return {**cells, _WHOLE: tuple(_merged(_texts(rows, *_COLUMNS[_WHOLE])))}


def _texts(
    rows: Sequence[Row], metric: str, direction: str, write: Callable[[Row], str]
) -> dict[Condition, str]:
    """The text of a column under each condition; several kinks share one text."""
    texts: dict[Condition, list[str]] = {}
    for row in rows:
        if (row.metric, row.case.direction) == (metric, direction):
            texts.setdefault((row.case.mode, row.case.dtype), []).append(write(row))
    return {condition: ", ".join(written) for condition, written in texts.items()}


def _merged(texts: Mapping[Condition, str]) -> Iterator[str]:
    """Each distinct text, with its conditions where there are several texts."""
    for text in dict.fromkeys(texts.values()):
        alike = [condition for condition, other in texts.items() if other == text]
        yield text if len(alike) == len(texts) else f"{text} ({_in_words(alike, texts)})"


def _in_words(alike: Sequence[Condition], every: Iterable[Condition]) -> str:
    """Conditions by mode, with the dtypes where a mode has others as well."""
    dtypes = {mode: [dtype for other, dtype in alike if other == mode] for mode, _ in alike}
    sizes = Counter(mode for mode, _ in every)
    return "; ".join(
        mode if len(some) == sizes[mode] else f"{mode} {', '.join(some)}"
        for mode, some in dtypes.items()
    )
