"""A small run with a row and a sample of every kind, and damages that make it a hostile one.

A damage is a short record, so that one that a reader once feared is kept as a line of text.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import socket
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from actbench.bench.catalog.cases import PROFILES, Selection
from actbench.bench.results import claims
from actbench.bench.results.claims import Claims, Figure, Judged, Topic, Verdict
from actbench.bench.results.files import dump, lines
from actbench.bench.results.store import read_facts, write_facts
from actbench.bench.run.request import Request

ROOT = Path(__file__).resolve().parents[2]
FACTS, CLAIMS, ROWS, SAMPLES = "run.json", "claims.json", "rows.jsonl", "samples.jsonl"
_NAMES: Mapping[str, str] = {FACTS: "schema", CLAIMS: "schema", ROWS: "metric", SAMPLES: "kind"}
"""The field that says what kind of record it is."""
_FEW = 2
"""The number of records of each kind in the small run."""
_FIGURE = Figure("the ratio", 1.5, 1.25, 1.75, "×", True, 2.0, at=0.5, framework="numpy")
_CLAIM = Judged(
    "a-claim", Topic.COST, "It is so.", "A source", "timed", Verdict.HOLDS, (_FIGURE,) * _FEW,
)  # fmt: skip
_WHOLE = ("relu", "squareplus", "copy")
"""The activations of NumPy that it has complete, so that costs and their parts follow."""


def published() -> Path:
    """The newest of the complete published runs."""
    return max((ROOT / "results/published").glob("*-standard"))


def small(folder: Path) -> None:
    """Write a run of a few hundred lines, on this machine, that can be added to and continued.

    Its rows and samples are those of a published run: the first few of each kind.
    """
    request = Request(
        PROFILES["smoke"], Selection(("numpy",)), 0, folder, {}, "python", 60.0, "actbench run"
    )
    facts = request.facts(datetime.now(UTC))
    kept = read_facts(published())
    facts.workers, facts.coverage, facts.disturbed = kept.workers, kept.coverage, kept.disturbed
    facts.request = request.as_record()
    folder.mkdir(parents=True)
    write_facts(folder, replace(facts, state="finished", finished=facts.started))
    rows, samples = (list(_records(published() / f"{name}.gz")) for name in (ROWS, SAMPLES))
    claims.write(folder, Claims(facts.command, facts.started, (_CLAIM,)))
    (folder / ROWS).write_text(_text([*_first_of_each(rows, "metric"), *filter(_is_whole, rows)]))
    (folder / SAMPLES).write_text(_text(_samples(samples)))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, lines(path))


def _text(records: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{dump(record)}\n" for record in records)


def _first_of_each(records: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The first few records of each name that have the same fields."""
    seen: dict[Hashable, int] = {}
    kept = []
    for record in records:
        kind = (record[name], record.get("status"), frozenset(record))
        seen[kind] = seen.get(kind, 0) + 1
        kept += [record] if seen[kind] <= _FEW else []
    return kept


def _is_whole(case: Mapping[str, Any]) -> bool:
    """Return whether a record belongs to a case that is kept complete."""
    return case["framework"] == "numpy" and case["activation"] in _WHOLE


