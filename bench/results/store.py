"""Run folders: the only module that knows the files.

A run is a folder with

- `run.json`: schema version, command, seed, machine, versions, what was asked (`RunFacts`)
- `samples.jsonl`: raw, appended as measured (`samples`)
- `rows.jsonl`: derived, one row per line (`rows`); it can always be made again from the samples

Either may be compressed (`.gz`), as it is in a published run.

Infinity is written as 1e999, which JSON allows and Python, pandas and JavaScript read as infinity.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from ..catalog.cases import Case
from ..host.errors import StoreError, UsageError
from .facts import RunFacts
from .rows import COLUMNS, Reader, Row, with_derived
from .samples import Sample, as_record, sample_of

if TYPE_CHECKING:
    import pandas

SCHEMA = 3
RESULTS = Path("results")
_NUMBERS = ("value", "low", "high")
_LONG = ("rows.jsonl", "samples.jsonl")
_CASE = tuple(Case.__dataclass_fields__)


@dataclass(frozen=True)
class Run:
    """A stored run: its facts and its rows."""

    path: Path
    facts: RunFacts
    records: Sequence[Row]

    @cached_property
    def rows(self) -> pandas.DataFrame:
        """A table of `COLUMNS` of the rows and what follows from them; a missing number is NaN."""
        import pandas

        records = [row.as_columns() for row in with_derived(self.records)]
        table = pandas.DataFrame(records, columns=list(COLUMNS))
        for column in _NUMBERS:
            table[column] = pandas.to_numeric(table[column])
        return table


_STRING_OR_INFINITY = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity')


def dump(record: dict[str, Any]) -> str:
    """A record as one line of JSON, infinity as 1e999; text that looks like it is left alone."""
    text = json.dumps(record, ensure_ascii=False)
    if "Infinity" not in text:
        return text
    return _STRING_OR_INFINITY.sub(
        lambda match: "1e999" if match[0] == "Infinity" else match[0], text
    )


def check_free(path: Path) -> None:
    """Raise UsageError if a run cannot be written to a folder because something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is already there: choose another folder with --out")


def new_folder(started: datetime, name: str) -> Path:
    """Create the folder of a run in results/, numbered where another began in the same second.

    Raises StoreError if it cannot be created.
    """
    first = f"{started:%Y-%m-%dT%H-%M-%S}-{name}"
    try:
        RESULTS.mkdir(parents=True, exist_ok=True)
        for suffix in chain([""], (f"-{number}" for number in count(2))):
            with suppress(FileExistsError):
                (RESULTS / f"{first}{suffix}").mkdir()
                break
    except OSError as error:
        raise _cannot_write(RESULTS / first, error) from error
    return RESULTS / f"{first}{suffix}"


def is_unfinished(path: Path, command: str) -> bool:
    """Say whether a folder holds a run of this very command that did not come to its end."""
    try:
        facts = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(facts.get("command") == command and facts.get("state") != "finished")


class RunWriter:
    """A writer of a run folder. Samples are appended and flushed as they come, and kept."""

    def __init__(self, path: Path, facts: RunFacts, anew: bool = False) -> None:
        """Create the folder; what is in it is written `anew` or must not be there.

        Raises UsageError if something is there, or another process writes it; StoreError if it
        cannot be written.
        """
        self.path = path
        self.facts = facts
        self.samples: list[Sample] = []
        self._numbers: dict[Case, int] = {}
        self._given_up: StoreError | None = None
        try:
            if not anew:
                check_free(path)
            path.mkdir(parents=True, exist_ok=True)
            self._samples: IO[str] = (path / "samples.jsonl").open("a", encoding="utf-8")
            _lock(self._samples, path)
            self._samples.truncate(0)
        except OSError as error:
            raise _cannot_write(path, error) from error
        self.write_facts()

    def append(self, sample: Sample) -> None:
        """Append one sample."""
        self.samples.append(sample)
        case = sample.case
        if case not in self._numbers:
            self._numbers[case] = len(self._numbers)
            self._write({"kind": "case", "case": self._numbers[case], **case.as_dict()})
        self._write(as_record(sample, self._numbers[case]))

    def _write(self, record: dict[str, Any]) -> None:
        with self._or_give_up():
            self._samples.write(dump(record) + "\n")

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        with self._or_give_up():
            self._samples.flush()

    @contextmanager
    def _or_give_up(self) -> Iterator[None]:
        """Close the samples without what cannot be written, so that nothing tries again at exit.

        Whatever is written later, by another thread say, fails for the same reason.
        """
        if self._given_up:
            raise self._given_up
        try:
            yield
        except OSError as error:
            self._given_up = _cannot_write(self.path, error)
            with suppress(OSError):
                self._samples.close()
            raise self._given_up from error

    def write_facts(self) -> None:
        """Write `run.json` as the facts are now."""
        write_facts(self.path, self.facts)

    def write(self, rows: Iterable[Row]) -> None:
        """Write the derived rows, and the facts as they are now."""
        write_rows(self.path, rows)
        self.write_facts()

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the derived rows and close the run."""
        self.flush()
        self._samples.close()
        self.write(rows)


def _lock(file: IO[str], path: Path) -> None:
    """Keep others from writing the same run as long as the file is open."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{path} is being written by another process: wait for it") from None


