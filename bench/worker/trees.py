"""One version of a module: from `impls/` under a name of its own, or the user's under its own."""

from __future__ import annotations

import importlib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import accumulate
from pathlib import Path
from types import ModuleType, SimpleNamespace

from ..host.packages import installed, root_of
from . import own_function


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


def own(
    folder: str, function: str, framework: str, gradient: str = "", dims: int = 0
) -> SimpleNamespace:
    """A user's `package.module:function` of the tree in `folder`, as a module of one form.

    The tree comes first on the path and stays there, so that what is imported later, by a call or
    by a compiler, is of the same version: another one needs a process of its own. Raises Unusable
    where it cannot be loaded.
    """
    module = function.partition(":")[0]
    try:
        root = root_of(Path(folder), module)
    except LookupError as error:
        raise own_function.Unusable(str(error)) from None
    sys.path[:0] = dict.fromkeys((str(root), folder))
    importlib.invalidate_caches()
    loaded = own_function.load(function)
    derivative = own_function.load(gradient) if gradient else None
    _check_origin(module, folder)
    return own_function.module(function, loaded, framework, derivative, dims)


def _check_origin(wanted: str, folder: str) -> None:
    """Refuse a package of which a part was found outside of its tree, as by an import hook.

    Parts of a namespace may lie anywhere.
    """
    names = list(accumulate(wanted.split("."), "{}.{}".format))
    regular = (name for name in names if getattr(sys.modules[name], "__file__", None))
    package = next(regular, wanted)
    for name, module in tuple(sys.modules.items()):  # of which a look may import more
        if f"{name}.".startswith(f"{package}.") and not _lies_in(module, folder):
            raise own_function.Unusable(
                f"{name} comes from {getattr(module, '__file__', 'Python itself')}, not from the "
                "tree to compare: run this where its source lies"
            )


def _lies_in(module: ModuleType, folder: str) -> bool:
    """Return whether a module is of a tree, and not of an environment that lies in its folder.

    A package without `__init__.py` has no file, but the folders of its modules.
    """
    file, folders = getattr(module, "__file__", None), getattr(module, "__path__", ())
    return any(_is_of_tree(Path(path), folder) for path in ((file,) if file else folders))


def _is_of_tree(path: Path, folder: str) -> bool:
    here, lies = Path(folder).resolve(), path.resolve()
    places = [Path(place).resolve() for place in installed()]
    within = [place for place in places if place.is_relative_to(here)]
    return lies.is_relative_to(here) and not any(map(lies.is_relative_to, within))
