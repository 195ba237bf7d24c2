"""Which cases a gate compares, and why: those that a changed function reaches, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..cases import PROFILES, Case, Plan, Profile, Selection, expand, plain_form, unsupported
from ..catalog import CATALOG, find
from ..frameworks import frameworks
from .changes import Changes, changes

_PLAN = Plan(tuple(CATALOG), directions=("forward", "backward"), sizes=("launch", "l2"), forms=None)
PROFILE: Profile = replace(PROFILES["standard"], name="gate", plans=(_PLAN,))
"""Every form at the size of a launch and where arithmetic decides, forward and backward."""


@dataclass(frozen=True)
class Chosen:
    """What is compared: cases with the reason of each, and what there is to say besides.

    `apart` has the frameworks whose environment differs, so that both versions cannot share a
    process.
    """

    cases: Mapping[Case, str]
    notes: tuple[str, ...] = ()
    apart: frozenset[str] = frozenset()


def choose(base: Path, candidate: Path, selection: Selection, everything: bool) -> Chosen:
    """The cases of a selection that can differ between two `impls` folders, or all of them.

    Raises UsageError for unknown names.
    """
    asked = selection.checked()
    wanted = asked.frameworks or tuple(frameworks())
    found = {name: changes(base, candidate, name) for name in wanted}
    cases = [case for case in expand(PROFILE, asked) if not unsupported(case)]
    reasons = {case: _reason(case, found[case.framework], asked, everything) for case in cases}
    return Chosen(
        cases={case: why for case, why in reasons.items() if why},
        notes=tuple(note for name in wanted for note in _notes(name, found[name])),
        apart=frozenset(name for name in wanted if found[name].settings),
    )


def _reason(case: Case, found: Changes, asked: Selection, everything: bool) -> str:
    """Why a case is compared; empty where it need not be."""
    function = f"{find(case.activation).name}_{case.form}"
    if function in found.new | found.gone:
        return ""
    if function in found.functions:
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
    """Of a change that reaches everything the plain forms tell, unless forms were chosen."""
    plain = plain_form(find(case.activation), frameworks()[case.framework])
    return bool(asked.forms) or case.form == plain


def _notes(name: str, found: Changes) -> Iterable[str]:
    title = frameworks()[name].title
    if found.new:
        yield f"{title}: new, so without a base: {_list(found.new)}."
    if found.gone:
        yield f"{title}: gone, so that nothing of them is compared: {_list(found.gone)}."
    if found.settings:
        names = ", ".join(found.settings)
        yield f"{title}: {names} differs; each version has processes of its own."
    if found.everywhere or found.settings:
        names = ", ".join((*found.everywhere, *found.settings))
        yield f"{title}: {names} reaches every case; its plain forms are compared (--all: all)."


def _list(names: Iterable[str], most: int = 6) -> str:
    ordered = sorted(names)
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + rest
