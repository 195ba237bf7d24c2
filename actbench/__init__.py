"""Measures what an activation function costs and how right it is.

From Python: `cost` measures a function beside another one, `certify` holds it against the exact
values, `load` reads a stored run, `activations` lists the catalogue; `assert_ulp` and
`assert_not_slower` are for tests. Nothing is imported before it is used.

The rooms are `bench` (the harness), `impls` (its subjects, a module per framework) and `report`
(rows to a page). In the source tree they are links to the folders beside this one; an installed
package holds the folders themselves.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench.api.asserting import assert_not_slower, assert_ulp
    from .bench.api.certificates import Certified, certify
    from .bench.api.costs import Cost, cost
    from .bench.api.runs import activations, load

__version__ = "0.2.0"
__all__ = [
    "Certified",
    "Cost",
    "activations",
    "assert_not_slower",
    "assert_ulp",
    "certify",
    "cost",
    "load",
]
_HOMES = {
    "Certified": "certificates",
    "Cost": "costs",
    "activations": "runs",
    "assert_not_slower": "asserting",
    "assert_ulp": "asserting",
    "certify": "certificates",
    "cost": "costs",
    "load": "runs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".bench.api.{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
