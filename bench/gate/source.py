"""The code that a name of a module of `impls/` depends on, read from the source text.

A name depends on the statements that bind it, and on the names in them, in its module and in the
neighbours that the module imports. Every function depends on code that binds no name, or that may
write to something outside itself. Layout, comments, docstrings and annotations do not count, except
in the body of a class, where annotations make fields.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path

LOOSE = "code at module level"
PACKAGES = "the packages that are imported"
ORDER = "the order of statements"
_REFLECTIVE = frozenset(("globals", "locals", "vars", "eval", "exec", "__import__"))
"""The functions that look up names which are not written down."""
_SETTERS = frozenset(("setattr", "delattr", "exec", "eval"))
_SETTING = re.compile("set|seed|enable|disable|install|patch|register|update|__set")
_WRITING = re.compile(
    f"append|extend|insert|add|pop|clear|remove|discard|sort|reverse|fill|put|{_SETTING.pattern}"
)
"""The prefixes of functions that configure a package, and of methods that write."""

_Name = tuple["Module", str]
Forms = dict[tuple[str, str], str]
"""The normal forms of what a name depends on, by module and name."""


class Tree(dict[str, "Module | None"]):
    """The modules of an `impls` folder by their dotted names, read once; None for no module.

    Raises SyntaxError, with the file's name, for a module that is not valid Python.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> Module | None:
        path = self._folder.joinpath(*name.split("."))
        files = [path.with_name(f"{path.name}.py")] * bool(name) + [path / "__init__.py"]
        file = next(filter(Path.is_file, files), None)
        self[name] = Module(self, name, file) if file else None
        return self[name]


class Module:
    """One module: its top-level statements, by the names that they bind."""

    def __init__(self, tree: Tree, name: str, path: Path) -> None:
        self.name, self._tree = name, tree
        inside = path.name == "__init__.py"
        self._package = name.split(".")[: None if inside else -1] if name else []
        self._statements = _statements(path)
        self._bound: dict[str, list[ast.stmt]] = {}
        for node in self._statements:
            for bound in _bound(node):
                self._bound.setdefault(bound, []).append(node)
        imports = (ast.Import, ast.ImportFrom)
        self._imported = {
            name
            for name, nodes in self._bound.items()
            if all(isinstance(node, imports) for node in nodes)
        }

    @property
    def functions(self) -> list[str]:
        """The public functions, which stand for forms."""
        defined = (node.name for node in self._statements if isinstance(node, ast.FunctionDef))
        return [name for name in defined if not name.startswith("_")]

    def reached(self, name: str) -> Forms:
        """Every name that a name depends on, itself included, and the order of their statements.

        The order counts where one of them is more than a definition.
        """
        forms: Forms = {}
        reached = _closure([(self, name), *self._at_import])
        for module in {module for module, _ in reached}:
            names = {name for owner, name in reached if owner is module}
            parts = {name: module._parts[name] for name in names & module._parts.keys()}
            forms |= {(module.name, name): module._forms[name] for name in parts}
            parts.pop(PACKAGES, None)
            if LOOSE in parts or any(len(nodes) > 1 for nodes in parts.values()):
                binding = {id(node): name for name in sorted(parts) for node in parts[name]}
                order = (binding.get(id(node), "") for node in module._statements)
                forms[module.name, ORDER] = " ".join(filter(None, order))
        return forms

    @cached_property
    def _at_import(self) -> list[_Name]:
        """The names whose code runs when the module is imported, whatever is used of it."""
        modules = [self, *filter(None, [self._tree[""]])]
        for module in modules:
            others = {other for node in module._statements for other, _ in module._used(node)}
            modules += others.difference(modules)
        return [
            *((module, name) for module in modules for name in (LOOSE, PACKAGES)),
            *(
                used
                for module in modules
                for node in module._parts.get(LOOSE, ())
                for used in module._used(node)
            ),
        ]

    @cached_property
    def _parts(self) -> dict[str, list[ast.stmt]]:
        """The statements by name, with those that act by themselves and imports of packages."""
        loose = [node for node in self._statements if LOOSE in _bound(node) or self._acts(node)]
        packages = {name for node in self._statements for name in _packages(node)}
        imports: list[ast.stmt] = [ast.Import([ast.alias(name)]) for name in sorted(packages)]
        every = {**self._bound, LOOSE: loose, PACKAGES: imports}
        return {name: nodes for name, nodes in every.items() if nodes}

    @cached_property
    def _forms(self) -> dict[str, str]:
        """The normal form of every part."""
        return {name: "\n".join(map(ast.dump, nodes)) for name, nodes in self._parts.items()}

    @cached_property
    def _uses(self) -> dict[str, set[_Name]]:
        """The names that the statements of a name use."""
        return {
            name: {used for node in nodes for used in self._used(node)}
            for name, nodes in self._bound.items()
        }

    def _acts(self, node: ast.stmt) -> bool:
        """Return whether a statement may write to something outside, by itself or at import."""
        names, runs = self._bound.keys(), _run_at_import(node)
        called = _closure((self, name) for part in runs for name in self._named(part))
        return (
            self._write([node], names - self._imported)
            or self._write(runs, names)
            or any(module._write(module._bound[name], module._bound) for module, name in called)
        )

    def _write(self, nodes: Iterable[ast.AST], names: Collection[str]) -> bool:
        """Return whether some code may write to what some names hold."""
        walked = (inner for node in nodes for inner in ast.walk(node))
        roots = (root for inner in walked for root in _written(inner, self._imported))
        return any(root == LOOSE or root in names for root in roots)

    def _named(self, node: ast.AST) -> Iterator[str]:
        names = (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
        return (name for name in names if name in self._bound)

    def _used(self, node: ast.AST) -> Iterator[_Name]:
        """The names in a statement, or all names where it looks some up by text."""
        yield from ((self, name) for name in self._named(node))
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom) and inner.level:
                yield from self._neighbours(inner)
            elif isinstance(inner, ast.Name) and inner.id in _REFLECTIVE:
                yield from ((self, name) for name in self._bound)

    def _neighbours(self, node: ast.ImportFrom) -> Iterator[_Name]:
        """The name that is imported from a neighbour; all names where the module itself is
        imported."""
        above = self._package[: len(self._package) + 1 - node.level]
        name = node.names[0].name
        path = [*above, *filter(None, (node.module or "").split(".")), name]
        for end in range(len(above), len(path) + 1):
            if module := self._tree[".".join(path[:end])]:
                alone = end == len(path) - 1 and name in module._bound
                yield from ((module, bound) for bound in ([name] if alone else module._bound))


