"""Three lines that show a wrong value without this project: the form's own source, on one input.

The form is read from the text of `impls/`, and no framework is imported. The framework's own steps
(how a tensor is made, compiled, differentiated) are the `SCRIPT` of its module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from ..catalog.activations import find
from ..catalog.cases import Case
from ..catalog.frameworks import IMPLS, Script, frameworks
from ..words import short_hex

_COPIES = 1024
"""The elements of the tensor: enough for the vector body of a kernel, which the sweep runs too."""


class NotAlone(Exception):
    """A form that three lines cannot hold; the text says why."""


def differentiates(framework: str) -> bool:
    """Return whether a framework computes gradients itself; one without a script does."""
    known = frameworks().get(framework)
    return known is None or known.differentiates


def _script_of(framework: str) -> Script | None:
    return frameworks()[framework].script if framework in frameworks() else None


def script(case: Case, place: str) -> str:
    """Three lines of Python that print what `case` returns at an input, a hex float.

    They print one float: the value, or the derivative in the input. Raises NotAlone, with the
    reason, for a form that three lines cannot hold.
    """
    written = _script_of(case.framework)
    if written is None or case.device != "cpu":
        raise NotAlone(f"how {case.framework} makes a tensor on {case.device} is not written down")
    if not re.fullmatch(_HEX, place):
        raise NotAlone("its input is a whole row, or none was kept")
    activation = find(case.activation)
    if activation.learnable:
        raise NotAlone(f"{activation.name} has a learned parameter")
    source = _source(case.framework)
    form = source.form(f"{activation.name}_{case.form}")
    parameters = {name: activation.parameters[name] for name in activation.changed}
    carried = written.slope and case.direction != "forward"
    define = (source.slope if carried else source.define)(form, written, parameters)
    call = _call(written, case, place)
    setup = written.float64 if case.dtype == "float64" else ""
    first = "; ".join(filter(None, (source.imports(define, call, setup), setup)))
    return f"{first}\n{define}\n{call}"


def _call(written: Script, case: Case, place: str) -> str:
    """The third line: the form on a tensor of one input, printed."""
    backward = case.direction != "forward" and written.gradient
    template = written.gradient if backward else written.call
    value = f'float.fromhex("{short_hex(place)}")'
    return template.format(
        f=written.compiled.format(f="f") if case.mode == "compiled" else "f",
        tensor=written.tensor.format(copies=_COPIES, input=value, dtype=case.dtype),
    )


_HEX = r"[+-]?(0x[0-9a-f]+(\.[0-9a-f]*)?p[+-]?\d+|inf|nan)"


@cache
def _source(framework: str, folder: Path = IMPLS) -> _Source:
    return _Source(ast.parse((folder / f"{framework}.py").read_text(encoding="utf-8")).body)


class _Source:
    """A module of `impls/` as a tree: its imports, constants and functions by name."""

    def __init__(self, body: list[ast.stmt]) -> None:
        self._functions = {
            statement.name: statement
            for statement in body
            if isinstance(statement, ast.FunctionDef)
        }
        self._constants = {
            statement.targets[0].id: statement.value
            for statement in body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        }
        self._imported = dict(_imported(body))
        self._own = {*self._functions, *self._constants, *_from_neighbours(body)}

    def form(self, name: str) -> ast.FunctionDef:
        """The function of a form. Raises NotAlone if the module does not define it."""
        if name not in self._functions:
            raise NotAlone(f"{name} is not among the forms of impls/")
        return self._functions[name]

    def define(
        self, form: ast.FunctionDef, written: Script, parameters: Mapping[str, float | int | bool]
    ) -> str:
        """A form as one line, `def f(x, …): …`, with the case's parameters as its defaults."""
        for decorator in map(_decorator, form.decorator_list):
            if decorator not in (written.slope, written.beside):
                raise NotAlone(f"it rests on the decorator {decorator}")
        body = [statement for statement in form.body if not _is_guard(statement)]
        if not all(isinstance(statement, ast.Assign | ast.Return) for statement in body):
            raise NotAlone("it takes more than assignments")
        lines = "; ".join(self._written(statement, form) for statement in body)
        return f"def f({_signature(form.args, parameters)}): {lines}"

    def slope(
        self, form: ast.FunctionDef, written: Script, parameters: Mapping[str, float | int | bool]
    ) -> str:
        """The derivative that a form carries in its decorator, as a line of the same kind."""
        held = [decorator for decorator in form.decorator_list if isinstance(decorator, ast.Call)]
        if [_decorator(decorator) for decorator in held] != [written.slope]:
            raise NotAlone("its derivative is not one formula")
        derivative = held[0].args[0]
        if not isinstance(derivative, ast.Lambda):
            raise NotAlone(f"it rests on {ast.unparse(derivative)}")
        body = self._written(derivative.body, derivative)
        return f"def f({_signature(derivative.args, parameters)}): return {body}"

    def _written(self, node: ast.AST, form: ast.FunctionDef | ast.Lambda) -> str:
        """Code with the module's constants inlined. Raises NotAlone where it needs more."""
        whole = _Inline(self._constants).visit(ast.parse(ast.unparse(node)))
        known = {*_bound(form), *self._imported}
        for name in _names(whole):
            if name not in known and name in self._own:
                raise NotAlone(f"it rests on {name}")
        return ast.unparse(whole)

    def imports(self, *lines: str) -> str:
        """The first line: the imports that the other lines need."""
        used = dict.fromkeys(name for line in lines for name in _names(ast.parse(line)))
        needed = [self._imported[name] for name in used if name in self._imported]
        return "; ".join(
            sorted(needed, key=lambda statement: (statement.startswith("from"), statement))
        )


class _Inline(ast.NodeTransformer):
    """A transformer that inlines a module's constants, except tables."""

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._constants.get(node.id)
        plain = isinstance(value, ast.Constant | ast.Call | ast.BinOp)
        return value if plain and value is not None else node


def _imported(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Each name that a module imports from elsewhere, with a statement that imports it alone."""
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or _is_relative(node):
            continue
        for alias in node.names:
            alone = (
                ast.Import([alias])
                if isinstance(node, ast.Import)
                else ast.ImportFrom(node.module, [alias], node.level)
            )
            yield alias.asname or alias.name, ast.unparse(alone)


def _from_neighbours(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ImportFrom) and _is_relative(node):
            yield from (alias.asname or alias.name for alias in node.names)


def _is_relative(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _signature(arguments: ast.arguments, parameters: Mapping[str, float | int | bool]) -> str:
    """`x, alpha=0.01`, with the case's values in place of the defaults."""
    every = _arguments(arguments)
    defaults = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
    given = {
        name: ast.unparse(value)
        for name, value in zip(every[len(every) - len(defaults) :], defaults, strict=True)
    }
    given |= {name: repr(value) for name, value in parameters.items()}
    return ", ".join(f"{name}={given[name]}" if name in given else name for name in every)


def _arguments(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]


def _decorator(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _is_guard(node: ast.stmt) -> bool:
    """Return whether a statement is a docstring, or a branch that only raises."""
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    refusal = isinstance(node, ast.If) and all(
        isinstance(statement, ast.Raise) for statement in node.body
    )
    return words or (refusal and not getattr(node, "orelse", []))


def _names(tree: ast.AST) -> list[str]:
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _bound(form: ast.FunctionDef | ast.Lambda) -> set[str]:
    """The names that a function binds itself."""
    stored = {
        node.id
        for node in ast.walk(form)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | set(_arguments(form.args))
