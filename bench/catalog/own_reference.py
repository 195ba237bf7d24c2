"""A reference of the user's own, `package.module:function`, on mpmath's or Arb's numbers.

It runs in a process of its own (`reference_server`), so that a crash or a hang there costs only the
case that asked, and is evaluated at rising precision until the answer is decided. Only functions
that were named on a command line are run: a stored run that contains such a name runs nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pipe
from pathlib import Path
from threading import Lock
from typing import Any

from flint import arb, ctx

from ..host.errors import UsageError
from .formulas import FAR, NoValue

VARIABLE = "ACTBENCH_REFERENCES"
"""The functions that were named, with their gradients, as JSON: for the processes of a run."""
SECONDS = 60.0
"""Seconds that one answer may take."""
PLACES = tuple(sorted({sign * half / 2 for half in range(33) for sign in (1, -1)}))
"""The numbers at which kinks are looked for: multiples of ½ up to 16."""
_FAR = 300
"""The power of 2 that stands for an infinite input: mpmath can still compute with it."""
_START = Path(__file__).absolute().parents[1] / "worker" / "start.py"


@dataclass(frozen=True)
class Exact:
    """A ball: mantissa and exponent of its middle and radius, a signed infinity, or unknown."""

    middle: tuple[int, int] = (0, 0)
    radius: tuple[int, int] = (0, 0)
    infinite: int = 0
    unknown: bool = False

    @property
    def ball(self) -> arb:
        """The ball itself."""
        if self.unknown:
            return arb.nan()
        if self.infinite:
            return arb.pos_inf() if self.infinite > 0 else arb.neg_inf()
        return arb(self.middle, self.radius)


@dataclass(frozen=True)
class No:
    """The answer that there is no value at a place."""


@dataclass(frozen=True)
class Failed:
    """The answer that evaluating failed, with the reason."""

    reason: str


Answer = Exact | No | Failed


class ReferenceFailed(Exception):
    """A user's reference that raised, crashed or hung; the text says where."""


def name(function: str, gradient: str = "") -> None:
    """Name a function for this process and all processes that it starts."""
    os.environ[VARIABLE] = json.dumps({**_named(), function: gradient})


def _named() -> Mapping[str, str]:
    named: dict[str, str] = json.loads(os.environ.get(VARIABLE) or "{}")
    return named


def is_named(label: str) -> bool:
    """Return whether a label is a function that was named."""
    return label in _named()


class OwnReference:
    """The process of one reference, started at the first question and again after a loss.

    Raises UsageError where its function cannot be loaded.
    """

    def __init__(self, label: str) -> None:
        self._label, self._gradient = label, _named()[label]
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.source = self._start()
        self.kinks = cache(lambda: tuple(self._ask("kinks", None)))

    def function(self, way: str) -> Callable[[Any], arb]:
        """The value (`forward`) or derivative (`backward`) of a ball that is one number."""
        source, ask = self.source, self._ask  # what a cache of values is named after

        def at(x: Any) -> arb:
            if not isinstance(x, arb) or not x.is_exact():
                raise TypeError(f"{source[:8]} takes one number")
            answer = ask(way, x)
            if isinstance(answer, No):
                raise NoValue
            assert isinstance(answer, Exact)
            return answer.ball

        return at

    def _ask(self, way: str, x: Any) -> Any:
        """Ask the process. Raises ReferenceFailed where there is no answer."""
        place, bits = None, min(ctx.prec, 2**16)
        if x is not None:
            for times in (1, 2):
                if abs(x) == FAR**times:
                    x, bits = arb((1 if x > 0 else -1, times * _FAR)), 4 * _FAR
            mantissa, exponent = x.man_exp()
            place = (int(mantissa), int(exponent))
        with self._lock:
            if self._process is None:
                self._start()
            answer = self._exchange((way, place, bits), x)
        if isinstance(answer, Failed):
            raise ReferenceFailed(f"{self._label} at {_shown(x)}: {answer.reason}")
        return answer

    def _exchange(self, request: Any, x: Any) -> Any:
        reason = f"no answer in {SECONDS:g} s"
        with suppress(EOFError, OSError):
            self._pipe.send(request)
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
        assert self._process is not None
        if self._process.poll() is not None or self._pipe.poll(0):
            reason = f"its process ended with exit status {self._process.wait()}"
        self.close()
        return Failed(reason)

    def _start(self) -> str:
        """Start the process and return the digest of its source."""
        self._pipe, there = Pipe()
        paths = (os.getcwd(), os.environ.get("PYTHONPATH", ""))
        module = "bench.catalog.reference_server"
        addresses = (self._label, self._gradient)
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_START), module, str(there.fileno()), *addresses],
            pass_fds=[there.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        there.close()
        answer: Any = Failed(f"it did not load in {SECONDS:g} s")
        with suppress(EOFError, OSError):
            if self._pipe.poll(SECONDS):
                answer = self._pipe.recv()
        if isinstance(answer, Failed):
            self.close()
            raise UsageError(f"--reference {self._label}: {answer.reason}")
        return str(answer)

    def close(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _shown(x: Any) -> str:
    return "its kinks" if x is None else f"{float(x):g}"
