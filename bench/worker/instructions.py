"""The child of `bench.gate.instructions`: calls a case so that valgrind can count.

`python -P -m bench.worker.instructions FRAMEWORK LAYOUT` runs under valgrind's callgrind in a
folder that holds `impls/` and `requests.so`, and answers requests for operations of `Counter` over
the socket that is its standard input.

What it sees is the same in every process and for every tree, because the length or the hash of a
path, a process id or a time move an allocation, and that moves a count: the folder always has the
name `/proc/self/cwd`, the socket one number. LAYOUT alone changes the memory, on purpose.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from itertools import repeat
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from .__main__ import _serve, explain

HERE = "/proc/self/cwd"


class Counter:
    """One framework on one thread of the CPU, under valgrind."""

    def __init__(self, module: ModuleType) -> None:
        from .operations import Worker

        self._worker = Worker(module, "cpu", 1)
        self._requests = ctypes.CDLL(f"{HERE}/requests.so")
        self._ready = self._worker._timing_input((16,), "float32", 0)

    def count(
        self, spec: dict[str, Any], shape: tuple[int, ...], seed: int, calls: int, windows: int
    ) -> dict[str, Any]:
        """Run windows of so many calls, then as many of a step that does nothing.

        What is counted is `wait(step())`, as it is timed. As many calls go before, uncounted: by
        then the interpreter has specialised its code, and frameworks have filled their caches. The
        step is not checked to do its work (`Worker.prepare` does): that would take minutes here.
        """
        step = self._worker._timing_step(spec, shape, seed).call
        self._call(step, calls)
        gc.collect()
        gc.disable()
        self._requests.start()
        for each in (step, lambda: self._ready):
            for _ in range(windows):
                self._window(each, calls)
        self._requests.stop()
        gc.enable()
        return {}

    def _window(self, step: Callable[[], Any], calls: int) -> None:
        self._requests.zero()
        self._call(step, calls)
        self._requests.dump()

    def _call(self, step: Callable[[], Any], calls: int) -> None:
        wait = self._worker._adapter.wait
        for _ in repeat(None, calls):
            wait(step())


def main(arguments: list[str]) -> int:
    """Import the tree's implementation, then serve."""
    framework, layout = arguments
    pipe = Connection(0)
    kept = _shift(int(layout))
    try:
        counter = Counter(_implementation(framework))
    except ImportError as error:
        pipe.send({"status": "unsupported", "detail": f"{error.name} cannot be imported ({error})"})
        return 0
    except Exception as error:
        pipe.send(explain(error))
        return 0
    pipe.send({"status": "ok"})
    _serve(pipe, counter)
    del kept
    os._exit(0)


def _shift(layout: int) -> list[bytearray]:
    """Memory that is kept, so that what comes later lies elsewhere; none for layout 0."""
    return [bytearray(17 + 37 * layout * i % 900) for i in range(777 * layout)]


def _implementation(framework: str) -> ModuleType:
    """The module of this folder's `impls/`, whatever other `impls` can be imported."""
    folder = f"{HERE}/impls"
    spec = importlib.util.spec_from_file_location(
        "impls", f"{folder}/__init__.py", submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["impls"] = package
    spec.loader.exec_module(package)
    return importlib.import_module(f"actbench.impls.{framework}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
