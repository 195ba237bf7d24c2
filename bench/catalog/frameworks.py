"""The contents of `impls/`, read from its source text: the parent never imports a framework."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..host.errors import UsageError

_NEEDED = ("TITLE", "MODES", "ENVIRONMENT")
_CONSTANTS = (*_NEEDED, "VARIANTS", "COMPILES", "EMULATED", "LAYOUTS", "SCRIPT", "PACKAGES")
IMPLS = Path(__file__).resolve().parents[2] / "impls"


@dataclass(frozen=True)
class Script:
    """Templates of the lines that show a form in a framework without this project.

    `tensor` makes {copies} of {input} in {dtype}; `call` runs {f} on it and prints one element,
    `gradient` the same for its derivative; `compiled` turns {f} into its compiled version;
    `float64` is what that format needs beforehand. Imports are those of the framework's module.
    Among a form's decorators, `slope` holds its derivative, where the framework has no `gradient`,
    and `beside` adds something that the script leaves out.
    """

    tensor: str
    compiled: str = "{f}"
    call: str = "print(float({f}({tensor})[0]))"
    gradient: str = ""
    float64: str = ""
    slope: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Framework:
    """A module of `impls/`, as its text describes it: see `impls/_adapter.py`.

    `compiles` are the modes whose code a compiler generates in the process; `emulated` holds, by
    machine, the variables under which its code also runs in valgrind; `layouts` are those that its
    arrays may have besides the usual one; `packages` are those whose functions take its arrays.

    A framework may also be a user's function beside the forms of another one. Then `callable` is
    its address, `package.module:function`, and the name of its form; `arrays` is the module of
    `impls/` whose arrays it takes, of `dims` dimensions if it accepts no others; `activation` is
    the one that it implements, and `reference_gradient` the address of that one's derivative, if it
    is a function too; `gradient` is the address of its own derivative, if nothing differentiates
    it; `beside` is the address of a second function to compare it with; `folders` are further
    places where a process looks for both.
    """

    name: str
    title: str
    modes: tuple[str, ...]
    functions: frozenset[str]
    environment: Mapping[str, str]
    variants: Mapping[str, Mapping[str, str]]
    compiles: tuple[str, ...] = ("compiled",)
    emulated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layouts: tuple[str, ...] = ()
    script: Script | None = None
    packages: tuple[str, ...] = ()
    callable: str = ""
    arrays: str = ""
    activation: str = ""
    gradient: str = ""
    dims: int = 0
    beside: str = ""
    folders: tuple[str, ...] = ()
    reference_gradient: str = ""

    @property
    def module(self) -> str:
        """The module of `impls/` that holds its adapter."""
        return self.arrays or self.name

    @property
    def differentiates(self) -> bool:
        """Return whether it computes gradients itself; a framework without a script does."""
        return self.script is None or bool(self.script.gradient)

    def has_gradient(self, form: str) -> bool:
        """Return whether a form has a gradient, from the framework or of its own."""
        return not self.owns(form) or self.differentiates or bool(self.gradient)

    def owns(self, form: str) -> bool:
        """Return whether a form is a user's function."""
        return bool(form) and form in (self.callable, self.beside)

    def offers(self, activation: str, form: str) -> bool:
        """Return whether it has a form: the function `activation_form`, or the user's own."""
        return self.owns(form) or f"{activation}_{form}" in self.functions


def names(folder: Path = IMPLS) -> tuple[str, ...]:
    """The names of all frameworks; no file is read."""
    return tuple(sorted(path.stem for path in folder.glob("[!_]*.py")))


def frameworks(folder: Path = IMPLS) -> Mapping[str, Framework]:
    """Every framework with a module in `folder`, by name, the plainest (fewest modes) first.

    Declared frameworks come last.
    """
    modules = _extended if folder == IMPLS and _extended else _modules(folder)
    return {**modules, **_declared}


def add(framework: str, functions: Iterable[str]) -> None:
    """Let a framework offer functions besides those of its module."""
    known = _extended or _modules(IMPLS)
    _extended.update(
        {
            **known,
            framework: replace(
                known[framework], functions=known[framework].functions.union(functions)
            ),
        }
    )


_extended: dict[str, Framework] = {}


_declared: dict[str, Framework] = {}


