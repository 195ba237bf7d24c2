"""Tables in few bytes: column by column, and without what follows from the rest.

Of an interval column that follows from the time of a call, a cell is a number where the page's
script works it out, and the interval itself wherever it would show another digit.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .columns import short

Interval = Sequence[Any]


def packed(content: Any) -> str:
    """JSON, compressed and in base 64: a tenth of its length, and no markup in it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def by_column(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table whose columns hold their cells, in place of rows."""
    names = [column["key"] for column in table["columns"]]
    cells = dict(zip(names, zip(*table["rows"], strict=True), strict=False))
    columns = [
        {**column, "cells": _brief(column["key"], cells)} for column in table["columns"] if cells
    ]
    return {**{key: each for key, each in table.items() if key != "rows"}, "columns": columns}


def _brief(name: str, cells: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
    if name not in _FOLLOWING or not {"call", "size"} <= cells.keys():
        return cells[name]
    return list(map(_FOLLOWING[name], cells[name], cells["call"], cells["size"]))


def _element(cell: Interval | None, call: Interval | None, size: int) -> Any:
    """1 where the time of an element is that of a call over its size."""
    return 1 if cell and call and _shows(cell, [_over(time, size) for time in call]) else cell


def _bandwidth(cell: Interval | None, call: Interval | None, size: int) -> Any:
    """The bytes an element, where those of a call over its time are the bandwidth."""
    if not cell or not call or not size or not _is_number(cell[0]) or not _is_number(call[0]):
        return cell
    moved = round(cell[0] * call[0] / size, 3)
    return moved if _shows(cell, [_over(moved * size, call[end]) for end in (0, 2, 1)]) else cell


_FOLLOWING: Mapping[str, Callable[..., Any]] = {"element": _element, "bandwidth": _bandwidth}


def _over(above: Any, below: Any) -> Any:
    return short(above / below) if _is_number(above) and _is_number(below) and below else None


def _is_number(cell: Any) -> bool:
    """Whether a cell is a finite number, neither missing nor the word for an infinity."""
    return isinstance(cell, int | float)


def _shows(cell: Interval, other: Interval) -> bool:
    """Whether two intervals are the same in the three digits that are shown."""
    return [_shown(each) for each in cell] == [_shown(each) for each in other]


def _shown(value: float | str | None) -> str | None:
    return f"{value:.3g}" if isinstance(value, int | float) else value
