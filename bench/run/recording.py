"""A run from its first sample to its end: measured, derived and kept, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

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
    """The rows of what was measured so far; `times` are those that were derived already."""
    facts = writer.facts
    facts.spoilt_samples = derive.spoilt_samples(writer.samples)
    facts.compile_seconds = derive.compile_seconds(writer.samples)
    facts.disturbed = derive.disturbed_visits(writer.samples)
    return derive.rows(writer.samples, facts, times)


def record(
    writer: RunWriter,
    measure: Callable[[], None],
    rows_of: Callable[[RunWriter], list[Row]] = derived,
) -> Outcome:
    """Measure, derive the rows and close the run.

    An interrupt, or an error, ends it early; what was measured is kept.
    """
    try:
        with interruptible():
            measure()
        writer.facts.state = "finished"
    except KeyboardInterrupt:
        writer.facts.state = "interrupted"
    except Exception:
        writer.facts.state = "failed"
        with suppress(Exception):  # what ended the run is raised, not what follows from it
            _finish(writer, rows_of)
        raise
    return _finish(writer, rows_of)


def _finish(writer: RunWriter, rows_of: Callable[[RunWriter], list[Row]]) -> Outcome:
    writer.facts.finished = datetime.now(UTC).isoformat(timespec="seconds")
    rows = rows_of(writer)
    writer.finish(rows)
    return Outcome(writer.path, writer.facts, rows)
