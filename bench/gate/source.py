"""What the names of a module stand for and reach, read from its source text.

The question is what a function can notice. A name is what the statements say that bind it or write
to what it holds; it reaches the names that they use, those of neighbouring modules included. Code
of a module that binds no name belongs to every function, as does what the module's neighbours run
when they are imported. Layout, comments, docstrings and annotations are no part of anything, but
in the body of a class, where annotations make fields.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

LOOSE = "code at module level"
PACKAGES = "the packages that are imported"
ORDER = "the order of statements"
Part = tuple[str, str]
"""A module, by its dotted name within `impls`, and a name in it."""

_PACKAGE = ""
_REFLECTIVE = frozenset(("globals", "locals", "vars", "eval", "exec", "__import__"))
"""What finds names that are written nowhere."""
_SETTERS = frozenset(("setattr", "delattr", "exec", "eval"))
_SETTING = re.compile("set|seed|enable|disable|install|patch|register|update|__set")
_WRITING = re.compile(
    f"append|extend|insert|add|pop|clear|remove|discard|sort|reverse|fill|put|{_SETTING.pattern}"
)
"""How functions of a package begin that change how it works, methods that write to an object."""


class Tree:
    """An `impls` folder, each module of which is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, Source | None] = {}

    def source(self, module: str) -> Source | None:
        """A module by its dotted name; None where there is none.

        Raises SyntaxError, with the file's name, where it is no Python.
        """
        if module not in self._read:
            path = self.folder.joinpath(*module.split("."))
            files = [path.with_name(f"{path.name}.py")] * bool(module) + [path / "__init__.py"]
            found = next((file for file in files if file.is_file()), None)
            self._read[module] = Source(self, module, found) if found else None
        return self._read[module]


