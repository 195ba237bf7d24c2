"""Plug-ins: files with records of activations of one's own and their forms per framework.

A plug-in is a Python file that holds `ACTIVATIONS`, a list of records (dicts), and a function
`activation_form_framework(x, **parameters)` for each form. It is run by the parent and by every
worker, so a framework is imported within the functions that need it. Plug-ins are named by
`--plugin`, by the variable ACTBENCH_PLUGINS, and by installed packages, as entry points of the
group `actbench.activations` whose value is a module. This module needs only the standard library.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ..host.errors import UsageError
from .nearest import nearest

VARIABLE = "ACTBENCH_PLUGINS"
"""The paths of plug-ins, separated by colons."""
GROUP = "actbench.activations"
RECORDS = "ACTIVATIONS"
_SLOPE = "_slope"
"""The suffix of a function that is a gradient, for a framework that has none of its own."""
_Function = Callable[..., Any]


def paths() -> tuple[str, ...]:
    """The paths of all plug-ins that are named: by the variable, then by installed packages."""
    named = (str(Path(path).absolute()) for path in _named())
    return tuple(dict.fromkeys([*named, *_installed()]))


def _named() -> list[str]:
    return list(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))


def name(path: str) -> None:
    """Name a plug-in for this process and all processes that it starts."""
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*_named(), str(Path(path).absolute())]))


@cache
def _installed() -> tuple[str, ...]:
    return tuple(sorted(filter(None, map(_place, entry_points(group=GROUP)))))


def _place(entry: EntryPoint) -> str:
    """The file of an entry point's module, found without importing the module if possible."""
    relative = entry.module.replace(".", "/")
    for candidate in (f"{relative}.py", f"{relative}/__init__.py") if entry.dist else ():
        path = Path(str(entry.dist.locate_file(candidate)))  # type: ignore[union-attr]
        if path.is_file():
            return str(path)
    spec = find_spec(entry.module)
    return spec.origin or "" if spec else ""


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was run, with its records as they are written."""

    path: str
    module: ModuleType
    records: tuple[Mapping[str, Any], ...]
    imported: frozenset[str]

    def error(self, word: str, reason: str) -> UsageError:
        """Return an error with the file, and the line on which a word first occurs."""
        return UsageError(f"{self.path}:{_line_of(self.path, word)}: {reason}")

    def functions(self, framework: str) -> dict[str, str | _Function]:
        """The forms of a framework by `activation_form`: functions, or `module:function`."""
        return {
            f"{record['name']}_{form}": function
            for record in self.records
            for form, where, function in self.forms_of(record)
            if where == framework
        }

    def forms_of(self, record: Mapping[str, Any]) -> Iterator[tuple[str, str, str | _Function]]:
        """The form, the framework and the function of each form of a record, in file order."""
        start = f"{record['name']}_"
        starts = (f"{other.get('name')}_" for other in self.records)
        longer = tuple(other for other in starts if other.startswith(start) and other != start)
        for key, value in vars(self.module).items():
            if not key.startswith(start) or key.startswith(longer):
                continue
            form, _, framework = key.removeprefix(start).rpartition("_")
            if callable(value) and not key.endswith(_SLOPE) and form:
                yield form, framework, value
        for form, places in record.get("forms", {}).items():
            for framework, place in places.items():
                yield form, framework, place


@cache
def load(path: str) -> Plugin:
    """Run a plug-in's file. Raises UsageError with the file and the line of what is wrong."""
    module, imported = _run(path)
    records = getattr(module, RECORDS, None)
    if not isinstance(records, list | tuple) or not all(isinstance(held, dict) for held in records):
        raise UsageError(f"{path}: {RECORDS} must be a list of records, each a dict with a name")
    plugin = Plugin(path, module, tuple(records), imported)
    for record in plugin.records:
        _check(plugin, record)
    return plugin


def _run(path: str) -> tuple[ModuleType, frozenset[str]]:
    """The module of a file, and the names of what it newly imported.

    Its folder comes last on the path, so that it may import its neighbours.
    """
    if str(Path(path).parent) not in sys.path:
        sys.path.append(str(Path(path).parent))
    spec = spec_from_file_location(f"actbench_plugin_{Path(path).stem}", path)
    if not os.path.isfile(path) or spec is None or spec.loader is None:
        raise UsageError(f"no plug-in {path}: name a Python file")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    before = set(sys.modules)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{error.filename}:{error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        raise UsageError(f"{_where(error, path)}: {type(error).__name__}: {error}") from error
    return module, frozenset({*sys.modules} - before)


def _where(error: BaseException, path: str) -> str:
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path
    ]
    return f"{path}:{frames[-1].lineno}" if frames else path


