"""The first screen: every sentence recomputed from the rows that its page carries."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.read.rows import read
from actbench.report.sections import answer
from actbench.report.site.runs import listed
from actbench.report.words import title

from ..conftest import CLASSES, plain_form

MakeRun = Callable[..., Path]
Lines = dict[tuple[str, str], dict[str, Any]]
NUMBER = r"(-?[\d,.]+(?:e-?\d+)?|∞)"
ENDS = rf"{NUMBER}–{NUMBER}×"


def embedded(page: str) -> list[dict[str, Any]]:
    """The timed cases that a page carries for its script, one mapping each."""
    packed = re.search(r'id="data">([^<]*)<', page)
    assert packed
    table = json.loads(gzip.decompress(base64.b64decode(packed[1])))["tables"]["timings"]
    return unpacked(table["columns"], table["rows"])


def unpacked(columns: Any, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of cells as mappings from the key of a column to a word or a number."""
    return [
        {
            column["key"]: column["words"][cell] if "words" in column else cell
            for column, cell in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def lines(rows: list[dict[str, Any]], size: int) -> Lines:
    """The cells of each activation by framework and mode: its plain form, else the fastest."""
    gathered: Lines = {}
    for row in sorted(rows, key=lambda row: (not is_plain(row), value(row["cost"]))):
        usual = (row["direction"], row["size"]) == ("forward", size)
        kept = row.get("output", "fresh") == "fresh" and row.get("cache", "warm") == "warm"
        first = row["dtype"] == "float32" and row["threads"] == 1 and row["device"] == "cpu"
        if usual and kept and first and row["cost"] and row["cost"] != [1, 1, 1]:
            who = (row["framework"], row["mode"])
            gathered.setdefault(who, {}).setdefault(row["activation"], row)
    return gathered


def is_plain(row: dict[str, Any]) -> bool:
    return bool(row["form"] == plain_form(row["framework"], row["activation"]))


def value(cell: list[float] | None) -> float:
    return cell[0] if cell else math.inf


def near(text: str, value: float) -> bool:
    """True if a number of three digits is this one."""
    return math.isclose(float(text.replace(",", "")), value, rel_tol=0.006)


def check_headlines(sentences: list[str], rows: list[dict[str, Any]], sizes: dict[str, int]) -> int:
    """Each end is the lowest or the highest of the frameworks named behind it."""
    checked = 0
    for sentence in sentences:
        mode = sentence.split(",")[0].lower()
        for part in sentence.split(": ", 1)[1].split("; "):
            place = next(words for words in sizes if part.startswith(words))
            of_mode = [line for (_, m), line in lines(rows, sizes[place]).items() if m == mode]
            for name, low, high in re.findall(
                rf"(\w+)(?: \[\w+\])?(?: or \w+)? takes {ENDS}", part
            ):
                cells = [line[name]["cost"] for line in of_mode if name in line]
                assert near(low, min(cell[1] for cell in cells)), (sentence, name)
                assert near(high, max(cell[2] for cell in cells)), (sentence, name)
                checked += 1
        who = {title(f) for (f, m) in lines(rows, next(iter(sizes.values()))) if m == mode}
        named = re.search(r" \(([^()]*)\)\.$", sentence)
        assert named
        assert set(re.split(r", | and ", named[1])) == who
    return checked


def of(low: float, high: float) -> str:
    """The verdict of an interval, written anew."""
    if low >= 0.95 and high <= 1.05:
        return "takes the same time as"
    if low <= 1 <= high:
        return "is not distinguished from"
    return "takes longer than" if low > 1 else "takes less time than"


def check_verdicts(sentences: list[str], rows: list[dict[str, Any]], sizes: dict[str, int]) -> int:
    """Counts, ends and names of exp against algebra."""
    checked = 0
    for sentence in sentences:
        place = next(name for name in sizes if sentence.lower().startswith(name))
        exp = re.search(r": (\w+) ", sentence)
        other = re.search(r": .*?(?:than|as|from) (\w+)", sentence)
        assert exp
        assert other
        kinds: dict[str, list[tuple[str, float, float]]] = {}
        for (framework, mode), line in lines(rows, sizes[place]).items():
            if exp[1] in line and other[1] in line:
                top, bottom = line[exp[1]]["call"], line[other[1]]["call"]
                low, high = top[1] / bottom[2], top[2] / bottom[1]
                who = f"{title(framework)} {mode}"
                kinds.setdefault(of(low, high), []).append((who, low, high))
        total = sum(map(len, kinds.values()))
        for words, of_kind in kinds.items():
            counts = re.search(
                rf"{words} {other[1]}[^;]* in (\d+) of (\d+) settings? \({ENDS}(.*?)\)", sentence
            )
            assert counts, (words, sentence)
            assert (int(counts[1]), int(counts[2])) == (len(of_kind), total)
            assert near(counts[3], min(low for _, low, _ in of_kind))
            assert near(counts[4], max(high for _, _, high in of_kind))
            named = set(filter(None, re.split(r", | and |: ", counts[5])))
            assert named == ({who for who, *_ in of_kind} if len(of_kind) < total else set())
            checked += 1
        assert sentence.count(" settings (") + sentence.count(" setting (") == len(kinds)
    return checked


def check_by_framework(
    by_framework: list[tuple[str, list[str]]], rows: list[dict[str, Any]], sizes: dict[str, int]
) -> int:
    checked = 0
    for heading, sentences in by_framework:
        mode, _, where = heading.partition(", ")
        place = next(name for name in sizes if where.startswith(name))
        of_mode = {
            title(f): line
            for (f, m), line in lines(rows, sizes[place]).items()
            if m == mode.lower()
        }
        assert [name.split(":")[0] for name in sentences] == sorted(of_mode, key=str.lower)
        for sentence in sentences:
            line = of_mode[sentence.split(":")[0]]
            for part in sentence.split(": ")[1].rstrip(".").split(", "):
                name, _, words = part.partition(" ")
                ends = re.search(ENDS, words)
                assert ends
                _, low, high = line[name]["cost"]
                assert near(ends[1], low)
                assert near(ends[2], high)
                shown = of(low, high)
                assert ("not distinguished" in words) == (shown == "is not distinguished from")
                assert ("the same" in words) == (shown == "takes the same time as")
                checked += 1
    return checked


# --- what it says of rows that are known ----------------------------------------------------------


def costs(activation: str, low: float, high: float, **changes: Any) -> list[Row]:
    fields: dict[str, Any] = {"form": "native", "mode": "eager", "size": CLASSES["l2"], **changes}
    case = Case(
        fields.pop("framework", "torch"), activation, direction="forward", device="cpu",
        dtype="float32", threads=1, **fields,
    )  # fmt: skip
    value = (low * high) ** 0.5
    if activation == "relu":
        value = low = high = 1.0
    time = Row(case, "time_per_call", value * 1000, low * 1000, high * 1000)
    return [time, Row(case, "relative_cost", value, low, high)]


RELU = costs("relu", 1, 1)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (2, 3, "squareplus 2.00–3.00×."),
        (0.5, 0.6, "squareplus 0.500–0.600×."),
        (0.96, 1.04, "squareplus the same within 5% (0.960–1.04×)."),
        (0.9, 1.2, "squareplus not distinguished (0.900–1.20×)."),
        (1.0, 1.2, "squareplus not distinguished (1.00–1.20×)."),
    ],
)
def test_an_interval_says_no_more_than_it_shows(
    make_run: MakeRun, low: float, high: float, words: str
) -> None:
    rows = [*RELU, *costs("squareplus", low, high, form="textbook")]
    [(heading, sentences)] = answer.by_framework(read([make_run(rows)]))
    assert heading == "Eager, in cache, 65,536 elements (2^16)"
    assert sentences == [f"PyTorch: {words}"]


