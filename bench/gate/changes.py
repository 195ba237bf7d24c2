"""The functions of `impls/` that differ between two trees, by what they depend on (`source`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..catalog import plugins
from ..host.errors import UsageError
from .source import Forms, Tree

_EVERYTHING = "Adapter"
"""The name that every case of a framework depends on."""
_SETTINGS = ("ENVIRONMENT", "VARIANTS")


@dataclass(frozen=True)
class Changes:
    """The differences between two versions of one framework's module.

    `functions` maps every differing function to the names by which it differs; `everywhere` has the
    names that every case depends on; `settings` those of the environment of a process from its
    start; `modes` says whether the modes differ.
    """

    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    everywhere: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    modes: bool = False

    def beside(self, other: Changes) -> Changes:
        """These changes of functions together with others."""
        functions = {**self.functions, **other.functions}
        new, gone = self.new | other.new, self.gone | other.gone
        return replace(self, functions=functions, new=new, gone=gone)


def changes(base: Path, candidate: Path, framework: str) -> Changes:
    """Compare a framework's module in two `impls` folders.

    Raises UsageError where the base's is not valid Python; where the candidate's is not, every case
    counts as changed.
    """
    try:
        old = _read(base, framework)
    except SyntaxError as error:
        raise UsageError(f"the base's {_invalid(error)}") from None
    try:
        new = _read(candidate, framework)
    except SyntaxError as error:
        return Changes(everywhere=(_invalid(error),))
    before, after = (set(forms) - {_EVERYTHING, *_SETTINGS, "MODES"} for forms in (old, new))
    if not old or not new:
        return Changes(new=frozenset(after), gone=frozenset(before))
    differing = {name: _differing(old[name], new[name], name) for name in old.keys() & new.keys()}
    return Changes(
        functions={name: differing[name] for name in sorted(before & after) if differing[name]},
        new=frozenset(after - before),
        gone=frozenset(before - after),
        everywhere=differing[_EVERYTHING],
        settings=tuple(name for name in _SETTINGS if name in differing[name]),
        modes="MODES" in differing["MODES"],
    )


def of_plugins(base: Path, framework: str) -> Changes:
    """The functions of plug-ins whose file differs in the tree `base`."""
    functions: dict[str, tuple[str, ...]] = {}
    new: set[str] = set()
    gone: set[str] = set()
    for place, path in enumerate(plugins.paths()):
        kept = plugins.version(base, place, path)
        if kept.exists() and kept.read_bytes() != Path(path).read_bytes():
            had = plugins.load(str(kept)).functions(framework)
            has = plugins.load(path).functions(framework)
            gone.update(set(had).difference(has))
            for name in has:
                if name in had:
                    functions[name] = (Path(path).name,)
                else:
                    new.add(name)
    return Changes(functions, frozenset(new), frozenset(gone))


def _read(folder: Path, framework: str) -> dict[str, Forms]:
    """Map every name that the gate asks for to what it depends on; empty without such a module."""
    module = Tree(folder)[framework]
    if module is None:
        return {}
    asked = (*module.functions, _EVERYTHING, *_SETTINGS, "MODES")
    return {name: module.reached(name) for name in asked}


def _invalid(error: SyntaxError) -> str:
    return f"impls/{error.filename} is not valid Python: line {error.lineno}"


def _differing(before: Forms, after: Forms, name: str) -> tuple[str, ...]:
    """The names among the dependencies that differ, a function's own first."""
    parts = [part for part in {**before, **after} if before.get(part) != after.get(part)]
    return tuple(dict.fromkeys(part[1] for part in sorted(parts, key=lambda part: part[1] != name)))
