"""Intended changes: cases whose verdict is accepted by name, and names that no case has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..catalog.asked import Name, names_of, unmet
from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..timing.decisions import Decision
from ..timing.verdicts import Verdict
from .exactness import Compared, Kind
from .instructions import Change
from .select import Part, function_of

_ACCEPTABLE = frozenset((Kind.DIFFERENT, Kind.WORSE, Kind.WRONG, Kind.NEW, Kind.MENDED))
"""The kinds of results that may be intended; failing to run never is."""
_SILENT: frozenset[str] = frozenset((Verdict.UNMEASURED, Verdict.UNSUPPORTED))
"""The verdicts, on times and on results, of cases in which nothing was compared."""


class Accepting:
    """The accepted names; `unneeded` are those that nothing needed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.unneeded = dict.fromkeys(names)
        self._names = frozenset(self.unneeded)

    def decisions(self, decisions: Iterable[Decision]) -> None:
        """The decisions, with intended slowdowns marked."""
        for decision in decisions:
            if decision.verdict is Verdict.SLOWER:
                decision.accepted = self._holds(names_of(decision.case))

    def results(self, compared: Iterable[Compared]) -> list[Compared]:
        """The results, with intended failures marked."""
        return [
            replace(result, accepted=self._holds(names_of(result.case)))
            if result.fails and result.kind in _ACCEPTABLE
            else result
            for result in compared
        ]

    def counts(self, changes: Iterable[Change]) -> list[Change]:
        """The instruction counts, with intended changes marked."""
        return [
            replace(change, accepted=self._holds(names_of(change.case)))
            if change.verdict == "more"
            else change
            for change in changes
        ]

    def parts(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """The parts, with intended removals marked."""
        return tuple(replace(part, accepted=self._holds(part.names)) for part in parts)

    def _holds(self, names: frozenset[str]) -> bool:
        for name in names & self._names:
            self.unneeded.pop(name, None)
        return bool(names & self._names)


def lacking(
    asked: Mapping[str, Sequence[str]],
    changed: Iterable[Case],
    timed: Sequence[Decision],
    exact: Sequence[Compared],
) -> list[Name]:
    """The names that were tried, because they were given or changed, and are compared in no case.

    A `function` begins with the name of its framework.
    """
    tried = [*(decision.case for decision in timed), *(compared.case for compared in exact)]
    done = [
        *(decision.case for decision in timed if decision.verdict not in _SILENT),
        *(compared.case for compared in exact if compared.kind not in _SILENT),
    ]
    names = set(unmet(asked, done, tried))
    frameworks_done, subjects = {case.framework for case in done}, set(map(_subject, done))
    for case in changed:
        if case.framework not in frameworks_done:
            names.add(Name("framework", case.framework))
        elif _subject(case) not in subjects:
            names.add(Name("function", " ".join(_subject(case))))
    return sorted(names, key=lambda name: (name.what, name.text))


def _subject(case: Case) -> tuple[str, str]:
    return case.framework, frameworks()[case.framework].callable or function_of(case)