def test_a_form_that_is_not_the_plain_one_is_named(make_run: MakeRun) -> None:
    rows = [*RELU, *costs("gelu", 2, 3, form="wide"), *costs("gelu", 4, 5, form="textbook")]
    rows += costs("squareplus", 1.1, 1.2, form="textbook")
    evidence = read([make_run(rows)])
    [lead] = answer.headlines(evidence)
    assert "squareplus takes 1.10–1.20× and gelu [wide] takes 2.00–3.00×" in lead
    [verdict] = answer.verdicts(evidence)
    assert "gelu [wide] takes longer than squareplus in 1 of 1 setting" in verdict


def test_a_headline_names_the_frameworks_of_each_figure(make_run: MakeRun) -> None:
    """JAX has no gelu: its squareplus must not stand for one."""
    jax = [*costs("relu", 1, 1, framework="jax"), *costs("squareplus", 3, 4, framework="jax")]
    torch = [*RELU, *costs("gelu", 2, 3), *costs("squareplus", 1.1, 1.2, form="textbook")]
    [lead] = answer.headlines(read([make_run([*jax, *torch])]))
    assert lead == (
        "Eager, over relu: in cache squareplus takes 1.10–4.00× (JAX and PyTorch) "
        "and gelu takes 2.00–3.00× (PyTorch)."
    )


