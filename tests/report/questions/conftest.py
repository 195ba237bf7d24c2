"""Made-up evidence with planted times, and what a command line would measure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection, expand
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.results.rows import Row
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import plain_form

CLASSES = {"launch": 64, "l1": 1024, "between": 8192, "l2": 65536, "last_level": 2**20}
CLASSES["memory"] = 2**23
_FIELDS = {
    "--framework": "frameworks",
    "--activation": "activations",
    "--form": "forms",
    "--mode": "modes",
    "--direction": "directions",
    "--device": "devices",
    "--dtype": "dtypes",
    "--size": "sizes",
    "--threads": "threads",
    "--output": "outputs",
    "--cache": "caches",
}
Key = tuple[str, str, str, str]
Time = tuple[float, float | None, float | None]


def _case_of(key: Key, **where: Any) -> Case:
    """A framework, a mode, an activation and a class of size as a case of its plain form."""
    framework, mode, name, size = key
    fields = {"form": plain_form(framework, name), "direction": "forward", "device": "cpu"}
    fields |= {"dtype": "float32", "threads": 1, "size": CLASSES[size], **where}
    return Case(framework, name, mode=mode, **fields)


def rows_of(times: Mapping[Key, Time], **where: Any) -> list[Row]:
    """The rows of these times per call in ns, with their ends; relu is the unit of itself."""
    rows = []
    for key, (value, low, high) in times.items():
        case = _case_of(key, **where)
        rows.append(Row(case, "time_per_call", value, low, high))
        if case.activation == "relu":
            rows.append(Row(case, "relative_cost", 1.0, 1.0, 1.0))
    return rows


def around(framework: str, mode: str, size: str, times: Mapping[str, float]) -> dict[Key, Time]:
    """Times within 1 %."""
    return {
        (framework, mode, name, size): (value, value * 0.99, value * 1.01)
        for name, value in times.items()
    }


@pytest.fixture
def measured(make_run: Callable[..., Path]) -> Callable[..., Evidence]:
    """Evidence of one run of planted rows."""

    def read_rows(rows: Iterable[Row], name: str = "run", **facts: Any) -> Evidence:
        return read([make_run(list(rows), name, **facts)])

    return read_rows


@pytest.fixture
def planted() -> Callable[..., list[Row]]:
    """`rows_of`: rows from times by framework, mode, activation and class of size."""
    return rows_of


@pytest.fixture
def at() -> Callable[..., Case]:
    """`_case_of`: the case of a framework, mode, activation and class of size."""
    return _case_of


@pytest.fixture
def measures() -> Callable[[str], set[Key]]:
    """Cases that a command would time, forward, by framework, mode, activation and size class.

    The sizes are those of this machine; the harness refuses an option that it does not know.
    """

    def chosen(command: str) -> set[Key]:
        program, options = command.split(" run ")
        assert program == "actbench"
        fields: dict[str, list[Any]] = {}
        words = iter(shlex.split(options))
        for option, value in zip(words, words, strict=True):
            fields.setdefault(option.removeprefix("--"), []).append(value)
        assert fields.pop("only") == ["timing"]
        assert fields["direction"] == ["forward"]
        fields["thread"] = [int(thread) for thread in fields.pop("threads", [1])]
        asked = Selection(**{f"{key}s": tuple(values) for key, values in fields.items()})
        cases = set()
        for case in expand(PROFILES["standard"], asked):
            names = {size: name for name, size in size_classes(case.device).items()}
            if case.form == plain_form(case.framework, case.activation):
                size = names.get(case.size, str(case.size))
                cases.add((case.framework, case.mode, case.activation, size))
        return cases

    return chosen


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """Makes a case: native, eager, forward, float32, in cache on one thread of the CPU."""

    def make(name: str, framework: str = "torch", **changes: Any) -> Case:
        fields: dict[str, Any] = {"form": "native", "mode": "eager", "direction": "forward"}
        fields |= {"device": "cpu", "dtype": "float32", "size": 65536, "threads": 1, **changes}
        return Case(framework, name, **fields)

    return make


@pytest.fixture
def planned() -> Callable[[str], list[Case]]:
    """The cases that a command would measure; fails where it is not valid."""

    def plan(command: str) -> list[Case]:
        words = shlex.split(command)
        assert words[:2] == ["actbench", "run"]
        chosen: dict[str, list[str]] = {}
        for option, value in zip(words[2::2], words[3::2], strict=True):
            if option != "--only":
                chosen.setdefault(_FIELDS[option], []).append(value)
        selection: dict[str, Any] = {field: tuple(values) for field, values in chosen.items()}
        return expand(PROFILES["standard"], Selection(**selection))

    return plan
