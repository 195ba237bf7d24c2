"""The charts: every one that the rows suffice for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import modules
from ..draw import charts
from ..read.evidence import Evidence

ORDER = 60
TITLE = "Charts"
LINK = "Charts"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The figures of each chart, in their order."""
    figures = [figure for module in modules(charts) for figure in module.figures(evidence)]
    return {"figures": figures}
