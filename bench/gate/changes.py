"""Which functions of `impls/` differ between two trees, read from their source text (`source`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..host.errors import UsageError
from .source import Part, Source, Tree

_EVERYTHING = "Adapter"
"""What every case of a framework runs through."""
_SETTINGS = ("ENVIRONMENT", "VARIANTS")


@dataclass(frozen=True)
class Changes:
    """What differs between two versions of one framework's module.

    `functions` has, for each that differs, the names by which it does; `everywhere` those that
    reach every case; `settings` those of the environment that a process has from its start;
    `modes` says whether the modes differ.
    """

    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    everywhere: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    modes: bool = False


def changes(base: Path, candidate: Path, framework: str) -> Changes:
    """Compare a framework's module in two `impls` folders.

    Raises UsageError where the base's is no Python; the candidate's is then said to have changed.
    """
    try:
        before = Tree(base).source(framework)
        before_all = _reached(before)
    except SyntaxError as error:
        raise UsageError(f"the base's {_place(error)}") from None
    try:
        after = Tree(candidate).source(framework)
        after_all = _reached(after)
    except SyntaxError as error:
        return Changes(everywhere=(_place(error),))
    if before is None or after is None:
        return Changes(new=frozenset(after_all), gone=frozenset(before_all))
    adapters = before.reached(_EVERYTHING), after.reached(_EVERYTHING)
    shared = sorted(before.functions & after.functions)
    found = {name: _differing(before_all[name], after_all[name], name) for name in shared}
    return Changes(
        functions={name: names for name, names in found.items() if names},
        new=after.functions - before.functions,
        gone=before.functions - after.functions,
        everywhere=_differing(*adapters, _EVERYTHING),
        settings=tuple(name for name in _SETTINGS if before.own(name) != after.own(name)),
        modes=before.own("MODES") != after.own("MODES"),
    )


def _reached(source: Source | None) -> dict[str, dict[Part, str]]:
    """What each function of a module reaches. Raises SyntaxError where some of it is no Python."""
    return {name: source.reached(name) for name in source.functions} if source else {}


def _place(error: SyntaxError) -> str:
    return f"impls/{error.filename} is no Python: line {error.lineno}"


def _differing(one: dict[Part, str], other: dict[Part, str], name: str) -> tuple[str, ...]:
    """The names among what is reached that differ, a function's own first."""
    differ = [part for part in {**one, **other} if one.get(part) != other.get(part)]
    return tuple(dict.fromkeys(part[1] for part in sorted(differ, key=lambda p: p[1] != name)))
