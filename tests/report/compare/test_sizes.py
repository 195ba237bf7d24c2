"""Sizes in words: what the run says of a class, or else its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from actbench.bench.catalog.places import Place, Where
from actbench.report.compare.sizes import classed
from actbench.report.matrix.model import matrix
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import CLASSES, normal_rows

SMALL = {"cpu": {"memory": asdict(Place(Where.LAST_LEVEL)), "l2": asdict(Place(Where.CACHE))}}
ROWS = normal_rows(modes={"numpy": ("eager",)}, sizes=(CLASSES["l2"], CLASSES["memory"]))


def places(evidence: Evidence) -> dict[str, str]:
    cells = matrix(evidence)
    return {view.place: cells.place(view) for view in cells.views if view.place}


def test_a_class_is_named_by_its_place_and_not_by_its_name(make_run: Callable[..., Path]) -> None:
    evidence = read([make_run(ROWS, places=SMALL)])
    (run,) = evidence.runs.values()
    named = {size.name: size.words for size in classed(run, "cpu", [*CLASSES.values(), 77])}
    assert named == {
        "launch": "one tiny call",
        "l1": "in cache",
        "between": "in cache",
        "l2": "in cache",
        "last_level": "in the last-level cache",
        "memory": "in the last-level cache",
        "": "at 77 elements",
    }
    assert places(evidence) == {"cache": "in cache", "memory": "in the last-level cache"}


def test_an_older_run_streamed_into_fresh_pages(make_run: Callable[..., Path]) -> None:
    older = make_run(ROWS)
    assert places(read([older]))["memory"] == "from memory, into fresh pages"
    both = read([older, make_run(ROWS, "newer", places=SMALL)])
    assert places(both)["memory"] == "from memory, into fresh pages or in the last-level cache"