def _line_of(path: str, word: str) -> int:
    """The first line on which a word occurs as a constant, a name, a keyword or a function."""
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        words = (getattr(node, field, None) for field in ("value", "id", "arg", "name", "module"))
        if any(isinstance(text, str) and text == word for text in words):
            return int(getattr(node, "lineno", 1))
    return 1


_FIELDS = (
    *("name", "formula", "family", "source", "parameters", "bounds", "exact", "derivative"),
    *("kinks", "delicate", "thresholds", "variants", "operations", "domain", "forms"),
    "standard",
)
_OF_ROWS = ("rowwise", "axis", "groups", "ties", "gate", "gate_slope", "output_length", "learnable")
"""The catalogue's fields for functions of rows and learned parameters, which plug-ins lack."""


def _check(plugin: Plugin, record: Mapping[str, Any]) -> None:
    """Refuse a record that lacks a needed field, or has one that nothing reads."""
    own = record.get("name")
    if not isinstance(own, str) or not own.isidentifier():
        raise plugin.error(str(own), f"a record has a name that is a word, not {own!r}")
    for key in record:
        if key in _OF_ROWS:
            raise plugin.error(
                key,
                f"{own} has {key}, which is for functions of rows: a plug-in is of functions of "
                "one number; CONTRIBUTING.md says how another becomes an entry of the catalogue",
            )
        if key not in _FIELDS:
            raise plugin.error(own, f"{own}: unknown field {key!r}: {nearest(str(key), _FIELDS)}")
    if not isinstance(record.get("formula"), str):
        raise plugin.error(own, f"{own} has no formula")
    if not any(True for _ in plugin.forms_of(record)):
        raise plugin.error(
            own, f"{own} has no form: define {own}_textbook_numpy(x), or for another framework"
        )
    for form, framework, function in plugin.forms_of(record):
        if callable(function):
            _check_parameters(plugin, record, f"{own}_{form}_{framework}", function)


def _check_parameters(
    plugin: Plugin, record: Mapping[str, Any], name: str, function: _Function
) -> None:
    """Refuse a form whose defaults differ from those of its record."""
    _, *given = inspect.signature(function).parameters.values()
    defaults = {own.name: own.default for own in given if own.kind is not own.VAR_KEYWORD}
    wanted = dict(record.get("parameters", {}))
    if {key: defaults.get(key) for key in wanted} != wanted or not defaults.keys() <= wanted.keys():
        shown = ", ".join(f"{key}={value}" for key, value in wanted.items())
        words = f"x, {shown}" if shown else "x"
        raise plugin.error(name, f"{name} must take its record's parameters: {name}({words})")


# --- in a worker ----------------------------------------------------------------------------------


class Unsupported(Exception):
    """Something that a plug-in does not have; the text says what."""


def beside(module: Any, named: tuple[str, ...], framework: str, folder: str = "") -> Any:
    """Extend a module of a framework's forms by those of plug-ins, in the versions of a tree."""
    forms = {
        key: _with_gradient(function, plugin)
        for plugin in map(load, _of_tree(named, folder))
        for key, function in plugin.functions(framework).items()
    }
    return SimpleNamespace(**{**vars(module), **forms}) if forms else module


def version(folder: str | Path, place: int, path: str) -> Path:
    """The file in which a tree keeps its version of the plug-in at a path."""
    return Path(folder) / "plugins" / f"{place}_{Path(path).name}"


def _of_tree(named: tuple[str, ...], folder: str) -> Iterator[str]:
    for place, path in enumerate(named):
        kept = version(folder, place, path)
        if folder and kept.exists():
            sys.path.append(str(Path(path).parent))  # where the modules lie that it may import
            yield str(kept)
        else:
            yield path


def _with_gradient(given: str | _Function, plugin: Plugin) -> _Function:
    """A form with the gradient that NumPy's adapter needs; other frameworks derive theirs."""
    home: Any = plugin.module
    if isinstance(given, str):
        where, _, name = given.partition(":")
        home = importlib.import_module(where)
        given = getattr(home, name)
    assert callable(given)
    function = given
    wanted = f"{function.__name__}{_SLOPE}"
    slope = getattr(home, wanted, None)

    def gradient(upstream: Any, x: Any, **parameters: Any) -> Any:
        if slope is None:
            raise Unsupported(f"{home.__file__} has no {wanted}(x), the derivative")
        return upstream * slope(x, **parameters)

    try:
        function.gradient = gradient  # type: ignore[attr-defined]
    except (AttributeError, TypeError):  # of a function that is not Python's
        function = wraps(given)(lambda *arrays, **named: given(*arrays, **named))
        function.gradient = gradient  # type: ignore[attr-defined]
    return function
