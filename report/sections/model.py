"""Formulas beside the sum of their parts: predictions that held, and surprises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...bench.results import words
from ...bench.timing.cost_model import TOLERANCE
from ..compare.settings import setting_of
from ..read.evidence import Evidence, Split, with_device
from ..tables.grid import grid
from ..words import counted, listing

ORDER = 80
TITLE = "Does a formula cost what its parts cost?"
LINK = "Cost model"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Sentences and the table of surprises."""
    caption = "Formulas whose time per element lies more than 25 % from the sum of their parts"
    return {
        "sentences": sentences(evidence),
        "grid": grid(evidence, "surprises", caption),
        "command": with_device(evidence, "actbench run --profile standard"),
    }


def sentences(evidence: Evidence) -> list[str]:
    """Predictions that held, and causes of the others: a sentence per framework and mode."""
    by_setting: dict[str, list[Split]] = {}
    predicted = [split for split in evidence.splits if split.part("predicted_arithmetic")]
    several = len(evidence.runs) > 1
    for split in sorted(predicted, key=lambda split: setting_of(split.run, split.case).order):
        where = f" in run {split.run}" * several
        by_setting.setdefault(f"{setting_of(split.run, split.case).who}{where}", []).append(split)
    return [_sentence(who, splits) for who, splits in by_setting.items()]


def _sentence(who: str, splits: Sequence[Split]) -> str:
    odd = [split for split in splits if split.part("surprise")]
    held = len(splits) - len(odd)
    return (
        f"{who}: {held} of {counted(len(splits), 'prediction')} not shown to be more than "
        f"{TOLERANCE:.0%} off{_causes(odd)}."
    )


def _causes(odd: Sequence[Split]) -> str:
    causes = Counter(words.heading(s.cause) if s.cause else "no cause kept" for s in odd)
    named = [f"{cause} ({amount})" for cause, amount in causes.most_common()]
    return f"; {counted(len(odd), 'surprise')}: {listing(named)}" if odd else ""
