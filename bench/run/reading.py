"""Readers of stored runs: from their rows or, where they ended before having any, from samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..catalog.frameworks import declared
from ..host.errors import StoreError
from ..results import store
from ..results.facts import RunFacts
from ..results.rows import Row, impossible
from ..results.store import Run, Stored
from . import derive
from .request import request_of


def load(path: Path) -> Run:
    """Read a run; where it has no rows, derive them from its samples.

    Raises StoreError if it is missing, malformed or of another schema.
    """
    folder = store.locate(path)
    facts = store.read_facts(folder)
    if store.has_rows(folder, facts):
        return Run(folder, facts, store.read_rows(folder))
    return _derived(folder, facts, store.stored(folder))


def rows_of(path: Path) -> tuple[Run, Iterator[Row]]:
    """A run without its rows, and its rows one after another, however many there are.

    Raises StoreError as `load` does, for a malformed row when it is reached.
    """
    folder = store.locate(path)
    facts = store.read_facts(folder)
    if store.has_rows(folder, facts):
        return Run(folder, facts, ()), store.each_row(folder)
    run = _derived(folder, facts, store.stored(folder))
    return run, iter(run.records)


def _derived(folder: Path, facts: RunFacts, stored: Stored) -> Run:
    facts = replace(facts)
    own = request_of(facts, folder).own if facts.request else ()
    try:
        with declared(*own):
            rows = derive.all_of(stored.samples, facts)
    except Exception as error:  # whatever somebody has written there
        raise StoreError(
            f"{folder} has samples that make no rows: {error!r}; measure it again"
        ) from error
    for row in rows:
        if wrong := impossible(row):
            raise StoreError(
                f"{folder} has samples that no run writes: {row.metric} of {row.case.framework} "
                f"{row.case.activation} has {wrong}; measure it again"
            )
    return Run(folder, facts, rows, tuple(stored.lost))
