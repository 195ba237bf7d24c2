"""A chart of the page: its panels under one caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Panel:
    """A drawing and its text for somebody who cannot see it."""

    svg: str
    label: str


@dataclass(frozen=True)
class Figure:
    """A chart of one or more panels under one caption.

    Its `shape` is `small`, or `half` of the page's width, which scrolls sideways.
    """

    sentence: str
    note: str
    panels: tuple[Panel, ...] = ()
    shape: Literal["small", "half"] = "small"