def _samples(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All samples of some cases and the first few of each kind, with the lines that introduce their
    cases."""
    cases = {sample["case"]: sample for sample in samples if sample["kind"] == "case"}
    others = [sample for sample in samples if sample["kind"] != "case"]
    kept = [sample for sample in others if _is_whole(cases[sample["case"]])]
    kept += [sample for sample in _first_of_each(others, "kind") if sample not in kept]
    return [*(cases[number] for number in dict.fromkeys(s["case"] for s in kept)), *kept]


# --- damages --------------------------------------------------------------------------------------

_DEEP, _MANY = 100_000, 1_000_000
MONSTERS: Mapping[str, Callable[[], str]] = {
    "deep list": lambda: "[" * _DEEP + "]" * _DEEP,
    "deep record": lambda: '{"a":' * _DEEP + "1" + "}" * _DEEP,
    "many digits": lambda: "9" * _MANY,
    "many decimals": lambda: f"0.{'3' * _MANY}",
    "long text": lambda: f'"{"a" * _MANY}"',
    "longer text than a line": lambda: f'"{"a" * 2**24}"',
    "many numbers": lambda: f"[{'1,' * _MANY}1]",
    "many names": lambda: "{" + ",".join(f'"{number}":{number}' for number in range(_DEEP)) + "}",
}
"""Values that are too long to be written down, by name."""
_NUMBERS = (
    *("0", "1", "-1", "3", "2.5", "-0.0", "1e-320", "1e-30", "1e30", "-1e30", "1e308", "-1e308"),
    *("1e999", "-1e999", "NaN", "Infinity", '"NaN"', "9007199254740993", "2147483648"),
    *("281474976710656", "281474976710657", "4611686018427387904", "18446744073709551616"),
)
_TEXTS = (
    *('""', '" "', '"x"', '"numpy"', '"torch"', '"cuda"', '"memory"', '"float8"', '"float64"'),
    *('"gelu"', '"softmax"', '"squareplus(b=-1)"', '"squareplus(b=1e999)"', '"gelu("', '"max"'),
    *('"\\ud800"', '"\\u0000"', '"\\u001b[2J"', '"\u001b]0;x\u0007"', '"\\u009b2J"', '"\\u202e"'),
    *('"\\ufeff"', '"\\u2028"', '"\\n"', '"\\t"', '"[bold]x[/red]"', '"{{7*7}}"', '"{0.x}%s"'),
    *('"</script><script>alert(1)</script>"', '"../../../etc/passwd"', '"/dev/zero"', '"a/b"'),
    *('"2026-01-31T12:00:00+23:59"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59"'),
    *('"0x1p+1023"', '"-0x1p-1074"', '"nan"', '"inf"', '"1x0x1"', '"0x4"', '"99999999999x9"'),
    *('"ok"', '"refused"', '"crashed"', '"running"', '"killed"', '"finished"', '"eager"'),
)
_OTHERS = (
    *("null", "true", "false", "[]", "{}", "[[]]", "[null]", '{"":{}}', "[1,2,3]", '{"a":1}'),
    *('["a","b"]', "[0,0]", "[-1,-1]", "[1e308,1e308]", "[1e999]", '{"numpy":{}}'),
    *('{"cpu":{"l2":0}}', '{"cpu":{"l2":-1,"l1":4096,"launch":64}}', '{"cpu":{}}'),
)


def _bomb(path: Path) -> None:
    """1 GiB of zeros in 1 MiB of gzip: members of 16 MiB."""
    member = gzip.compress(bytes(2**24), mtime=0)
    path.with_name(f"{path.name}.gz").write_bytes(member * 64)


def _endless(path: Path) -> None:
    """A line of 1 GiB, which takes no space on the disk."""
    with path.open("wb") as file:
        file.truncate(2**30)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is a short one
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def _compressed(path: Path, content: bytes) -> None:
    path.with_name(f"{path.name}.gz").write_bytes(content)


FILES: Mapping[str, Callable[[Path, bytes], object]] = {
    "nothing": lambda path, _: None,
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
    "a socket": lambda path, _: _socket(path),
    "a link to nothing": lambda path, _: path.symlink_to("nowhere"),
    "a link to itself": lambda path, _: path.symlink_to(path.name),
    "a link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path, _: path.symlink_to("/dev/tty"),
    "an empty file": lambda path, _: path.write_bytes(b""),
    "a line without end": lambda path, _: _endless(path),
    "a bomb": lambda path, _: _bomb(path),
    "many empty lines": lambda path, _: path.write_bytes(b"\n" * _MANY),
    "many short lines": lambda path, _: path.write_bytes(b"{}\n" * _MANY),
    "half of it compressed": lambda path, content: _compressed(path, gzip.compress(content)[:-99]),
    "more after it compressed": lambda path, content: _compressed(
        path, gzip.compress(content) + b"more"
    ),
    "it is not compressed": lambda path, content: _compressed(path, content),
    "UTF-16": lambda path, content: path.write_bytes(content.decode().encode("utf-16")),
    "a mark at its start": lambda path, content: path.write_bytes(b"\xef\xbb\xbf" + content),
    "lines of another system": lambda path, content: path.write_bytes(
        content.replace(b"\n", b"\r\n")
    ),
    "each line again": lambda path, content: path.write_bytes(content * 2),
    "its lines from the last": lambda path, content: path.write_bytes(
        b"".join(content.splitlines(keepends=True)[::-1])
    ),
}
"""Other things in the place of a file."""


@dataclass(frozen=True)
class Damage:
    """A change of one file of a run.

    With an `instead`, of `FILES`, something else takes its place. With a `place`, a path into the
    first record `of` a name that has it, the value there is the JSON `text`, a name of `MONSTERS`,
    or gone where that is empty. Else the bytes at a share `at` of the file are those of `hex`, and
    `cut` is what is left out there.
    """

    file: str
    instead: str = ""
    of: str = ""
    place: tuple[str | int, ...] = ()
    text: str = ""
    at: float = 0.0
    hex: str = ""
    cut: int = 0

    def do(self, folder: Path) -> None:
        """Change the file in a run's folder; do nothing where an earlier damage has left none."""
        path = folder / self.file
        with suppress(OSError, ValueError, RecursionError):
            if not path.is_file() or path.stat().st_size > 2**27:
                return
            content = path.read_bytes()
            if self.instead:
                path.unlink()
                FILES[self.instead](path, content)
            elif self.place:
                path.write_text(self._changed(content.decode()), errors="surrogatepass")
            else:
                start = int(self.at * len(content))
                rest = content[start + self.cut :]
                path.write_bytes(content[:start] + bytes.fromhex(self.hex) + rest)

    def _changed(self, text: str) -> str:
        parts = text.splitlines(keepends=True) if self.file in (ROWS, SAMPLES) else [text]
        for number, part in enumerate(parts):
            record = json.loads(part)
            if not self.of or record.get(_NAMES[self.file]) == self.of:
                holder = _at(record, self.place[:-1])
                if _holds(holder, self.place[-1]):
                    parts[number] = self._with(record, holder)
                    break
        return "".join(parts)

    def _with(self, record: Any, holder: Any) -> str:
        mark = "here it is"
        if self.text:
            holder[self.place[-1]] = mark
        else:
            del holder[self.place[-1]]
        value = MONSTERS[self.text]() if self.text in MONSTERS else self.text
        return dump(record).replace(f'"{mark}"', value, 1) + "\n"

    def as_record(self) -> dict[str, Any]:
        """The damage without its empty fields."""
        usual = vars(Damage(""))
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Damage:
        """The damage of a record."""
        return cls(**{**record, "place": tuple(record.get("place", ()))})


def _at(record: Any, place: Iterable[str | int]) -> Any:
    for step in place:
        if not _holds(record, step):
            return None
        record = record[step]
    return record


def _holds(holder: Any, step: str | int) -> bool:
    if isinstance(holder, dict):
        return step in holder
    return isinstance(holder, list) and isinstance(step, int) and step < len(holder)


@dataclass(frozen=True)
class Hostile:
    """A folder that no run has written: damages of a run, without its rows if it is a `part`."""

    damages: tuple[Damage, ...]
    part: bool = False

    def make(self, of: Path, folder: Path) -> None:
        """Copy the small run and damage it."""
        shutil.copytree(of, folder)
        if self.part:
            (folder / ROWS).unlink()
            Damage(FACTS, place=("state",), text='"interrupted"').do(folder)
        for damage in self.damages:
            damage.do(folder)

    def as_line(self, reader: str = "") -> str:
        """The folder as a line of text, with the reader that feared it."""
        damages = [damage.as_record() for damage in self.damages]
        return json.dumps({"reader": reader, "part": self.part, "damages": damages})

    @classmethod
    def of_line(cls, line: str) -> Hostile:
        """The folder of a line."""
        held = json.loads(line)
        return cls(tuple(map(Damage.of_record, held["damages"])), held["part"])


def hostile(seed: int, of: Path) -> Hostile:
    """The hostile folder of a seed: one to three damages of a small run."""
    chance = random.Random(seed)
    part = chance.random() < 0.5
    files = (
        (FACTS, SAMPLES, SAMPLES, CLAIMS) if part else (FACTS, FACTS, ROWS, ROWS, SAMPLES, CLAIMS)
    )
    count = chance.choice((1, 1, 1, 2, 3))
    return Hostile(tuple(_damage(chance, chance.choice(files), of) for _ in range(count)), part)


def _damage(chance: random.Random, file: str, of: Path) -> Damage:
    kind = chance.random()
    if kind < 0.12:
        return Damage(file, instead=chance.choice(list(FILES)))
    if kind < 0.25:
        junk = chance.choice(("", "00", "ff", "1b5b324a", "0a", "22", "7d", "c3", "eda080", "2c"))
        cut = chance.choice((0, 1, 2, 50, 2**30))
        return Damage(file, at=round(chance.random(), 4), hex=junk, cut=cut)
    record = chance.choice(_of_file(of / file))
    place = tuple(_place(chance, record))
    value = _at(record, place)
    name = str(record[_NAMES[file]]) if file in (ROWS, SAMPLES) else ""
    return Damage(file, of=name, place=place, text=_value(chance, value))


@cache
def _of_file(path: Path) -> list[dict[str, Any]]:
    text = path.read_text()
    parts = text.splitlines() if path.name in (ROWS, SAMPLES) else [text]
    return [json.loads(part) for part in parts]


def _place(chance: random.Random, value: Any) -> Iterator[str | int]:
    """A way into a record, which ends at any depth."""
    while isinstance(value, dict | list) and value:
        step: Any = chance.choice([*value] if isinstance(value, dict) else range(len(value)))
        yield step
        value = value[step]
        if chance.random() < 0.2:
            return


def _value(chance: random.Random, value: Any) -> str:
    """Another value: mostly of the same type, so that types alone do not refuse it."""
    kind = chance.random()
    if kind < 0.07:
        return chance.choice(list(MONSTERS))
    if kind < 0.12:
        return ""
    if kind < 0.3 or isinstance(value, bool | None | dict | list):
        return chance.choice((*_OTHERS, *_NUMBERS, *_TEXTS))
    return chance.choice(_TEXTS if isinstance(value, str) else _NUMBERS)
