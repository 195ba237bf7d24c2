"""A chart of the page: its panels or tables under one caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .drawing import Panel
from .heatmap import Heatmap


@dataclass(frozen=True)
class Figure:
    """A chart of one or more panels under one caption.

    Its `shape` is `small`, `large`, `half` of the page's width or `broad`; the last two scroll
    sideways.
    `command` measures what the figure lacks.
    """

    sentence: str
    note: str
    panels: tuple[Panel, ...] = ()
    shape: Literal["small", "large", "half", "broad"] = "small"
    heatmaps: tuple[Heatmap, ...] = ()
    command: str = ""
