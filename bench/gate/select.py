"""Which cases a gate compares, and why: those that a changed function reaches, or all."""

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
from .changes import Changes, changes
from .source import LOOSE, ORDER, PACKAGES

_PLAN = Plan(
    with_variants(), directions=("forward", "backward"), sizes=("launch", "l2"), forms=None
)
PROFILE: Profile = replace(PROFILES["standard"], name="gate", plans=(_PLAN,))
"""Every form at the size of a launch and where arithmetic decides, forward and backward."""
_OF_EVERY_FUNCTION = frozenset((LOOSE, ORDER, PACKAGES))
"""Names by which all functions differ at once."""


@dataclass(frozen=True)
class Chosen:
    """What is compared: cases with the reason of each, and what there is to say besides.

    `apart` has the frameworks whose versions cannot share a process, because their environment
    differs, or what they do to it when they are loaded. `evaluated_apart` has those of which one
    version might change the other's results, if they shared one.
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
    found = {name: changes(base, candidate, name) for name in wanted}
    cases = [case for case in expand(PROFILE, asked) if not unsupported(case)]
    if not cases:
        raise UsageError("nothing to compare: no framework has what was chosen")
    reasons = {case: _reason(case, found[case.framework], asked, everything) for case in cases}
    lost = () if asked.frameworks else _lost(base)
    return Chosen(
        cases={case: why for case, why in reasons.items() if why},
        notes=(*lost, *(note for name in wanted for note in _notes(name, found[name]))),
        apart=frozenset(name for name in wanted if found[name].settings or _is_loose(found[name])),
        evaluated_apart=frozenset(name for name in wanted if found[name].everywhere),
    )


def _is_loose(found: Changes) -> bool:
    """Whether code differs that runs when a module is loaded, for all of its process."""
    return LOOSE in found.everywhere


def _lost(base: Path) -> Iterable[str]:
    """Say which modules the base alone has."""
    names = {path.stem for path in base.glob("[!_]*.py")} - set(frameworks())
    return tuple(
        f"impls/{name}.py is gone, so that nothing of it is compared." for name in sorted(names)
    )


def _reason(case: Case, found: Changes, asked: Selection, everything: bool) -> str:
    """Say why a case is compared; nothing where it need not be."""
    function = f"{find(case.activation).name}_{case.form}"
    if function in found.new | found.gone:
        return ""
    if not _OF_EVERY_FUNCTION.issuperset(found.functions.get(function, ())):
        names = [name for name in found.functions[function] if name != function]
        through = f"through {', '.join(names)}" if names else ""
        own = "changed" if function in found.functions[function] else ""
        return " and ".join(filter(None, (own, through)))
    if everything:
        return "all were asked for"
    reaching = (*found.everywhere, *found.settings)
    if reaching and _stands_for_all(case, asked):
        return f"{', '.join(reaching)} reaches every case"
    return ""


def _stands_for_all(case: Case, asked: Selection) -> bool:
    """Of a change that reaches everything the plain forms are enough, unless forms were chosen."""
    plain = plain_form(find(case.activation), frameworks()[case.framework])
    return bool(asked.forms) or case.form == plain


def _notes(name: str, found: Changes) -> Iterable[str]:
    title = frameworks()[name].title
    if found.new:
        yield f"{title}: new, so without a base: {_list(found.new)}."
    if found.gone:
        yield f"{title}: gone, so that nothing of them is compared: {_list(found.gone)}."
    if found.modes:
        yield f"{title}: MODES differs; the modes of the working tree are compared."
    if found.settings:
        names = ", ".join(found.settings)
        yield f"{title}: {names} differs; each version has processes of its own."
    elif _is_loose(found):
        yield f"{title}: {LOOSE} differs; each version has processes of its own."
    if found.everywhere or found.settings:
        names = ", ".join((*found.everywhere, *found.settings))
        yield f"{title}: {names} reaches every case; its plain forms are compared (--all: all)."


def _list(names: Iterable[str], most: int = 6) -> str:
    ordered = sorted(names)
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + rest
