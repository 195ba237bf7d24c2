"""`python -m bench.worker DESCRIPTOR FOLDER VERSION FRAMEWORK`: serve until the end.

The pipe is one of its own (DESCRIPTOR), because frameworks write to stdout. FOLDER is the
descriptor of its folder for temporary files. VERSION is that of the parent's protocol. The
framework is named for whoever lists processes.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ..catalog import plugins
from ..host import environment
from . import floating_point, keeper, layout, serving
from .protocol import Operations, Start

if TYPE_CHECKING:
    from .operations import Worker
    from .pair import Pair


def main(arguments: list[str]) -> int:
    """Confine the process before the framework counts the CPUs, import it, then serve."""
    descriptor, folder, version, _ = arguments
    keeper.keep(int(descriptor), int(folder))
    before = floating_point.state()  # even NumPy may have been built to change it
    pipe = Connection(int(descriptor))
    start = serving.received(pipe, version)
    if start is None:
        return 0
    os.sched_setaffinity(0, start.cpus)
    try:
        worker = _worker(start)
        started = worker.describe()
    except Exception as error:
        serving.answer(pipe, 0, serving.missing(start.framework, error))
        return 0
    after, chosen = floating_point.state(), environment.own()
    facts = dataclasses.replace(started, before=before, after=after, environment=chosen)
    serving.answer(pipe, 0, facts)
    serving.serve(pipe, {**worker.operations, **_questions(start)})
    # A framework's threads and exit handlers have nothing left to say.
    os._exit(0)


def _worker(start: Start) -> Worker | Pair:
    """The worker of a framework, of two versions of it, or of a function of the user's own."""
    if start.layout:
        layout.scatter(start.layout)
    if start.folders:
        from .pair import Pair

        return Pair(start)
    from .operations import Worker

    return Worker(_module(start), start.device, start.threads)


def _module(start: Start) -> Any:
    """A module of `impls/`, or such a one with a function of the user's in it."""
    if not start.own:
        forms = importlib.import_module(f"actbench.impls.{start.framework}")
        return plugins.beside(forms, start.plugins, start.framework)
    from .own_function import digest, load, module

    function, gradient = load(start.own), load(start.gradient) if start.gradient else None
    addresses = [*filter(None, (start.own, start.beside))]
    versions = {address: digest(address) for address in addresses}
    made = module(start.own, function, start.framework, gradient, start.dims, versions)
    if start.beside:
        setattr(made, start.beside, load(start.beside))
    return made


def _questions(start: Start) -> Operations:
    if not start.own or start.folders:
        return {}
    from .own_function import questions

    return questions(start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
