"""`python -m bench.worker FRAMEWORK DEVICE THREADS DESCRIPTOR CPUS [TREES]`: serve until the end.

It confines itself to the given CPUs before the framework counts them, then answers requests. They
are pickled dictionaries over a pipe of their own (DESCRIPTOR), because frameworks write to stdout.
A request names an operation of `Worker`; an answer has a `status`. TREES are two folders and maybe
a function, as JSON: the operations are then those of a `Pair`. One folder alone comes with a seed
that lays out memory.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from . import floating_point, layout


def main(arguments: list[str]) -> int:
    """Import the framework, then serve."""
    before = floating_point.state()  # even NumPy may have been built to change it
    framework, device, threads, descriptor, cpus, *rest = arguments
    os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    pipe = Connection(int(descriptor))
    try:
        worker = _worker(framework, device, int(threads), *map(json.loads, rest))
    except ImportError as error:
        pipe.send({"status": "unsupported", "detail": _missing(framework, error)})
        return 0
    except Exception as error:
        pipe.send(explain(error))
        return 0
    environment = {"before": before, "after": floating_point.state()}
    pipe.send({"status": "ok", **worker.describe(), "floating_point": environment})
    _serve(pipe, worker)
    # A framework's threads and exit handlers have nothing left to say.
    os._exit(0)


def _worker(framework: str, device: str, threads: int, compared: Any = None) -> Any:
    """The worker of a framework, of two versions of it, or of a function of the user's own."""
    if compared and "layout" in compared:
        layout.scatter(compared["layout"])
    from . import own_function

    if framework.startswith(own_function.PREFIX):
        return own_function.OwnFunction(framework.removeprefix(own_function.PREFIX))
    if compared:
        from .pair import Pair

        return Pair(compared["folders"], framework, compared["own"], device, threads)
    from .operations import Worker

    return Worker(importlib.import_module(f"actbench.impls.{framework}"), device, threads)


def _missing(framework: str, error: ImportError) -> str:
    name = error.name or framework
    return f"{name} is not installed for {sys.executable}: python -m pip install {name} ({error})"


def _serve(pipe: Connection, worker: Any) -> None:
    while True:
        try:
            request: dict[str, Any] = pipe.recv()
        except EOFError:
            return
        operation = request.pop("operation")
        try:
            answer = {"status": "ok", **getattr(worker, operation)(**request)}
        except Exception as error:
            answer = explain(error)
        pipe.send(answer)


def explain(error: BaseException) -> dict[str, Any]:
    """What a failed operation answers: its status and one line of reason."""
    lines = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
    kind = type(error).__name__
    if kind in ("Unsupported", "NothingToTime", "Unusable"):
        return {"status": "unsupported", "detail": str(error)}
    if kind in ("Refused", "Recompiled", "NotCompiled"):
        return {"status": "refused", "detail": str(error)}
    out_of_memory = kind in ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
    if out_of_memory or "RESOURCE_EXHAUSTED" in reason:
        return {"status": "oom", "detail": reason}
    return {"status": "error", "detail": reason}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
