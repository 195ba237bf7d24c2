"""Which functions of `impls/` differ between two trees, read from their source text.

A function is what its syntax tree says and what it reaches: the names of its module that it uses,
and theirs in turn, those imported from a neighbouring module included. Layout, comments, docstrings
and annotations of arguments are no part of it. Statements that belong to no name (a call at import,
an `if`) belong to every function of their module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import UsageError

_EVERYTHING = "Adapter"
"""What every case of a framework runs through."""
_SETTINGS = ("ENVIRONMENT", "VARIANTS")
_DESCRIPTIONS = ("TITLE", "MODES")
_LOOSE = "code at module level"
Part = tuple[str, str]
"""A module and a top-level name in it."""


@dataclass(frozen=True)
class Changes:
    """What differs between two versions of one framework's module.

    `functions` has, for each that differs, the names by which it does; `everywhere` those that
    reach every case; `settings` those of the environment that a process has from its start.
    """

    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    everywhere: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything that a case could notice differs."""
        told = (self.functions, self.new, self.gone, self.everywhere, self.settings)
        return any(map(bool, told))


def changes(base: Path, candidate: Path, framework: str) -> Changes:
    """Compare a framework's module in two `impls` folders.

    Raises UsageError where the base's is no Python; the candidate's is then said to have changed.
    """
    file = f"{framework}.py"
    if not (base / file).exists() or not (candidate / file).exists():
        return _one_sided(base / file, candidate / file)
    try:
        before = _Source(base, framework)
    except SyntaxError as error:
        raise UsageError(f"the base's impls/{file} is no Python: line {error.lineno}") from None
    try:
        after = _Source(candidate, framework)
    except SyntaxError as error:
        return Changes(everywhere=(f"impls/{file} is no Python: line {error.lineno}",))
    shared = before.functions & after.functions
    everywhere = _differing(before, after, _EVERYTHING)
    found = {name: _differing(before, after, name) for name in sorted(shared)}
    return Changes(
        functions={name: names for name, names in found.items() if names},
        new=frozenset(after.functions - before.functions),
        gone=frozenset(before.functions - after.functions),
        everywhere=everywhere,
        settings=tuple(name for name in _SETTINGS if before.own(name) != after.own(name)),
    )


def _one_sided(base: Path, candidate: Path) -> Changes:
    new = _names(candidate) if candidate.exists() else frozenset()
    gone = _names(base) if base.exists() else frozenset()
    return Changes(new=new, gone=gone)


def _names(path: Path) -> frozenset[str]:
    return _Source(path.parent, path.stem).functions


def _differing(before: _Source, after: _Source, name: str) -> tuple[str, ...]:
    """The names that a function of both trees reaches and that differ, its own first."""
    one, other = before.reached(name), after.reached(name)
    differ = [part for part in {**one, **other} if one.get(part) != other.get(part)]
    return tuple(dict.fromkeys(part[1] for part in sorted(differ, key=lambda p: p[1] != name)))


class _Source:
    """One module of a tree: its top-level names, and what each reaches."""

    def __init__(self, folder: Path, module: str) -> None:
        self._folder, self._module = folder, module
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        self._nodes: dict[str, list[ast.stmt]] = {}
        for node in (each for line in ast.parse(text).body for each in _one_name(line)):
            for name in _defined(node):
                self._nodes.setdefault(name, []).append(node)

    @cached_property
    def functions(self) -> frozenset[str]:
        """Functions that stand for a form: public ones."""
        return frozenset(
            name
            for name, nodes in self._nodes.items()
            if isinstance(nodes[-1], ast.FunctionDef) and not name.startswith("_")
        )

    def own(self, name: str) -> str:
        """The normal form of a name's definition, empty where there is none."""
        return "\n".join(map(_normal, self._nodes.get(name, ())))

    def reached(self, name: str) -> dict[Part, str]:
        """Every part that a name reaches, itself included, with its normal form."""
        found: dict[Part, str] = {}
        waiting = [(self, name), (self, _LOOSE)]
        while waiting:
            source, each = waiting.pop()
            part = (source._module, each)
            if part in found or each not in source._nodes or each in _DESCRIPTIONS:
                continue
            found[part] = source.own(each)
            for node in source._nodes[each]:
                waiting += source._used(node)
        return found

    def _used(self, node: ast.stmt) -> Iterator[tuple[_Source, str]]:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from self._imported(node)
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id in self._nodes:
                yield self, each.id

    def _imported(self, node: ast.ImportFrom) -> Iterator[tuple[_Source, str]]:
        """The names that come from a neighbour; all of it where it is imported as a whole."""
        for alias in node.names:
            module = node.module or alias.name
            if not (self._folder / f"{module}.py").exists():
                continue
            neighbour = _Source(self._folder, module)
            names = [alias.name] if node.module and alias.name != "*" else neighbour._nodes
            yield from ((neighbour, name) for name in (*names, _LOOSE))


def _one_name(node: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one import a name, any other statement as it is."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [node]


def _defined(node: ast.stmt) -> list[str]:
    """The names that a top-level statement binds; `_LOOSE` for one that binds none."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        walked = (each for target in targets for each in ast.walk(target))
        bound = [each.id for each in walked if isinstance(each, ast.Name)]
        plain = all(isinstance(target, ast.Name | ast.Tuple) for target in targets)
        return bound if plain else [_LOOSE]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []
    return [_LOOSE]


def _normal(node: ast.stmt) -> str:
    return ast.dump(_Bare().visit(ast.parse(ast.unparse(node))))


class _Bare(ast.NodeTransformer):
    """Without docstrings and annotations of arguments and results."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _without_docstring(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)
