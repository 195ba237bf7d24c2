"""The cases that a gate compares, with reasons: those that a changed function reaches, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalog.activations import find
from ..catalog.cases import (
    PROFILES,
    Case,
    Plan,
    Profile,
    Selection,
    expand,
    plain_form,
    unsupported,
    with_variants,
)
from ..catalog.frameworks import frameworks
from ..host.errors import UsageError
from .changes import Changes, changes, of_plugins
from .source import LOOSE, ORDER, PACKAGES

_PLAN = Plan(with_variants, directions=("forward", "backward"), sizes=("launch", "l2"), forms=None)
PROFILE: Profile = replace(PROFILES["standard"], name="gate", plans=(_PLAN,))
"""Every form at the size of a launch and where arithmetic decides, forward and backward."""
_OF_EVERY_FUNCTION = frozenset((LOOSE, ORDER, PACKAGES))
"""Names by which all functions differ at once."""


@dataclass(frozen=True)
class Chosen:
    """The cases to compare, with their reasons, and notes for the report.

    `apart` has the frameworks whose versions cannot share a process, because their environment
    differs, or what they do to it when they are loaded. `evaluated_apart` has those where one
    version might change the other's results in a shared process.
    """

    cases: Mapping[Case, str]
    notes: tuple[str, ...] = ()
    apart: frozenset[str] = frozenset()
    evaluated_apart: frozenset[str] = frozenset()


def choose(base: Path, candidate: Path, selection: Selection, everything: bool) -> Chosen:
    """List the cases of a selection that can differ between two `impls` folders, or all of them.

    Raises UsageError for unknown names, and where no framework has what was chosen.
    """
    asked = selection.checked()
    wanted = asked.frameworks or tuple(frameworks())
    changed = {
        name: changes(base, candidate, name).beside(of_plugins(base.parent, name))
        for name in wanted
    }
    cases = [case for case in expand(PROFILE, asked) if not unsupported(case)]
    if not cases:
        raise UsageError("nothing to compare: no framework has what was chosen")
    reasons = {case: _reason(case, changed[case.framework], asked, everything) for case in cases}
    lost = () if asked.frameworks else _lost(base)
    return Chosen(
        cases={case: why for case, why in reasons.items() if why},
        notes=(*lost, *(note for name in wanted for note in _notes(name, changed[name]))),
        apart=frozenset(name for name in wanted if _cannot_share(changed[name])),
        evaluated_apart=frozenset(name for name in wanted if changed[name].everywhere),
    )


def _cannot_share(changed: Changes) -> bool:
    """True where the environment differs, or code that runs for a whole process at import."""
    return bool(changed.settings) or LOOSE in changed.everywhere


def _lost(base: Path) -> Iterable[str]:
    """Notes on modules that only the base has."""
    names = {path.stem for path in base.glob("[!_]*.py")} - set(frameworks())
    return tuple(f"impls/{name}.py is gone: nothing of it is compared." for name in sorted(names))


def _reason(case: Case, changed: Changes, asked: Selection, everything: bool) -> str:
    """Say why a case is compared; nothing where it need not be."""
    function = f"{find(case.activation).name}_{case.form}"
    if function in changed.new | changed.gone:
        return ""
    differing = changed.functions.get(function, ())
    if not _OF_EVERY_FUNCTION.issuperset(differing):
        names = [name for name in differing if name != function]
        through = f"through {', '.join(names)}" if names else ""
        own = "changed" if function in differing else ""
        return " and ".join(filter(None, (own, through)))
    if everything:
        return "all were asked for"
    reaching = (*changed.everywhere, *changed.settings)
    if reaching and _stands_for_all(case, asked):
        return f"{', '.join(reaching)} reaches every case"
    return ""


def _stands_for_all(case: Case, asked: Selection) -> bool:
    """True for plain forms, which are enough for a change of everything, and for chosen forms."""
    plain = plain_form(find(case.activation), frameworks()[case.framework])
    return bool(asked.forms) or case.form == plain


def _notes(name: str, changed: Changes) -> Iterable[str]:
    title = frameworks()[name].title
    if changed.new:
        yield f"{title}: new, so without a base: {_list(changed.new)}."
    if changed.gone:
        yield f"{title}: gone, so not compared: {_list(changed.gone)}."
    if changed.modes:
        yield f"{title}: MODES differs; the modes of the working tree are compared."
    if _cannot_share(changed):
        names = ", ".join(changed.settings) or LOOSE
        yield f"{title}: {names} differs; the versions run in separate processes."
    if changed.everywhere or changed.settings:
        names = ", ".join((*changed.everywhere, *changed.settings))
        yield f"{title}: {names} reaches every case; the plain forms are compared (--all: all)."


def _list(names: Iterable[str], most: int = 6) -> str:
    ordered = sorted(names)
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + rest
