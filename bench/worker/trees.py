"""Two versions of one module in one process, under names of their own."""

from __future__ import annotations

import importlib
import site
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from . import own_function

_INSTALLED = tuple(dict.fromkeys((*site.getsitepackages(), sysconfig.get_path("stdlib"))))
"""Folders whose modules are of no tree, even where they lie within one."""


def implementation(folder: str, name: str, framework: str) -> ModuleType:
    """`impls.<framework>` of the tree in `folder`, as `<name>.<framework>`.

    The imports within `impls/` are relative, so that they stay within the tree. Raises whatever
    the module raises.
    """
    package = Path(folder) / "impls"
    init = package / "__init__.py"
    spec = spec_from_file_location(name, init, submodule_search_locations=[str(package)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is no package")
    sys.modules[name] = module_from_spec(spec)
    if init.exists():
        spec.loader.exec_module(sys.modules[name])
    return importlib.import_module(f"{name}.{framework}")


def own(folder: str, function: str, framework: str) -> Any:
    """A user's `package.module:function` of the tree in `folder`, as a module of one form.

    Its modules are imported from there alone and then forgotten, so that those of another tree can
    be imported under the same names; what the function imports when it is called is looked for
    where Python looks. Raises Unusable where it cannot be loaded.
    """
    before = set(sys.modules)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        loaded = own_function.load(function)
        _check_origin(loaded, folder, function)
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            if _lies_in(sys.modules[name], folder):
                del sys.modules[name]
    return own_function.module(function, loaded, framework)


def _check_origin(loaded: Any, folder: str, function: str) -> None:
    module = sys.modules[function.partition(":")[0]]
    if not _lies_in(module, folder):
        raise own_function.Unusable(
            f"{function} comes from {getattr(module, '__file__', 'Python itself')}, not from the "
            "tree to compare: run this where its source lies"
        )


def _lies_in(module: ModuleType, folder: str) -> bool:
    """Say whether a module is of a tree, and not of an environment that lies in its folder.

    A package without `__init__.py` has no file, but the folders of its modules.
    """
    file, folders = getattr(module, "__file__", None), getattr(module, "__path__", ())
    return any(_is_of_tree(Path(path), folder) for path in ((file,) if file else folders))


def _is_of_tree(path: Path, folder: str) -> bool:
    here, lies = Path(folder).resolve(), path.resolve()
    places = [Path(place).resolve() for place in _INSTALLED]
    within = [place for place in places if place.is_relative_to(here)]
    installed = any(lies.is_relative_to(place) for place in within)
    return lies.is_relative_to(here) and not installed
