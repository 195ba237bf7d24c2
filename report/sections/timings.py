"""Every case that was timed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..read.evidence import Evidence, with_device
from ..tables.grid import grid

ORDER = 110
TITLE = "Every case that was timed"
LINK = "Every case"
_CAPTION = (
    "Time of every case with its 95 % interval, and the largest error of the same form where it "
    "was checked"
)


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The table of times."""
    command = with_device(evidence, "actbench run")
    return {"grid": grid(evidence, "timings", _CAPTION), "command": command}
