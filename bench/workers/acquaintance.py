"""Questions about a user's function to a process that imports it: the parent never does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from ..catalog.frameworks import Framework, declared, module_of, on_arrays, owner
from ..host.errors import UsageError
from ..worker.protocol import Acquaint, Fit
from . import alone
from .environment import Key
from .process import Failed, WorkerProcess

_SECONDS = 60.0
"""The seconds that a function has to answer."""


class NotLoaded(UsageError):
    """A function cannot be loaded; the text says why."""


def whose(function: Framework, pythons: Mapping[str, str]) -> Framework:
    """Return a function as a form of its framework: found by its package, or by loading it.

    `pythons` maps frameworks to interpreters, "" to that of the others: the first that can load the
    function is asked. Raises NotLoaded where none can, UsageError where there are several.
    """
    owners = owner([module_of(function.callable).partition(".")[0]]) or _asked(function, pythons)
    if len(owners) > 1:
        raise UsageError(
            f"{function.callable} may be of {' or '.join(owners)}: say which with --framework"
        )
    return on_arrays(function, next(iter(owners), function.arrays))


def _asked(function: Framework, pythons: Mapping[str, str]) -> tuple[str, ...]:
    """The frameworks that a function may be of, as the first interpreter that loads it says."""
    reasons = []
    for python in dict.fromkeys([pythons[""], *pythons.values()]):
        try:
            with _loaded(function, python) as worker:
                return worker.ask(Acquaint(), _SECONDS)
        except Failed as failed:
            reasons.append(str(failed))
    raise NotLoaded(reasons[0])


def fitted(function: Framework, python: str, device: str, dtype: str) -> Framework:
    """Return a function with the dimensions that its arrays must have, unless they are given.

    Raises NotLoaded where it cannot be loaded. A function that fails when it is called reports that
    later.
    """
    try:
        with _loaded(function, python) as worker:
            if function.dims:
                return function
            try:
                dims = worker.ask(Fit(function.arrays, device, dtype), _SECONDS)
            except Failed:
                return function
            return replace(function, dims=dims)
    except Failed as failed:
        raise NotLoaded(str(failed)) from None


@contextmanager
def _loaded(function: Framework, python: str) -> Iterator[WorkerProcess]:
    """A process that has loaded a function. Raises Failed where it cannot."""
    with declared(function):
        worker = alone.start(Key(function.name, "cpu", 1), python)
    try:
        yield worker
    finally:
        alone.end(worker)
