"""The certificates of a run: in words, for machines, and as an exit status."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..catalog.frameworks import frameworks
from ..results.store import dump, read_samples
from ..run.schedule import Outcome
from . import conclusion

Record = Mapping[str, Any]
"""A case and its certificate, field by field."""

_FEW = 12
"""Certificates that are given one by one; more are counted."""


@dataclass(frozen=True)
class Answer:
    """The certificates that a run keeps, and the most ulp that they may have."""

    outcome: Outcome
    bound: float | None

    @cached_property
    def records(self) -> list[Record]:
        """The certificates in the order of their cases."""
        return [
            {**case.as_dict(), **sample}
            for case, sample in read_samples(self.outcome.path)
            if sample["kind"] == "agreement"
        ]

    @property
    def exit_status(self) -> int:
        """As that of a run; 1 where an error is above the bound or a function failed."""
        failed = self.outcome.facts.state == "failed" or bool(self._above())
        return conclusion.exit_status(self.outcome) or int(failed)

    def _above(self) -> list[Record]:
        bound = float("inf") if self.bound is None else self.bound
        return [record for record in self.records if record["max_ulp"] > bound]

    def for_machines(self) -> str:
        """The certificates in a list, with the folder of the run."""
        summary = json.loads(conclusion.for_machines(self.outcome))
        return dump({**summary, "certificates": self.records})

    def for_people(self) -> str:
        """Few certificates in words, many as counts; the verdict, and where the rest is."""
        worst = sorted(self.records, key=lambda record: -float(record["max_ulp"]))
        lines = list(map(_in_words, worst)) if len(worst) <= _FEW else _counted(worst)
        if self.bound is not None:
            above = len(self._above())
            lines.append(f"{above} of {len(worst)} above the bound of {self.bound:g} ulp.")
        lines.append(conclusion.for_people(self.outcome))
        lines.append(f"What is wrong beyond a stated bound: {_FINDINGS} {self.outcome.path}")
        return "\n".join(lines)


_FINDINGS = "actbench findings"


def _in_words(record: Record) -> str:
    counts = ", ".join(
        f"{record[f'{kind}_mismatches']:,} {words}"
        for kind, words in (("nan", "NaN"), ("infinity", "infinite"), ("sign", "sign"))
        if record[f"{kind}_mismatches"]
    )
    worst = (
        f"at most {record['max_ulp']:.7g} ulp, at {record['worst_input']} (got {record['got']}, "
        f"exact {record['exact']})"
    )
    name = "{framework} {activation} {form}, {mode}, {direction}, {dtype}".format_map(record)
    lines = [
        f"{name}: {worst if record['worst_input'] else 'no finite input'}, over "
        f"{record['tested']:,} inputs; "
        f"{record['not_correctly_rounded']:,} are not correctly rounded.",
        f"  Mismatches: {counts or 'none'}. With subnormals contracted "
        f"{record['max_ulp_flushed']:.7g} ulp, over normal results {record['max_ulp_normal']:.7g}.",
    ]
    if record["max_ulp_away"] < record["max_ulp"]:
        lines.append(
            f"  The worst input lies beside a zero of the function itself; away from those it is "
            f"{record['max_ulp_away']:.7g} ulp, at {record['worst_away'][0]}."
        )
    return "\n".join(lines)


def _counted(records: Sequence[Record]) -> list[str]:
    """A line per framework and format: how many are right, and the worst of native and wide."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record["framework"], record["dtype"]), []).append(record)
    return [_group(*key, groups[key]) for key in sorted(groups)]


def _group(framework: str, dtype: str, records: Sequence[Record]) -> str:
    right = sum(record["not_correctly_rounded"] == 0 for record in records)
    near = sum(record["max_ulp"] <= 1 for record in records)
    misplaced = sum(
        record["nan_mismatches"] + record["infinity_mismatches"] > 0 for record in records
    )
    worst = [_worst(records, form) for form in ("native", "wide")]
    return (
        f"{frameworks()[framework].title}, {dtype}: of {len(records)} values and gradients {right} "
        f"are correctly rounded at every input tried, {near} within 1 ulp; {misplaced} have NaN or "
        f"infinity out of place.{''.join(worst)}"
    )


def _worst(records: Sequence[Record], form: str) -> str:
    """The worst of a form, with subnormals contracted; the zeros of a function are its own."""
    mine = [record for record in records if record["form"] == form]
    if not mine:
        return ""
    top = max(mine, key=lambda record: float(record["max_ulp_flushed"]))
    which = f"{top['activation']}, {top['mode']}, {top['direction']}"
    return f" Worst {form}: {which}, {top['max_ulp_flushed']:.4g} ulp, subnormals contracted."
