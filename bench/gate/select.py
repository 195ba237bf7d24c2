"""The cases that a gate compares, with reasons: those that depend on a changed function, or all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalog.activations import CATALOG, find
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
from ..catalog.frameworks import names as frameworks_in
from ..host.errors import UsageError
from .changes import Changes, changes, of_plugins
from .source import LOOSE, ORDER, PACKAGES, Tree

_PLAN = Plan(with_variants, directions=("forward", "backward"), sizes=("launch", "l2"), forms=None)
PROFILE: Profile = replace(PROFILES["standard"], name="gate", plans=(_PLAN,))
"""Every form at the size of a launch and at one where arithmetic dominates, forward and backward.
"""
_ALL = "all were asked for"
"""The reason to compare what did not change."""
_OF_EVERY_FUNCTION = frozenset((LOOSE, ORDER, PACKAGES))
"""The names by which all functions differ at once."""


@dataclass(frozen=True)
class Part:
    """A form, or a mode, that only one version of a framework has: the other field is empty."""

    framework: str
    function: str = ""
    mode: str = ""
    accepted: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names that people may use for it: `gelu_textbook`, `gelu[textbook]`, `gelu`,
        `compiled`."""
        split = _split(self.function)
        names = {
            self.function,
            self.mode,
            *split[:1],
            *(["{}[{}]".format(*split)] if split else []),
        }
        return frozenset(filter(None, names))


def _split(function: str) -> tuple[str, ...]:
    """The activation and the form of a function; empty where the catalogue has none such."""
    words = function.split("_")
    parts = (("_".join(words[:at]), "_".join(words[at:])) for at in range(len(words) - 1, 0, -1))
    return next((part for part in parts if part[0] in CATALOG and part[1]), ())


@dataclass(frozen=True)
class Chosen:
    """The cases to compare, with their reasons, and notes for the report.

    `changed` are those among them whose code differs. `new` and `gone` are the parts that only one
    version has, `alone` the cases of new ones. `apart` has the frameworks whose versions cannot
    share a process, because their environment differs, or their effects on it when they are loaded.
    `evaluated_apart` has those where one version might change the other's results in a shared
    process.
    """

    cases: Mapping[Case, str]
    notes: tuple[str, ...] = ()
    changed: frozenset[Case] = frozenset()
    new: tuple[Part, ...] = ()
    gone: tuple[Part, ...] = ()
    alone: tuple[Case, ...] = ()
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
    new = [Part(name, form) for name in wanted for form in sorted(changed[name].new)]
    gone = [
        *(Part(name, form) for name in wanted for form in sorted(changed[name].gone)),
        *([] if asked.frameworks else _lost(base, wanted)),
        *(mode for name in wanted if changed[name].modes for mode in _modes(base, candidate, name)),
    ]
    return Chosen(
        cases={case: why for case, why in reasons.items() if why},
        notes=tuple(note for name in wanted for note in _notes(name, changed[name])),
        changed=frozenset(case for case, why in reasons.items() if why not in ("", _ALL)),
        new=tuple(part for part in new if _is_asked(part, asked)),
        gone=tuple(part for part in gone if _is_asked(part, asked)),
        alone=tuple(case for case in cases if function_of(case) in changed[case.framework].new),
        apart=frozenset(name for name in wanted if _cannot_share(changed[name])),
        evaluated_apart=frozenset(name for name in wanted if changed[name].everywhere),
    )


def _cannot_share(changed: Changes) -> bool:
    """Return whether the environment differs, or code that affects a whole process at import."""
    return bool(changed.settings) or LOOSE in changed.everywhere


def function_of(case: Case) -> str:
    """The function of a module of `impls/` that is the form of a case."""
    return f"{find(case.activation).name}_{case.form}"


def _lost(base: Path, known: Collection[str]) -> list[Part]:
    """The forms of modules that only the base has."""
    tree = Tree(base)
    modules = (tree[name] for name in frameworks_in(base) if name not in known)
    return [Part(module.name, form) for module in modules if module for form in module.functions]


def _modes(base: Path, candidate: Path, name: str) -> list[Part]:
    """The modes that only the base's version of a framework has."""
    before, after = (frameworks(folder).get(name) for folder in (base, candidate))
    if not before or not after:
        return []
    return [Part(name, mode=mode) for mode in before.modes if mode not in after.modes]


def _is_asked(part: Part, asked: Selection) -> bool:
    """Return whether a selection contains a part."""
    if part.mode:
        return not asked.modes or part.mode in asked.modes
    split = _split(part.function)
    activation, form = split or ("", "")
    labels = {find(label).name for label in asked.activations}
    return (not labels or activation in labels) and (not asked.forms or form in asked.forms)


def _reason(case: Case, changed: Changes, asked: Selection, everything: bool) -> str:
    """The reason why a case is compared; empty where it need not be."""
    function = function_of(case)
    if function in changed.new | changed.gone:
        return ""
    differing = changed.functions.get(function, ())
    if not _OF_EVERY_FUNCTION.issuperset(differing):
        names = [name for name in differing if name != function]
        through = f"through {', '.join(names)}" if names else ""
        own = "changed" if function in differing else ""
        return " and ".join(filter(None, (own, through)))
    if everything:
        return _ALL
    reaching = (*changed.everywhere, *changed.settings)
    if reaching and _stands_for_all(case, asked):
        return f"{', '.join(reaching)} reaches every case"
    return ""


def _stands_for_all(case: Case, asked: Selection) -> bool:
    """Return whether a case is compared after a change of everything: plain and chosen forms."""
    plain = plain_form(find(case.activation), frameworks()[case.framework])
    return bool(asked.forms) or case.form == plain


def _notes(name: str, changed: Changes) -> Iterable[str]:
    title = frameworks()[name].title
    if changed.modes:
        yield f"{title}: MODES differs; the modes of the working tree are compared."
    if _cannot_share(changed):
        names = ", ".join(changed.settings) or LOOSE
        yield f"{title}: {names} differs; the versions run in separate processes."
    if changed.everywhere or changed.settings:
        names = ", ".join((*changed.everywhere, *changed.settings))
        yield f"{title}: {names} reaches every case; the plain forms are compared (--all: all)."
