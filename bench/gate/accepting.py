"""What is meant: cases whose verdict is accepted by name, and what was compared by nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..catalog.activations import find_reference
from ..catalog.asked import Name, names_of, unmet
from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..timing.decisions import Decision
from ..timing.verdicts import Verdict
from .exactness import Compared, Kind
from .instructions import Change
from .select import Part

ACCEPTABLE = frozenset((Kind.DIFFERENT, Kind.WORSE, Kind.WRONG, Kind.NEW, Kind.MENDED))
"""Kinds that somebody may mean; what does not run is nobody's intention."""
_SILENT: frozenset[str] = frozenset((Verdict.UNMEASURED, Verdict.UNSUPPORTED))
"""Of times and of results: the words are the same."""


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


def lacking(
    asked: Mapping[str, Sequence[str]],
    changed: Iterable[Case],
    timed: Iterable[Decision],
    exact: Iterable[Compared],
) -> list[Name]:
    """What was tried, because somebody named it or it changed, and compared in no case.

    A `function` begins with the name of its framework.
    """
    tried = [*(decision.case for decision in timed), *(compared.case for compared in exact)]
    done = [
        *(decision.case for decision in timed if decision.verdict not in _SILENT),
        *(compared.case for compared in exact if compared.kind not in _SILENT),
    ]
    found = set(unmet(asked, done, tried))
    frameworks_done, subjects = {case.framework for case in done}, set(map(_subject, done))
    for case in set(changed):
        if case.framework not in frameworks_done:
            found.add(Name("framework", case.framework))
        elif _subject(case) not in subjects:
            found.add(Name("function", " ".join(_subject(case))))
    return sorted(found, key=lambda name: (name.what, name.text))


def _subject(case: Case) -> tuple[str, str]:
    own = frameworks()[case.framework].callable
    if own:
        return case.framework, own
    return case.framework, f"{find_reference(case.activation).name}_{case.form}"
