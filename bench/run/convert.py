"""Runs of schema 2, whose details were sentences, as runs of today.

Their samples are read, and the rows are derived anew with today's code; every figure that the old
rows hold has to come out the same.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..catalog.cases import Case
from ..host.errors import StoreError
from ..results.facts import RunFacts
from ..results.rows import Against, Other, Row, with_derived
from ..results.samples import Certificate, Sample, sample_of
from ..results.store import (
    CONVERTIBLE,
    SCHEMA,
    RunWriter,
    compress,
    facts_of,
    locate,
    read_json,
    read_lines,
)
from ..timing import bootstrap
from .request import known_frameworks

_CONDITIONS: Mapping[str, Against] = {
    "compiled": Against(Other.MODE, "compiled"),
    "scalar tail": Against(Other.TAIL),
    "all threads": Against(Other.THREADS),
    "another process": Against(Other.PROCESS),
}
_RENAMED: Mapping[str, str] = {"stable": "wide", "fast": "blocked"}
"""Today's names of forms by their old ones."""
_POINTS = ("nan_first", "infinity_first", "sign_first")


NOW = {"ulp_by_binade": "max_ulp_flushed"}
"""Metrics that became part of another row: the figure is the same."""
Derive = Callable[[Sequence[Sample], RunFacts], list[Row]]


@dataclass(frozen=True)
class Converted:
    """An old run with its rows derived anew; `same` of the old figures came out the same.

    `differences` has a sentence per other one.
    """

    folder: Path
    facts: RunFacts
    samples: list[Sample]
    rows: list[Row]
    same: int
    differences: list[str]

    def write(self, target: Path) -> None:
        """Write the run to a folder, compressed as it was, or in place of the old one."""
        new = target.with_name(f"{target.name}.converting")
        writer = RunWriter(new, self.facts)
        for sample in self.samples:
            writer.append(sample)
        writer.finish(self.rows)
        if (self.folder / "rows.jsonl.gz").exists():
            compress(new)
        if target.exists():
            shutil.rmtree(target)
        new.rename(target)


def convert(path: Path, derived: Derive) -> Converted:
    """Read an old run and derive its rows. Raises StoreError for what is no run of schema 2."""
    folder = locate(path)
    content = read_json(folder / "run.json")
    if content.get("schema") != CONVERTIBLE:
        raise StoreError(f"{folder} has schema {content.get('schema')}, not {CONVERTIBLE}")
    facts = facts_of(_facts(content), folder / "run.json")
    try:
        samples = list(samples_of(read_lines(folder / "samples.jsonl", forgive_last=True)))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder} was written by a version before: {error!r}") from None
    rows = derived(samples, facts)
    same, differences = _compared(read_lines(folder / "rows.jsonl"), rows)
    return Converted(folder, facts, samples, rows, same, differences)


def _facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an old run. The names of frameworks, which it did not keep, are today's."""
    machine = content["machine"]
    gpus = [line.rpartition(", ") for line in machine.get("gpus", ())]
    workers = {label: _worker(label, worker) for label, worker in content["workers"].items()}
    asked = {
        name: [_RENAMED.get(choice, choice) if name == "forms" else choice for choice in chosen]
        for name, chosen in content["asked"].items()
    }
    return {
        **content,
        "schema": SCHEMA,
        "asked": asked,
        "machine": {**machine, "gpus": [{"name": n, "driver": d} for n, _, d in gpus]},
        "workers": workers,
        "frameworks": known_frameworks(),
    }


def _worker(label: str, worker: Mapping[str, Any]) -> dict[str, Any]:
    observed = worker.get("floating_point") or {}
    reason = worker.get("detail", "")
    return {**worker, **observed, "framework": label.partition("/")[0], "reason": reason}


