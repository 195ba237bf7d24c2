"""A direct comparison of two activations: the cases, their ratio, and its wording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from ..catalog.activations import find
from ..catalog.asked import Name, unmet
from ..catalog.cases import PROFILES, Case, Plan, Selection, expand, unsupported
from ..catalog.sizes import places, size_classes
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results import door
from ..results.answers import as_record, like
from ..results.estimate import Estimate
from ..results.status import Status
from ..results.store import dump
from ..timing.in_turn import Effort, Pair, Setting, estimates, measure
from ..words import Table, bar, conditions, duration, finite, place_words, plus_minus, tally, title
from ..worker.protocol import Failure

_NAMED = re.compile(r"^(?P<label>[^\[\]]+)(\[(?P<form>\w+)\])?$")


@dataclass(frozen=True)
class Named:
    """An activation that was named, and its form: empty for the plain one."""

    label: str
    form: str = ""

    @classmethod
    def read(cls, text: str, form: str = "") -> Named:
        """`gelu`, `squareplus(b=0)`, `gelu[textbook]`. Raises UsageError for an unknown name."""
        match = _NAMED.match(text.strip())
        if not match:
            raise UsageError(f"cannot read {text!r}: write it as activation or activation[form]")
        return cls(find(match["label"]).label, match["form"] or form)

    def __str__(self) -> str:
        return f"{self.label}[{self.form}]" if self.form else self.label

    def cases(self, selection: Selection) -> dict[Case, Case]:
        """The cases of a selection that two activations have in common."""
        forms = (self.form,) if self.form else ()
        plan = Plan((self.label,), forms=("plain",))
        profile = replace(PROFILES["smoke"], plans=(plan,))
        chosen = replace(selection, activations=(self.label,), forms=forms)
        return {case.of("", ""): case for case in expand(profile, chosen)}


@dataclass(frozen=True)
class Beside:
    """Two activations in a setting: their forms, the ratio of their times, and both in ns.

    A figure is None where it is not known.
    """

    forms: tuple[str, str]
    ratio: float | None
    low: float | None
    high: float | None
    ns: tuple[float | None, float | None]
    processes: int
    status: Status
    reason: str


_APART = ("activation", "form")
"""The fields of a case in which two activations differ."""
RECORD = door.model("Setting", Case, Beside, without=_APART, whole=True)
"""The model of a setting with what two activations came to in it."""


@dataclass(frozen=True)
class Compared:
    """Two activations compared, for machines."""

    first: str
    second: str
    sentence: str
    exit_status: int
    unmet: list[str]
    rows: list[Annotated[dict[str, Any], like(RECORD)]]


@dataclass(frozen=True)
class Answer:
    """The time of the first activation over that of the second, by setting.

    `ratios` are those of the pairs, in their order; None where nothing was timed. `unmet` are the
    names that were asked for and of which nothing was timed.
    """

    first: Named
    second: Named
    pairs: Sequence[Pair]
    ratios: Sequence[Estimate | None]
    unmet: Sequence[Name] = ()

    @property
    def exit_status(self) -> int:
        """Return 1 where nothing, or nothing of some name, was timed, or a case failed; else 0."""
        failures = [pair.failure for pair in self.pairs if pair.failure]
        failed = any(failure.status is not Status.UNSUPPORTED for failure in failures)
        return int(failed or bool(self.unmet) or not any(self.ratios))

    @property
    def sentence(self) -> str:
        """`gelu takes 1.75 ±0.03 times as long as squareplus: PyTorch compiled, …`."""
        known = [ratio for ratio in self.ratios if ratio]
        if not known:
            return f"{self.first} and {self.second} could not be compared."
        if len(known) == 1:
            [(pair, ratio)] = [(p, r) for p, r in zip(self.pairs, self.ratios, strict=True) if r]
            return (
                f"{self.first} takes {plus_minus(ratio.value, ratio.half_width)} times as long as "
                f"{self.second}: {_setting(pair.case)} ({len(pair.logs)} processes)."
            )
        counts = tally(map(_verdict, known), ("longer", "less", "undecided"))
        return f"{self.first} against {self.second} in {len(known)} settings: {counts}."

    def for_people(self) -> str:
        """A table for several settings, the failures, and the sentence."""
        lines = self._table() if sum(map(bool, self.ratios)) > 1 else []
        lines += [
            f"{_setting(pair.case)}: {pair.failure.status}: {pair.failure.reason}."
            for pair in self.pairs
            if pair.failure
        ]
        if self.unmet:
            names = ", ".join(name.text for name in self.unmet)
            lines.append(f"Nothing was timed of what was asked for by name: {names}.")
        return "\n".join([*lines, self.sentence])

    def _table(self) -> list[str]:
        most = max(ratio.value for ratio in self.ratios if ratio)
        head = ("", f"over {self.second}", "", str(self.first), str(self.second), "processes", "")
        return Table(
            head,
            [
                (
                    _setting(pair.case),
                    plus_minus(ratio.value, ratio.half_width),
                    bar(ratio.value / most),
                    *map(duration, pair.times),
                    str(len(pair.logs)),
                    _verdict(ratio),
                )
                for pair, ratio in zip(self.pairs, self.ratios, strict=True)
                if ratio
            ],
        ).text()

    def for_machines(self) -> str:
        """Both names, the sentence and a record per setting as one JSON object."""
        both = zip(self.pairs, self.ratios, strict=True)
        record = Compared(
            first=str(self.first),
            second=str(self.second),
            sentence=self.sentence,
            exit_status=self.exit_status,
            unmet=[name.text for name in self.unmet],
            rows=[_record(pair, ratio) for pair, ratio in both],
        )
        return dump(finite(as_record(record)))


def compare(
    named: Sequence[str],
    selection: Selection,
    effort: Effort,
    setting: Setting,
    reporter: Reporter,
) -> Answer:
    """Time two activations in turn, in every setting that was selected.

    Raises UsageError for names that do not exist, and for two that are the same.
    """
    if len(selection.forms) > 1:
        raise UsageError(
            "one --form is for both: write others as gelu[textbook] squareplus[stable]"
        )
    first, second = (Named.read(text, *selection.forms) for text in named)
    cases, others = first.cases(selection), second.cases(selection)
    pairs = [_pair(case, others[common]) for common, case in cases.items()]
    if any(pair.case == pair.other for pair in pairs):
        raise UsageError(f"{first} and {second} are the same: name two activations or two forms")
    alive = [pair for pair in pairs if not pair.failure]
    with reporter.phase("Timing in turn", effort.most * len({p.key for p in alive})) as done:
        measure(alive, effort, setting, done)
    known = iter(estimates([pair for pair in pairs if pair.logs]))
    ratios = [next(known) if pair.logs else None for pair in pairs]
    named_cases = asdict(replace(selection.checked(), activations=(), forms=()))
    timed = [pair.case for pair in pairs if pair.logs]
    return Answer(first, second, pairs, ratios, unmet(named_cases, timed))


def _pair(case: Case, other: Case) -> Pair:
    reason = unsupported(case) or unsupported(other)
    return Pair(case, other, failure=Failure(Status.UNSUPPORTED, reason) if reason else None)


def _verdict(ratio: Estimate) -> str:
    if ratio.low > 1:
        return "longer"
    return "less" if ratio.high < 1 else "undecided"


def _setting(case: Case) -> str:
    """`PyTorch compiled, forward, float32, in cache, 32,768 elements`."""
    classes, known = size_classes(case.device), places(case.device)
    at = [known[name] for name, size in classes.items() if size == case.size]
    where = ", ".join(place_words(place) for place in at[:1])
    return ", ".join(filter(None, (f"{title(case.framework)} {conditions(case.as_dict())}", where)))


def _record(pair: Pair, ratio: Estimate | None) -> dict[str, Any]:
    case, failure = pair.case.as_dict(), pair.failure
    low, high = ratio.ends if ratio else (None, None)
    beside = Beside(
        forms=(pair.case.form, pair.other.form),
        ratio=ratio.value if ratio else None,
        low=low,
        high=high,
        ns=pair.times if ratio else (None, None),
        processes=len(pair.logs),
        status=failure.status if failure else Status.OK,
        reason=failure.reason if failure else "",
    )
    setting = {name: value for name, value in case.items() if name not in _APART}
    return {**setting, **vars(beside)}
