"""The conventions of each framework in a table, from the rows of a run at its special points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..catalog.activations import CATALOG, find
from ..catalog.cases import Selection, forms_of, plain_form
from ..catalog.frameworks import frameworks
from ..host.errors import UsageError
from .special import METRICS

Record = Mapping[str, Any]
Condition = tuple[str, str]
"""Mode and dtype."""

_SHOWN = 3


@dataclass(frozen=True)
class Line:
    """An activation in one form: a cell a column, each in as many texts as conditions differ."""

    framework: str
    activation: str
    form: str
    cells: Mapping[str, tuple[str, ...]]


def _says(row: Record) -> bool:
    """Whether a row has something to tell: a value, or why departures were not counted."""
    if row["status"] == "ok":
        return row["value"] is not None and not math.isnan(row["value"])
    return bool(row["metric"] == "special_departures" and row["status"] != "unsupported")


def _detail(row: Record) -> str:
    return row["detail"] if isinstance(row["detail"], str) else ""


def _because(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def _sign(row: Record) -> str:
    return "kept" if row["value"] < 0 else "lost"


def _kept(row: Record) -> str:
    return "kept" if row["value"] else _because("LOST", _detail(row))


def _gradient(row: Record) -> str:
    where, _, beside = _detail(row).partition("; ")
    place, _, _ = where.partition(",")
    return "; ".join(filter(None, [f"{row['value']:.4g} {place}".strip(), beside]))


def _departures(row: Record) -> str:
    if row["status"] != "ok":
        return _because(row["status"].upper(), _detail(row))
    if not row["value"]:
        return "none"
    told = _detail(row).split("; ")
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return _because(f"{row['value']:.0f}", f"{'; '.join(told[:_SHOWN])}{more}")


_COLUMNS: Mapping[str, tuple[str, str, Callable[[Record], str]]] = {
    "the sign of −0": ("sign_of_zero", "forward", _sign),
    "gradient at a kink": ("gradient_at_kink", "backward", _gradient),
    "NaN": ("nan_kept", "forward", _kept),
    "NaN, gradient": ("nan_kept", "backward", _kept),
    "subnormals": ("subnormal_kept", "forward", _kept),
    "departures": ("special_departures", "forward", _departures),
    "departures, gradient": ("special_departures", "backward", _departures),
}
"""Each column's metric and direction, and how a row is written in it."""
COLUMNS = tuple(_COLUMNS)


def chosen(records: Iterable[dict[str, Any]], asked: Selection) -> list[dict[str, Any]]:
    """The rows at special points that a selection names; the plain forms, unless activations are.

    What the framework or the catalogue no longer has is left out.
    """
    return [
        row
        for row in records
        if row["metric"] in METRICS
        and row["framework"] in (asked.frameworks or frameworks())
        and (row["activation"] in asked.activations if asked.activations else is_plain(row))
    ]


def is_plain(row: Record) -> bool:
    """Whether a row is of the form that people take first."""
    framework = frameworks().get(row["framework"])
    try:
        activation = find(row["activation"])
    except UsageError:
        return False
    return framework is not None and bool(row["form"] == plain_form(activation, framework))


def lines(records: Iterable[Record]) -> list[Line]:
    """The lines of a table: one a framework, activation and form, in the catalogue's order.

    `records` are rows with the columns of `metrics.COLUMNS`; other metrics, what is unsupported and
    what has no value are passed over.
    """
    found: dict[tuple[str, str, str], list[Record]] = {}
    for row in records:
        if row["metric"] in METRICS and _says(row):
            key = (row["framework"], row["activation"], row["form"])
            found.setdefault(key, []).append(row)
    return [Line(*key, _cells(found[key])) for key in sorted(found, key=_place)]


def _place(key: tuple[str, str, str]) -> tuple[Any, ...]:
    framework, activation, form = key
    name = activation.partition("(")[0]
    forms = forms_of(CATALOG[name]) if name in CATALOG else ()
    return (
        *(_index(tuple(frameworks()), framework), framework),
        *(_index(tuple(CATALOG), name), activation),
        *(_index(forms, form), form),
    )


def _index(words: Sequence[str], word: str) -> int:
    """The place of a word; behind all others where it is not known."""
    return words.index(word) if word in words else len(words)


def _cells(records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    conditions = {(row["mode"], row["dtype"]) for row in records}
    return {
        column: tuple(_merged(_texts(records, *source), conditions))
        for column, source in _COLUMNS.items()
    }


def _texts(
    records: Sequence[Record], metric: str, direction: str, write: Callable[[Record], str]
) -> dict[Condition, str]:
    """What a column says under each condition; several kinks are told in one text."""
    texts: dict[Condition, list[str]] = {}
    for row in records:
        if (row["metric"], row["direction"]) == (metric, direction):
            texts.setdefault((row["mode"], row["dtype"]), []).append(write(row))
    return {condition: ", ".join(told) for condition, told in texts.items()}


def _merged(texts: Mapping[Condition, str], conditions: set[Condition]) -> Iterator[str]:
    """Each text once, with its conditions where there are several texts."""
    groups: dict[str, list[Condition]] = {}
    for condition, text in texts.items():
        groups.setdefault(text, []).append(condition)
    for text, mine in groups.items():
        yield text if len(groups) == 1 else f"{text} ({_in_words(mine, texts.keys())})"


def _in_words(mine: Sequence[Condition], told: Iterable[Condition]) -> str:
    """Conditions by mode, with the dtypes where a mode has others as well."""
    told = list(told)
    words = []
    for mode in dict.fromkeys(mode for mode, _ in mine):
        dtypes = [dtype for each, dtype in mine if each == mode]
        whole = len(dtypes) == sum(each == mode for each, _ in told)
        words.append(mode if whole else f"{mode} {', '.join(dtypes)}")
    return "; ".join(words)


def text(found: Sequence[Line]) -> str:
    """The lines for a terminal: a paragraph an activation and form, under its framework."""
    parts = []
    for framework in dict.fromkeys(line.framework for line in found):
        parts.append(frameworks()[framework].title if framework in frameworks() else framework)
        parts += [_paragraph(line) for line in found if line.framework == framework]
    return "\n".join(parts)


def _paragraph(line: Line) -> str:
    told = [
        f"    {column if first else '':<22}{text}"
        for column, texts in line.cells.items()
        for first, text in zip((True, *(False,) * len(texts)), texts, strict=False)
    ]
    return "\n".join([f"  {line.activation}, {line.form}", *told])