def _compared(old: Iterable[Mapping[str, Any]], rows: Iterable[Row]) -> tuple[int, list[str]]:
    """Count the old figures that are the same, and say of each other one what it is now."""
    now_by_key: dict[tuple[Any, ...], list[Row]] = {}
    for row in with_derived(rows):
        now_by_key.setdefault((*vars(row.case).values(), row.metric), []).append(row)
    same, differences = 0, []
    for record in old:
        metric = NOW.get(record["metric"], record["metric"])
        figures = tuple(record[name] for name in ("value", "low", "high", "status"))
        if metric == "worst_input" and record["value"] is None:
            continue
        key = (*vars(case_of(record)).values(), metric)
        now = [(row.value, row.low, row.high, row.status) for row in now_by_key.get(key, ())]
        if figures in now:
            same += 1
        else:
            differences.append(f"{' '.join(map(str, key))}: {figures} is now {now or 'missing'}")
    return same, differences


def samples_of(records: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """The samples of an old file. Raises ValueError or KeyError for what none of them is."""
    cases: dict[int, Case] = {}
    for record in records:
        number, kind = record["case"], record["kind"]
        if kind == "case":
            cases[number] = case_of(record)
            continue
        yield sample_of(_READERS.get(kind, dict)(record), cases[number])


def case_of(record: Mapping[str, Any]) -> Case:
    case = Case(**{field.name: record[field.name] for field in fields(Case)})
    return replace(case, form=_RENAMED.get(case.form, case.form))


def seed_of(case: Case) -> int:
    """The number from which a case's intervals were drawn under the old name of its form."""
    old = {new: name for name, new in _RENAMED.items()}
    return bootstrap.seed_of(replace(case, form=old.get(case.form, case.form)))


def _agreement(record: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(Certificate)}
    certificate = {name: value for name, value in record.items() if name in names}
    certificate |= {name: [_point(text) for text in record[name]] for name in _POINTS}
    if record["worst_input"]:
        certificate["worst"] = _point(*(record[name] for name in ("worst_input", "got", "exact")))
    for name in ("worst_flushed", "worst_away"):
        if record[name][0]:
            certificate[name] = _point(*record[name])
    certificate["binades"] = _unpacked(record.get("ulp_by_binade", ""))
    return {"kind": "agreement", "certificate": certificate}


def _point(place: str, got: str | None = None, exact: str | None = None) -> dict[str, Any]:
    """A place that was a hex float or `output 12`, and two decimals."""
    _, is_output, number = place.partition("output ")
    where = {"output": int(number)} if is_output else {"input": place}
    return {**where, "got": got, "exact": exact}


def _unpacked(text: str) -> list[float]:
    """Errors that were written as `0*60 0.5 1.25 -*3`: runs of equal ones, - where none was."""
    errors: list[float] = []
    for run in text.split():
        word, _, count = run.partition("*")
        errors += [-1.0 if word == "-" else float(word)] * int(count or 1)
    return errors


def _between(record: Mapping[str, Any]) -> dict[str, Any]:
    other = record["other"]
    against = Against(Other.FRAMEWORK, other)
    if record["kind"] == "condition":
        against = _CONDITIONS.get(other, Against(Other.VARIANT, other))
    first = _point(record["first"]) if record["first"] else None
    return {**record, "kind": "between", "against": against, "first": first}


def _failure(record: Mapping[str, Any]) -> dict[str, Any]:
    name, colon, reason = record["detail"].partition(": ")
    if colon and name in _CONDITIONS:
        return {**record, "reason": reason, "against": _CONDITIONS[name]}
    reason = record["detail"]
    for old, new in _RENAMED.items():
        reason = reason.replace(f" has no {old} ", f" has no {new} ")
    return {**record, "reason": reason}


def _trial(record: Mapping[str, Any]) -> dict[str, Any]:
    value = math.nan if record["value"] == -1 else record["value"]
    return {**record, "value": value, "reason": record["detail"]}


_READERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "agreement": _agreement,
    "between": _between,
    "condition": _between,
    "failure": _failure,
    "trial": _trial,
}
