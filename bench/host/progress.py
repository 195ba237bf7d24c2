"""Progress: a bar with an estimate on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Advance(Protocol):
    """Count one step of the phase as done."""

    def __call__(self) -> None: ...


class Reporter:
    """Speaks on stderr. Bars only on a terminal and not in CI; NO_COLOR is honoured by rich."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars = sys.stderr.isatty() and not os.environ.get("CI") and not quiet
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            self._console.print(text, markup=False)

    @contextmanager
    def phase(self, title: str, steps: int, unit: str = "") -> Iterator[Advance]:
        """A phase of so many steps; yields the function that counts one.

        Steps that are seconds (`unit` "s") are a limit, and only the time taken is said.
        """
        started = time.monotonic()
        if not self._bars:
            yield lambda: None
        else:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            with Progress(
                *columns, TimeRemainingColumn(), console=self._console, transient=True
            ) as bar:
                task = bar.add_task(title, total=steps)
                yield lambda: bar.advance(task)
        count = "" if unit else f"{steps} in "
        self.say(f"{title}: {count}{time.monotonic() - started:.1f} s")
