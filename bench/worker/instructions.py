"""The child of `bench.gate.instructions`: calls a case so that valgrind can count.

`python -P -m bench.worker.instructions VERSION` runs under valgrind's callgrind in a folder that
holds `impls/` and `requests.so`, and answers `Count` over the socket that is its standard input.

What it sees is the same in every process and for every tree, because the length or the hash of a
path, a process id or a time move an allocation, and that moves a count: the folder always has the
name `/proc/self/cwd`, the socket one number. The layout alone changes the memory, on purpose.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys
from itertools import repeat
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from . import serving, trees
from .protocol import Count, Started

if TYPE_CHECKING:
    from .steps import Action

HERE = "/proc/self/cwd"


class Counter:
    """One framework on one thread of the CPU, under valgrind."""

    def __init__(self, module: Any) -> None:
        from .operations import Worker

        self._worker = Worker(module, "cpu", 1)
        self._requests = ctypes.CDLL(f"{HERE}/requests.so")
        self._ready = self._worker.steps.timing_input((16,), "float32", 0)

    def count(self, request: Count) -> None:
        """Count `wait(step())`, as it is timed.

        As many calls go before, uncounted: by then the interpreter has specialised its code, and
        frameworks have filled their caches. The step is not checked to do its work
        (`Worker.prepare` does): that would take minutes here.
        """
        action, calls = self._worker.steps.timed(request.timed).action, request.calls
        self._call(action, calls)
        gc.collect()
        gc.disable()
        self._requests.start()
        for counted in (action, lambda: self._ready):
            for _ in range(request.windows):
                self._window(counted, calls)
        self._requests.stop()
        gc.enable()

    def _window(self, action: Action, calls: int) -> None:
        self._requests.zero()
        self._call(action, calls)
        self._requests.dump()

    def _call(self, action: Action, calls: int) -> None:
        wait = self._worker.adapter.wait
        for _ in repeat(None, calls):
            wait(action())


def main(arguments: list[str]) -> int:
    """Import the tree's implementation, then serve."""
    (version,) = arguments
    pipe = Connection(0)
    start = serving.received(pipe, version)
    if start is None:
        return 0
    kept = _shift(int(start.layout))
    try:
        counter = Counter(trees.implementation(HERE, "impls", start.framework))
    except Exception as error:
        serving.answer(pipe, 0, serving.missing(start.framework, error))
        return 0
    serving.answer(pipe, 0, Started({}, platform.python_version(), os.getpid()))
    serving.serve(pipe, {Count: counter.count})
    del kept
    os._exit(0)


def _shift(layout: int) -> list[bytearray]:
    """Memory that is kept, so that what comes later lies elsewhere; none for layout 0."""
    return [bytearray(17 + 37 * layout * i % 900) for i in range(777 * layout)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
