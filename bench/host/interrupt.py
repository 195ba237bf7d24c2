"""Early ends of a command, such that everything done so far is kept."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that ask a process to end: from a keyboard, a system, or a terminal that closes."""
Ignore = Callable[[], None]
_AGAIN = 0.02
"""Seconds after which a signal is sent again whose KeyboardInterrupt was lost."""


@contextmanager
def interruptible(to_the_end: bool = False) -> Iterator[Ignore]:
    """Turn the first signal that asks to end into KeyboardInterrupt; ignore later ones.

    Yields a function that, once called, disables that. Signals that the process ignores, as under
    nohup, stay ignored. With `to_the_end` signals also stay disabled afterwards, while the process
    ends. A finalizer or a callback of C code may be interrupted, which raises nothing further: then
    the signal is sent again.
    """
    came: list[int] = []
    lost = sys.unraisablehook

    def ignore() -> None:
        for number in heard:
            signal.signal(number, _nothing)

    def end(number: int, frame: Any) -> None:
        ignore()
        came.append(number)
        signal.default_int_handler(number, frame)

    def again(unraisable: Any) -> None:
        if not came or not isinstance(unraisable.exc_value, KeyboardInterrupt):
            lost(unraisable)
            return
        signal.signal(came[-1], end)
        resend = threading.Timer(_AGAIN, os.kill, (os.getpid(), came[-1]))
        resend.daemon = True
        resend.start()

    heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    sys.unraisablehook = again
    try:
        yield ignore
    finally:
        sys.unraisablehook = lost
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if to_the_end else handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Delay signals that ask to end until the end of this context.

    Threads and processes begun here ignore them, except SIGTERM, by which they are ended: a
    terminal sends signals to all processes, and those of a pool have nothing to do on them.
    """
    came: list[int] = []

    def note(number: int, frame: Any) -> None:
        came.append(number)

    heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    # Other threads hear them, and then the handlers above.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDING} - {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _nothing(number: int, frame: Any) -> None:
    """Ignore a signal."""