class Source:
    """One module of a tree: its top-level names, and what each reaches."""

    def __init__(self, tree: Tree, module: str, path: Path) -> None:
        self._tree, self.module = tree, module
        inside = path.name == "__init__.py"
        self._package = module.split(".")[: None if inside else -1] if module else []
        self._statements = [_bare(each) for line in _parsed(path) for each in _one_name(line)]
        self._bound: dict[str, list[ast.stmt]] = {}
        for node in self._statements:
            for name in _bound(node):
                _add(self._bound, name, node)
        self._normal: dict[str, str] = {}

    @cached_property
    def functions(self) -> frozenset[str]:
        """Functions that stand for a form: public ones."""
        return frozenset(
            node.name
            for node in self._statements
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        )

    def own(self, name: str) -> str:
        """The normal form of a name's statements, empty where there is none."""
        if name not in self._normal:
            self._normal[name] = "\n".join(map(ast.dump, self._nodes.get(name, ())))
        return self._normal[name]

    def reached(self, name: str) -> dict[Part, str]:
        """Every part that a name reaches, itself included, with its normal form."""
        found: dict[Part, str] = {}
        met: dict[Source, set[str]] = {}
        waiting = [(self, name), *self._at_import]
        while waiting:
            source, each = waiting.pop()
            if (source.module, each) in found or each not in source._nodes:
                continue
            found[source.module, each] = source.own(each)
            met.setdefault(source, set()).add(each)
            for node in source._nodes[each]:
                waiting += source._used(node)
        for source, names in met.items():
            found |= source._order(names)
        return found

    @cached_property
    def _at_import(self) -> list[tuple[Source, str]]:
        """What runs when this module is imported, whatever of it is used."""
        package = self._tree.source(_PACKAGE)
        waiting, met = [self, *[package] * bool(package)], dict.fromkeys([self])
        while waiting:
            source = waiting.pop()
            assert source is not None
            met[source] = None
            named = (each for node in source._statements for each in source._used(node))
            waiting += {each: None for each, _ in named if each not in met}
        loose = [(source, name) for source in met for name in (LOOSE, PACKAGES)]
        return loose + ([(package, name) for name in package._nodes] if package else [])

    def _order(self, names: set[str]) -> dict[Part, str]:
        """The order of some names' statements, where one of them is more than a definition."""
        names = names - {PACKAGES}
        if LOOSE not in names and all(len(self._nodes[name]) == 1 for name in names):
            return {}
        wanted = {id(node): name for name in sorted(names) for node in self._nodes[name]}
        order = [wanted[id(node)] for node in self._statements if id(node) in wanted]
        return {(self.module, ORDER): " ".join(order)}

    def _used(self, node: ast.AST) -> Iterator[tuple[Source, str]]:
        for each in ast.walk(node):
            if isinstance(each, ast.ImportFrom) and each.level:
                yield from self._imported(each)
            if isinstance(each, ast.Name) and each.id in self._bound:
                yield self, each.id
            elif isinstance(each, ast.Name) and each.id in _REFLECTIVE:
                yield from ((self, name) for name in self._bound)

    def _imported(self, node: ast.ImportFrom) -> Iterator[tuple[Source, str]]:
        """The names that come from a neighbour; all of it where it is imported as a whole."""
        above = self._package[: len(self._package) + 1 - node.level]
        path = [*above, *(node.module or "").split(".")] if node.module else above
        for end in range(len(above) + 1, len(path)):
            yield from self._whole(path[:end])
        source = self._tree.source(".".join(path))
        for alias in node.names:
            yield from self._whole([*path, alias.name])
            if source and alias.name in source._bound:
                yield source, alias.name
            else:
                yield from self._whole(path)

    def _whole(self, path: list[str]) -> Iterator[tuple[Source, str]]:
        source = self._tree.source(".".join(path)) if "*" not in path else None
        return ((source, name) for name in source._bound) if source else iter(())

    @cached_property
    def _nodes(self) -> dict[str, list[ast.stmt]]:
        """The statements that belong to each name: those that bind it or may write to it.

        A statement writes itself, or by the functions that it runs at import, a decorator say.
        What may write to a package or a neighbour belongs to every function.
        """
        nodes = {name: list(each) for name, each in self._bound.items()}
        others = self._others
        for node in self._statements:
            runs, defines = _run_at_import(node), _is_definition(node)
            direct = self._written([node] if defines else runs)
            direct -= others if defines else set()
            for name in direct | self._writes(self._names(runs), set()):
                _add(nodes, LOOSE if name in others else name, node)
        for name in sorted(set(_packages(self._statements))):
            _add(nodes, PACKAGES, ast.Import([ast.alias(name)]))
        return nodes

    def _writes(self, names: list[str], met: set[tuple[Source, str]]) -> set[str]:
        """The names to which what some names stand for may write when it runs."""
        found: set[str] = set()
        while names:
            name = names.pop()
            nodes = [] if (self, name) in met else self._bound[name]
            met.add((self, name))
            for node in nodes:
                if _is_import(node):
                    inner = list(self._used(node))
                    found |= {name for source, each in inner if source._writes([each], met)}
                else:
                    found |= self._written([node])
                    names += self._names([node])
        return found

    @cached_property
    def _others(self) -> set[str]:
        """The names of packages and neighbours, and of what comes from them."""
        return {name for name, nodes in self._bound.items() if all(map(_is_import, nodes))}

    def _written(self, nodes: Iterable[ast.AST]) -> set[str]:
        """The names of this module to whose contents some code may write."""
        walked = (each for node in nodes for each in ast.walk(node))
        found = {name for each in walked for name in _written(each, self._others)}
        return found & self._bound.keys()

    def _names(self, nodes: Iterable[ast.AST]) -> list[str]:
        walked = (each for node in nodes for each in ast.walk(node))
        names = (each.id for each in walked if isinstance(each, ast.Name))
        return [name for name in names if name in self._bound]