def write_facts(path: Path, facts: RunFacts) -> None:
    """Write `run.json` of a run folder anew."""
    _replace(path / "run.json", json.dumps(asdict(facts), indent=1) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write `rows.jsonl` of a run folder anew."""
    _replace(path / "rows.jsonl", "".join(dump(row.as_record()) + "\n" for row in rows))


def _replace(path: Path, text: str) -> None:
    """Write a file so that a full disk or an interrupt leaves the old one whole."""
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"cannot write {path}: {reason}; free some space or choose another --out")


def locate(path: Path) -> Path:
    """A run's folder, given as it is or by its name under results/ or results/published/."""
    for candidate in (path, RESULTS / path, RESULTS / "published" / path):
        if (candidate / "run.json").is_file():
            return candidate
    known = ", ".join(
        sorted(facts_file.parent.name for facts_file in RESULTS.glob("**/run.json"))[-3:]
    )
    hint = f"; there are: {known}" if known else "; actbench run makes one"
    raise StoreError(f"no run at {path}{hint}")


def load(path: Path) -> Run:
    """Read a run. Raises StoreError if it is missing, malformed or of another schema."""
    folder = locate(path)
    facts, path = read_facts(folder), folder / "rows.jsonl"
    try:
        return Run(folder, facts, list(map(Reader().row, read_lines(path))))
    except ValidationError as error:
        raise _malformed(path, error) from None
    except ValueError as error:
        raise StoreError(f"{path} is malformed: {error}; measure it again") from None


def _malformed(path: Path, error: ValidationError) -> StoreError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return StoreError(f"{path} is malformed: {where}: {first['msg']}; measure it again")


def read_facts(folder: Path) -> RunFacts:
    """Read `run.json`. Raises StoreError if it is malformed or of another schema."""
    path = folder / "run.json"
    content = read_json(path)
    schema = content.get("schema")
    if schema != SCHEMA:
        way = "read it with the version that wrote it or measure it again"
        raise StoreError(f"{path} has schema {schema}, this version reads {SCHEMA}: {way}")
    return facts_of(content, path)


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one record, empty for any other value. Raises StoreError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}; measure it again") from None
    return content if isinstance(content, dict) else {}


def facts_of(content: Mapping[str, Any], path: Path) -> RunFacts:
    """The facts in a record that was read at a path. Raises StoreError for a malformed one."""
    try:
        return TypeAdapter(RunFacts).validate_python(content)
    except ValidationError as error:
        raise _malformed(path, error) from None


def read_samples(folder: Path) -> Iterator[Sample]:
    """The samples of a run. Raises StoreError for a malformed line.

    A last line without its end is what a killed process leaves, and is passed over.
    """
    cases: dict[int, Case] = {}
    path = folder / "samples.jsonl"
    for record in read_lines(path, forgive_last=True):
        try:
            number = record.pop("case")
            if record["kind"] == "case":
                cases[number] = Case(**{key: record[key] for key in _CASE if key in record})
            else:
                yield sample_of(record, cases[number])
        except ValidationError as error:
            raise _malformed(path, error) from None
        except (KeyError, TypeError) as error:
            raise StoreError(f"{path} is malformed: {error!r}; measure it again") from None


def _plain_or_compressed(path: Path) -> Path:
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.exists() and not path.exists() else path


def publish(path: Path) -> Path:
    """Copy a run to results/published/, compressed, and return where it is.

    Raises StoreError if it cannot be read or written, UsageError if it is there already.
    """
    folder = load(path).path
    target = RESULTS / "published" / folder.resolve().name
    if target.exists():
        raise UsageError(f"{target} is already there")
    try:
        target.mkdir(parents=True)
        for name in ("run.json", *_LONG):
            (target / name).write_bytes((folder / name).read_bytes())
        compress(target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    return target


def compress(folder: Path) -> None:
    """Compress the rows and samples of a run folder."""
    for name in _LONG:
        plain = folder / name
        (folder / f"{name}.gz").write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
        plain.unlink()


def read_lines(path: Path, forgive_last: bool = False) -> Iterator[dict[str, Any]]:
    """The records of a file, one per line, be it compressed or not. Raises StoreError."""
    path = _plain_or_compressed(path)
    try:
        open_ = gzip.open if path.suffix == ".gz" else open
        with open_(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if forgive_last and not line.endswith("\n"):
                    return
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError(f"line {number} is not a record")
                yield record
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {path}: {error}; measure it again") from None
