"""Rows to a page: rows are read, compared and drawn, and sections assembled."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(package: ModuleType) -> list[ModuleType]:
    """The modules of a package that have an `ORDER`, sorted by it.

    Sections, questions and charts are discovered this way: adding a file puts it on the page.
    """
    names = [entry.name for entry in iter_modules(package.__path__)]
    imported = [import_module(f"{package.__name__}.{name}") for name in names]
    return sorted(
        (module for module in imported if hasattr(module, "ORDER")), key=lambda module: module.ORDER
    )