def _closure(start: Iterable[_Name]) -> set[_Name]:
    """All names that some names depend on through their statements."""
    reached: set[_Name] = set()
    waiting = list(start)
    while waiting:
        module, name = waiting.pop()
        if (module, name) not in reached:
            reached.add((module, name))
            waiting += module._uses.get(name, ())
    return reached


# --- statements -----------------------------------------------------------------------------------


def _statements(path: Path) -> list[ast.stmt]:
    """The bare statements of a file. Raises SyntaxError for anything that is not valid Python."""
    try:
        tree = ast.parse(path.read_bytes(), path.name)
    except (SyntaxError, ValueError) as error:  # null bytes raise either
        line = getattr(error, "lineno", None) or 1
        raise SyntaxError(str(error), (path.name, line, 0, "")) from None
    return list(_Bare().visit(tree).body)


class _Bare(ast.NodeTransformer):
    """Bare statements: no docstrings, no annotations outside of classes, one import per name."""

    def visit_Import(self, node: ast.Import) -> list[ast.Import]:
        return [ast.Import([alias]) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.ImportFrom]:
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return self._without_docstring(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
        self._without_docstring(node)
        node.body += fields
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.AnnAssign(node.target, ast.Constant(None), None, node.simple)
        return self.generic_visit(ast.Assign([node.target], node.value))

    def _without_docstring(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a top-level statement binds; LOOSE where they cannot be known."""
    match node:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return [name]
        case ast.Import([alias]) | ast.ImportFrom(_, [alias]):
            name = (alias.asname or alias.name).partition(".")[0]
            return [LOOSE if name == "*" else name]
        case ast.Assign(targets):
            parts = [part for target in targets for part in ast.walk(target)]
            plain = all(isinstance(part, ast.Name | ast.Tuple | ast.expr_context) for part in parts)
            plain = plain and not any(isinstance(part, ast.NamedExpr) for part in ast.walk(node))
            return [part.id for part in parts if isinstance(part, ast.Name)] if plain else [LOOSE]
        case ast.Expr(ast.Constant()) | ast.AnnAssign() | ast.Pass():
            return []
    return [LOOSE]


def _packages(node: ast.stmt) -> Iterator[str]:
    """The imported packages outside the standard library: a package may change what others do."""
    for inner in ast.walk(node):
        match inner:
            case ast.Import([alias]):
                name = alias.name
            case ast.ImportFrom(str(name), _, 0):
                pass
            case _:
                continue
        yield from {name.partition(".")[0]} - sys.stdlib_module_names


def _run_at_import(node: ast.stmt) -> list[ast.AST]:
    """The parts of a top-level statement that run when its module is imported."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            return [*node.decorator_list, *defaults]
        case ast.ClassDef():
            body = [part for statement in node.body for part in _run_at_import(statement)]
            return [*node.decorator_list, *node.bases, *node.keywords, *body]
    return [node]


def _written(node: ast.AST, imported: set[str]) -> list[str]:
    """The names to which one node of a syntax tree may write, apart from its children."""
    match node:
        case ast.Global():
            return [LOOSE]
        case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
            return [_root(node)]
        case ast.Call(ast.Attribute(_, method) as function):
            root = _root(function)
            return [root] if (_SETTING if root in imported else _WRITING).match(method) else []
        case ast.Call(ast.Name(name), arguments) if name in _SETTERS:
            return [*map(_root, arguments)]
    return []


def _root(node: ast.AST) -> str:
    """The first name in an expression of dots and brackets."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
