"""A run from its first sample to its end: measured, derived and kept, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..host.errors import UsageError
from ..host.interrupt import interruptible
from ..results.facts import RunFacts
from ..results.rows import Row
from ..results.store import RunWriter
from . import derive


@dataclass(frozen=True)
class Outcome:
    """A run that was written: its folder, rows and facts."""

    path: Path
    facts: RunFacts
    rows: list[Row]


def derived(writer: RunWriter, times: derive.Times | None = None) -> list[Row]:
    """The rows of what was measured so far; `times` are rows derived earlier."""
    return derive.all_of(writer.samples, writer.facts, times)


def record(
    writer: RunWriter,
    measure: Callable[[], None],
    rows_of: Callable[[RunWriter], list[Row]] = derived,
) -> Outcome:
    """Measure, derive the rows and close the run.

    An interrupt or an error ends it early; what was measured is kept. While rows are derived only
    SIGKILL ends it; then whoever reads the run derives them.
    """
    with interruptible() as ignore_signals:
        try:
            measure()
            ignore_signals()
            writer.facts.state = "finished"
        except KeyboardInterrupt:
            ignore_signals()
            writer.facts.state = "interrupted"
        except Exception as error:
            ignore_signals()
            if isinstance(error, UsageError) and writer.withdraw():
                raise
            writer.facts.state = "failed"
            with suppress(Exception):  # what ended the run is raised, not what follows from it
                _finish(writer, rows_of)
            raise
        return _finish(writer, rows_of)


def _finish(writer: RunWriter, rows_of: Callable[[RunWriter], list[Row]]) -> Outcome:
    writer.facts.finished = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        rows = rows_of(writer)
    except Exception:
        writer.finish(None)
        raise
    writer.finish(rows)
    return Outcome(writer.path, writer.facts, rows)