def _add(nodes: dict[str, list[ast.stmt]], name: str, node: ast.stmt) -> None:
    mine = nodes.setdefault(name, [])
    if node not in mine:
        mine.append(node)


def _parsed(path: Path) -> list[ast.stmt]:
    """The statements of a file. Raises SyntaxError for every way in which it is no Python."""
    try:
        return ast.parse(path.read_bytes(), path.name).body
    except (SyntaxError, ValueError) as error:  # null bytes are the one or the other
        line = getattr(error, "lineno", None) or 1
        raise SyntaxError(str(error), (path.name, line, 0, "")) from None


def _one_name(node: ast.stmt) -> list[ast.stmt]:
    """An import of several names as one import a name, any other statement as it is."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [node]


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a top-level statement binds; LOOSE for one of which nobody can say."""
    inner = list(_bound_inside(node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name, *inner]
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
        return [LOOSE if name == "*" else name for name in names]
    if isinstance(node, ast.Assign):
        walked = [each for target in node.targets for each in ast.walk(target)]
        plain = all(isinstance(each, ast.Name | ast.Tuple | ast.expr_context) for each in walked)
        names = [each.id for each in walked if isinstance(each, ast.Name)]
        return [*names, *inner] if plain else [LOOSE]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []
    return [] if isinstance(node, ast.AnnAssign | ast.Pass) else [LOOSE]


def _bound_inside(node: ast.stmt) -> Iterator[str]:
    """Names that an expression may bind with :=, or a function with `global`."""
    for each in ast.walk(node):
        if isinstance(each, ast.NamedExpr):
            yield each.target.id
        elif isinstance(each, ast.Global):
            yield from each.names


def _packages(statements: list[ast.stmt]) -> Iterator[str]:
    """The packages that are not Python's own: one more may change what the others do."""
    for node in (each for statement in statements for each in ast.walk(statement)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names if _foreign(alias))
        elif isinstance(node, ast.ImportFrom) and not node.level and _foreign(node):
            yield str(node.module).partition(".")[0]


def _foreign(node: ast.alias | ast.ImportFrom) -> bool:
    name = node.name if isinstance(node, ast.alias) else node.module
    return str(name).partition(".")[0] not in sys.stdlib_module_names


def _run_at_import(node: ast.stmt) -> list[ast.AST]:
    """The parts of a top-level statement that run when its module is imported."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return [*node.decorator_list, *defaults]
    if isinstance(node, ast.ClassDef):
        body = [part for each in node.body for part in _run_at_import(each)]
        return [*node.decorator_list, *node.bases, *node.keywords, *body]
    return [] if _is_import(node) else [node]


def _written(node: ast.AST, packages: set[str]) -> list[str]:
    """The names that one node of a syntax tree, without its children, may write to."""
    if isinstance(node, ast.Subscript | ast.Attribute):
        return [] if isinstance(node.ctx, ast.Load) else [_root(node)]
    if isinstance(node, ast.AugAssign):
        return [_root(node.target)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        root = _root(node.func)
        begins = _SETTING if root in packages else _WRITING
        return [root] if begins.match(node.func.attr) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return [_root(each) for each in node.args] if node.func.id in _SETTERS else []
    return []


def _root(node: ast.AST) -> str:
    """The name that an expression of dots and brackets begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bare(node: ast.stmt) -> ast.stmt:
    [statement] = ast.parse(ast.unparse(node)).body
    found: ast.stmt = _Bare().visit(statement)
    return found


class _Bare(ast.NodeTransformer):
    """Without docstrings and annotations, but for those in the body of a class."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        fields = {i: each for i, each in enumerate(node.body) if isinstance(each, ast.AnnAssign)}
        node.body = [ast.Pass() if i in fields else each for i, each in enumerate(node.body)]
        found = self._without_docstring(node)
        node.body += fields.values()
        return found

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            node.annotation = ast.Constant(None)
            return node
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _without_docstring(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)
