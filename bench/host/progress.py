"""Progress: a bar with an estimate on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class Advance(Protocol):
    """Count one step of the phase as done."""

    def __call__(self) -> None: ...


class Reporter:
    """A speaker on stderr: bars only on a terminal outside CI; rich honours NO_COLOR."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars = sys.stderr.isatty() and not os.environ.get("CI") and not quiet
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def phase(self, title: str, steps: int, left: float | None = None) -> Iterator[Advance]:
        """Show a phase of so many steps; yields the function that counts a step.

        `left` gives the seconds until the end of the whole job. A terminal shows a bar, and what
        the phase took; elsewhere a line is printed when it begins.
        """
        outlook = "" if left is None else f", {in_words(left)} left"
        if not self._bars:
            self.say(f"{title}: {steps}{outlook}")
            yield lambda: None
            return
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeRemainingColumn(), console=self._console, transient=True
        ) as bar:
            task = bar.add_task(f"{title}{outlook}", total=steps)
            yield lambda: bar.advance(task)
        self.say(f"{title}: {steps} in {time.monotonic() - started:.1f} s")

    @contextmanager
    def board(self, lines: Callable[[], Sequence[str]]) -> Iterator[None]:
        """Show lines that are asked for again and again, on a terminal only."""
        if not self._bars:
            yield
            return

        def drawn() -> Text:
            return Text("\n".join(lines()), no_wrap=True, overflow="ellipsis")

        with Live(get_renderable=drawn, console=self._console, transient=True):
            yield


def in_words(seconds: float) -> str:
    """`about 3 minutes`; `under a minute`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return "under a minute"
    return f"about {minutes} minute{'s' if minutes > 1 else ''}"
