"""Ending a command early, so that what it has done is kept."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that ask a process to end: from a keyboard, a system, or a terminal that closes."""
Ignore = Callable[[], None]


@contextmanager
def interruptible(to_the_end: bool = False) -> Iterator[Ignore]:
    """Let the first signal that asks to end raise KeyboardInterrupt within, and no later one.

    Yields a function from whose call on none does. Signals that the process ignores, as under
    nohup, stay ignored. Where this lasts `to_the_end` of the process, none does afterwards, while
    that ends.
    """

    def ignore() -> None:
        for number in heard:
            signal.signal(number, _nothing)

    def end(number: int, frame: Any) -> None:
        ignore()
        signal.default_int_handler(number, frame)

    heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if to_the_end else handler)


@contextmanager
def deferred(*numbers: signal.Signals) -> Iterator[None]:
    """Have signals wait until the end of this, and threads and processes begun here not hear them.

    A terminal sends them to all processes: those of a pool have nothing to say to it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _nothing(number: int, frame: Any) -> None:
    """Take a signal, and do nothing."""
