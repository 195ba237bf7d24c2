"""The measurement of a run for claims on cost, where none is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..catalog.cases import PROFILES, Profile, Selection
from ..host.progress import Reporter
from ..run.recording import Outcome
from ..run.request import Request
from ..run.schedule import run
from .costs import PROFILE
from .ground import Effort

_TIMEOUT = 300.0
_QUICK = ("numpy", "jax")
"""The frameworks of a quick answer: one without a compiler, and the one of most claims, with one.
"""


def measured(effort: Effort, out: Path | None, command: str, reporter: Reporter) -> Outcome:
    """Measure the cases that claims of cost compare, and write a run folder.

    A quick answer covers two frameworks, unless others are named. Raises UsageError for a folder
    that is taken, StoreError where the disk refuses.
    """
    profile, frameworks = PROFILES[PROFILE], effort.frameworks
    if effort.quick:
        profile, frameworks = _shortened(profile), frameworks or _QUICK
    request = Request(
        profile=profile,
        selection=Selection(frameworks=frameworks),
        seed=effort.seed,
        out=out,
        pythons=effort.pythons,
        python=effort.pythons[""],
        timeout=_TIMEOUT,
        command=command,
    )
    return run(request, reporter)


def _shortened(profile: Profile) -> Profile:
    """The profile with few blocks, in the fewest processes that give an interval."""
    return replace(profile, epochs=2, most=2, blocks=8, seconds=0, per_binade=1)
