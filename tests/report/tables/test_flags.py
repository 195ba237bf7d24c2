"""The numbered flags of rows: each holds for its own rows and no other, and a note counts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Ended, Row, Sampling
from actbench.bench.results.status import Status
from actbench.report.read.rows import read
from actbench.report.tables.flags import notes
from actbench.report.tables.tables import all_tables

MakeRun = Callable[..., Path]
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 65536, 1)
BUDGET = Sampling(2, 9, 0, Ended.BUDGET)
DIFFER = Sampling(2, 9, 3, Ended.DIFFER)


def timed(sampling: Sampling | None = None, **changes: Any) -> Row:
    return Row(replace(GELU, **changes), "time_per_call", 9e3, 8e3, 1e4, sampling=sampling)


def checked(ulp: float, flushed: float | None = None, nans: float = 0, **changes: Any) -> list[Row]:
    case = replace(GELU, **{"size": 5000, **changes})
    values = {"max_ulp": ulp, "nan_mismatches": nans, "max_ulp_flushed": flushed}
    return [Row(case, metric, value) for metric, value in values.items() if value is not None]


def flags_of(path: Path, table: str) -> dict[str, set[str]]:
    """The keys of each activation's flags, in the only row that it has in a table."""
    evidence = read([path])
    keys = [note.key for note in notes(evidence)[table]]
    content = all_tables(evidence)[table]
    where = {column["key"]: (index, column) for index, column in enumerate(content["columns"])}

    def word(row: list[Any], key: str) -> str:
        index, column = where[key]
        return str(column["words"][row[index]])

    rows = content["rows"]
    assert len(rows) == len({word(row, "activation") for row in rows})
    return {
        word(row, "activation"): {keys[int(flag) - 1] for flag in word(row, "flags").split()}
        if "flags" in where
        else set()
        for row in rows
    }


def test_a_timing_has_the_flags_of_its_evidence(make_run: MakeRun) -> None:
    silu = replace(GELU, activation="silu", mode="compiled", size=64)
    rows = [
        *(timed(BUDGET), *checked(5000)),
        *(timed(DIFFER, activation="silu"), *checked(0.5, activation="silu")),
        Row(silu, "time_per_call", None, status=Status.REFUSED, reason="ran the function eagerly"),
        *(timed(activation="relu"), *checked(0.5, activation="relu")),
        timed(activation="elu"),
        *checked(0.5, activation="elu", direction="backward"),
    ]
    assert flags_of(make_run(rows, machine={"cpu": "C"}), "timings") == {
        "gelu": {"astray", "finding", "wide"},
        "silu": {"failed", "wide"},
        "relu": set(),
        "elu": {"unchecked"},
    }


def test_what_does_not_exist_is_no_failure(make_run: MakeRun) -> None:
    other = replace(GELU, mode="compiled")
    rows = [timed(), *checked(1), Row(other, "time_per_call", None, status=Status.UNSUPPORTED)]
    assert flags_of(make_run(rows, machine={}), "timings") == {"gelu": set()}


def test_a_run_of_one_process_flags_its_timings(make_run: MakeRun) -> None:
    path = make_run([timed(), *checked(1)], epochs=1)
    assert flags_of(path, "timings") == {"gelu": {"process"}}


def test_a_row_of_one_process_is_flagged_whatever_was_planned(make_run: MakeRun) -> None:
    one = timed(Sampling(1, 9, 3, Ended.NARROW))
    rows = [one, *checked(1), timed(BUDGET, activation="relu"), *checked(1, activation="relu")]
    assert flags_of(make_run(rows, machine={}), "timings") == {
        "gelu": {"process"},
        "relu": {"wide"},
    }


def test_a_value_that_is_wrong_flags_both_but_not_its_gradient(make_run: MakeRun) -> None:
    """A value that is a finding concerns `both`, which computes it, and `backward` does not."""
    for direction, expected in (("both", {"finding"}), ("backward", set())):
        rows = [timed(direction=direction), *checked(40), *checked(1, direction="backward")]
        path = make_run(rows, name=direction, machine={})
        assert flags_of(path, "timings") == {"gelu": expected}


def test_a_check_has_the_flags_of_its_evidence(make_run: MakeRun) -> None:
    rows = [
        *checked(5000, size=65536, dtype="float16"),
        *checked(5000, 0.5, activation="silu", size=65536, dtype="float16"),
        *checked(0.5, nans=2, activation="elu", size=2**32),
        *checked(0.5, activation="relu"),
        *checked(0.5, activation="selu", size=65536, dtype="bfloat16"),
    ]
    assert flags_of(make_run(rows), "accuracy") == {
        "gelu": {"astray", "finding"},
        "silu": {"subnormal"},
        "elu": {"nan"},
        "relu": {"sampled"},
        "selu": set(),
    }


def test_notes_count_the_rows_and_say_when_it_is_every_one(make_run: MakeRun) -> None:
    rows = [timed(), timed(activation="relu"), *checked(1, activation="relu")]
    evidence = read([make_run(rows, epochs=1)])
    noted = {note.key: note for note in notes(evidence)["timings"]}
    assert {key: (note.rows, note.every) for key, note in noted.items()} == {
        "unchecked": (1, False),
        "process": (2, True),
    }


def test_a_flag_is_of_its_own_run(make_run: MakeRun) -> None:
    bad = make_run([timed(), *checked(5000)], name="bad", machine={})
    good = make_run([timed(), *checked(1)], name="good", machine={})
    noted = {note.key: note.rows for note in notes(read([bad, good]))["timings"]}
    assert noted == {"astray": 1, "finding": 1}
