"""What is meant: cases whose verdict is accepted by name, and what was compared by nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ..catalog.activations import find, find_reference
from ..catalog.cases import Case, Selection
from ..catalog.frameworks import frameworks
from ..timing.decisions import Decision
from ..timing.verdicts import Verdict
from .exactness import Compared, Kind
from .instructions import Change
from .select import Part, function_of

ACCEPTABLE = frozenset((Kind.DIFFERENT, Kind.WORSE, Kind.WRONG, Kind.NEW, Kind.MENDED))
"""Kinds that somebody may mean; what does not run is nobody's intention."""
_SILENT = frozenset((Verdict.UNMEASURED, Verdict.UNSUPPORTED))
_NAMED: Mapping[str, Callable[[Case], str]] = {
    "framework": lambda case: case.framework,
    "activation": lambda case: case.activation,
    "form": lambda case: case.form,
    "mode": lambda case: case.mode,
    "device": lambda case: case.device,
    "dtype": lambda case: case.dtype,
}


def names_of(case: Case) -> frozenset[str]:
    """What people may call a case: `gelu`, `gelu[textbook]`, `gelu_textbook`, or the address of a
    function of their own."""
    framework = frameworks().get(case.framework)
    if framework and framework.callable:
        return frozenset([framework.callable])
    labels = {case.activation, find(case.activation).name}
    return frozenset([*labels, *(f"{label}[{case.form}]" for label in labels), function_of(case)])


class Accepting:
    """Names that were accepted; `unneeded` are those that nothing needed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.unneeded = dict.fromkeys(names)
        self._names = frozenset(self.unneeded)

    def decisions(self, decisions: Iterable[Decision]) -> None:
        """Mark what became slower and is meant."""
        for decision in decisions:
            if decision.verdict is Verdict.SLOWER:
                decision.accepted = self._holds(names_of(decision.case))

    def results(self, compared: Iterable[Compared]) -> list[Compared]:
        """The results, with those marked that fail by themselves and are meant."""
        return [
            replace(one, accepted=self._holds(names_of(one.case)))
            if one.fails and one.kind in ACCEPTABLE
            else one
            for one in compared
        ]

    def counts(self, changes: Iterable[Change]) -> list[Change]:
        """The same of instructions."""
        return [
            replace(one, accepted=self._holds(names_of(one.case))) if one.verdict == "more" else one
            for one in changes
        ]

    def parts(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """The same of what is gone."""
        return tuple(replace(part, accepted=self._holds(part.names)) for part in parts)

    def _holds(self, names: frozenset[str]) -> bool:
        for name in names & self._names:
            self.unneeded.pop(name, None)
        return bool(names & self._names)


@dataclass(frozen=True)
class Lacking:
    """Something that was asked for, or changed, and of which nothing could be compared.

    `what` is a field of a case, or `function`; the name of a function begins with its framework's.
    """

    what: str
    name: str


def lacking(
    asked: Selection,
    changed: Iterable[Case],
    timed: Iterable[Decision],
    exact: Iterable[Compared],
) -> list[Lacking]:
    """What was tried, because somebody named it or it changed, and compared in no case."""
    outcomes = {decision.case: decision.verdict not in _SILENT for decision in timed}
    for compared in exact:
        known = compared.kind not in (Kind.UNMEASURED, Kind.UNSUPPORTED)
        outcomes[compared.case] = known or outcomes.get(compared.case, False)
    done = {case for case, known in outcomes.items() if known}
    found = {
        Lacking(what, name)
        for what, of in _NAMED.items()
        for name in _asked(asked, what)
        if name in set(map(of, outcomes)) - set(map(of, done))
    }
    frameworks_done = {case.framework for case in done}
    for case in set(changed):
        if case.framework not in frameworks_done:
            found.add(Lacking("framework", case.framework))
        elif _subject(case) not in set(map(_subject, done)):
            found.add(Lacking("function", " ".join(_subject(case))))
    return sorted(found, key=lambda one: (one.what, one.name))


def _asked(asked: Selection, what: str) -> list[str]:
    names = getattr(asked, f"{what}s")
    return [find(name).label for name in names] if what == "activation" else list(names)


def _subject(case: Case) -> tuple[str, str]:
    own = frameworks()[case.framework].callable
    if own:
        return case.framework, own
    return case.framework, f"{find_reference(case.activation).name}_{case.form}"