def test_runs_stand_apart_and_are_named(make_run: MakeRun) -> None:
    rows = [*RELU, *costs("gelu", 2, 3), *costs("squareplus", 4, 5, form="textbook")]
    other = [*RELU, *costs("gelu", 20, 30)]
    evidence = read([make_run(rows, "one"), make_run(other, "two")])
    first, second = answer.headlines(evidence)
    assert "run one" in first
    assert "20.0" not in first
    assert "run two" in second
    assert "squareplus" not in second
    [only] = answer.verdicts(evidence)
    assert "run one" in only


def under(rows: list[Row], **where: Any) -> list[Row]:
    """The same rows under other conditions."""
    return [replace(row, case=replace(row.case, **where)) for row in rows]


THREE = [*RELU, *costs("gelu", 2, 3), *costs("squareplus", 1.1, 1.2, form="textbook")]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({}, ""),
        ({"direction": "backward", "dtype": "bfloat16"}, " (backward, bfloat16)"),
        ({"device": "cuda"}, " (cuda)"),
        ({"threads": 8}, " (8 threads)"),
    ],
)
def test_unusual_conditions_are_said_beside_every_figure(
    make_run: MakeRun, where: dict[str, Any], words: str
) -> None:
    evidence = read([make_run(under(THREE, **where))])
    [lead] = answer.headlines(evidence)
    assert lead.startswith(f"Eager{words}, over relu: in cache squareplus takes ")
    [verdict] = answer.verdicts(evidence)
    assert verdict.startswith(f"In cache, 65,536 elements (2^16){words}: gelu takes longer")
    [(heading, _)] = answer.by_framework(evidence)
    assert heading == f"Eager, in cache, 65,536 elements (2^16){words}"
    assert answer.spoken(evidence)[0] == lead
    assert listed("run", evidence).verdict == lead


def test_what_is_missing_is_stated_with_its_command(make_run: MakeRun) -> None:
    [(sentence, command)] = answer.absent(read([make_run([*RELU, *costs("gelu", 2, 3)])]))
    assert "no setting has an activation of both families" in sentence
    assert command == "actbench run"
    both = [*RELU, *costs("gelu", 2, 3), *costs("squareplus", 1, 2, form="textbook")]
    [(sentence, command)] = answer.absent(read([make_run(both, "both")]))
    assert sentence == "Streaming was not measured."
    assert "--size memory" in command
    nothing = answer.absent(read([make_run([], "nothing")]))
    assert nothing[0][1] == "actbench run"


def test_what_is_missing_is_measured_on_the_device_of_the_rows(make_run: MakeRun) -> None:
    [(_, command)] = answer.absent(read([make_run(under(THREE, device="cuda"), "all")]))
    assert command == "actbench run --size l2 --size memory --device cuda"
    rows = under([*RELU, *costs("gelu", 2, 3)], device="cuda")
    evidence = read([make_run(rows, "some")])
    [(_, command)] = answer.absent(evidence)
    assert command == "actbench run --device cuda"
    both = read([make_run([*rows, *RELU], "both")])
    assert answer.absent(both)[0][1] == "actbench run"


def test_without_intervals_nothing_is_distinguished(make_run: MakeRun) -> None:
    bare = [
        Row(row.case, row.metric, row.value)
        for row in [*costs("gelu", 2, 3), *costs("squareplus", 1, 2, form="textbook")]
    ]
    evidence = read([make_run([*RELU, *bare])])
    [(_, sentences)] = answer.by_framework(evidence)
    assert sentences == [
        "PyTorch: squareplus 1.41× without an interval, gelu 2.45× without an interval."
    ]
    assert "without an interval in 1 of 1 setting" in answer.verdicts(evidence)[0]