@contextmanager
def declared(*others: Framework) -> Iterator[None]:
    """Make frameworks without a module of their own known within this context."""
    before = dict(_declared)
    _declared.update({framework.name: framework for framework in others})
    try:
        yield
    finally:
        _declared.clear()
        _declared.update(before)


def own(
    function: str,
    activation: str = "",
    arrays: str = "",
    gradient: str = "",
    dims: int = 0,
    beside: str = "",
    folders: tuple[str, ...] = (),
) -> Framework:
    """Return the framework of a user's function that implements an activation.

    It takes the arrays of `arrays`, or of the plainest framework, and stands beside that
    framework's forms, and beside another function, if there is one. Both are looked for in
    `folders` as well. Raises UsageError where a function is not written as
    `package.module:function`.
    """
    for address in filter(None, (function, gradient, beside)):
        module_of(address)
    modules = _modules(IMPLS)
    taken = modules[arrays or next(iter(modules))]
    return replace(
        taken,
        name=f"{function}-{taken.name}",
        title=f"{function} ({taken.title})",
        variants={},
        callable=function,
        arrays=taken.name,
        activation=activation,
        gradient=gradient,
        dims=dims,
        beside=beside,
        folders=folders,
    )


def on_arrays(function: Framework, arrays: str) -> Framework:
    """Return a user's function on the arrays of another framework."""
    taken = own(function.callable, arrays=arrays)
    kept = ("activation", "gradient", "dims", "beside", "folders", "reference_gradient")
    return replace(taken, **{name: getattr(function, name) for name in kept})


def own_of(name: str) -> tuple[str, str]:
    """The function and the arrays of a framework that `own` named; empty for any other."""
    function, _, arrays = name.rpartition("-")
    return (function, arrays) if ":" in function else ("", "")


def module_of(address: str) -> str:
    """The module part of `package.module:function`. Raises UsageError for anything else."""
    module, _, attribute = address.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise UsageError(f"cannot read {address!r}: write it as package.module:function")
    return module


def owner(packages: Iterable[str]) -> tuple[str, ...]:
    """Return the frameworks whose functions come from some packages: those with such a name first.

    The plainest yields to any other, because the others' functions are used together with its own.
    """
    used, modules = set(packages), _modules(IMPLS)
    plainest, *others = modules
    named = [name for name in others if name in used]
    kin = [name for name in others if not used.isdisjoint(modules[name].packages)]
    return tuple(named or kin or [plainest] * (plainest in used))


@cache
def _modules(folder: Path) -> Mapping[str, Framework]:
    read = [_read(folder / f"{name}.py") for name in names(folder)]
    plainest = sorted(read, key=lambda framework: len(framework.modes))
    return {framework.name: framework for framework in plainest}


def _read(path: Path) -> Framework:
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError) as error:
        place = f": line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"impls/{path.name} is no Python{place}") from None
    constants = {name: _literal(path, name, value) for name, value in _assigned(body)}
    if lacking := [name for name in _NEEDED if name not in constants]:
        raise UsageError(
            f"impls/{path.name} has no {lacking[0]}: give it one, or, if it is not a framework, a "
            "name that begins with an underscore"
        )
    return Framework(
        name=path.stem,
        title=constants["TITLE"],
        modes=tuple(constants["MODES"]),
        functions=frozenset(node.name for node in body if isinstance(node, ast.FunctionDef)),
        environment=constants["ENVIRONMENT"],
        variants=constants.get("VARIANTS", {}),
        compiles=tuple(constants.get("COMPILES", ("compiled",))),
        emulated=constants.get("EMULATED", {}),
        layouts=tuple(constants.get("LAYOUTS", ())),
        script=_script(path, constants["SCRIPT"]) if "SCRIPT" in constants else None,
        packages=(path.stem, *constants.get("PACKAGES", ())),
    )


def _script(path: Path, lines: Mapping[str, str]) -> Script:
    try:
        return Script(**lines)
    except TypeError as error:
        raise UsageError(f"impls/{path.name}: SCRIPT: {error}") from None


def _literal(path: Path, name: str, value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise UsageError(
            f"impls/{path.name}: {name} is computed: write it out, because it is read without "
            "running the module"
        ) from None


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _CONSTANTS and value is not None:
                yield target.id, value
