"""Rows to a page: read them, compare them, draw them, and put sections of them together."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(package: ModuleType) -> list[ModuleType]:
    """The modules of a package that have an `ORDER`, in it.

    Sections, questions and charts are found so: a file that is there is on the page.
    """
    names = [found.name for found in iter_modules(package.__path__)]
    made = [import_module(f"{package.__name__}.{name}") for name in names]
    return sorted(
        (module for module in made if hasattr(module, "ORDER")), key=lambda module: module.ORDER
    )
