"""Run folders: the only module that knows the files.

A run is a folder with

- `run.json`: schema version, command, seed, machine, versions, what was asked (`RunFacts`)
- `samples.jsonl`: raw, appended as measured (`samples`)
- `rows.jsonl`: derived, one row per line (`rows`); it can always be made again from the samples
- `worker-NAME.log`: what a worker wrote, if it did
- `claims.json`: claims of the literature as they were judged by the run, if they were (`claims`)

Either may be compressed (`.gz`), as it is in a published run.

Infinity is written as 1e999, which JSON allows and Python, pandas and JavaScript read as infinity.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from ..catalog.cases import Case
from ..host import limits, process
from ..host.errors import StoreError, UsageError
from . import door, samples
from .facts import RunFacts
from .files import content, lines, opened, plain_or_compressed, text_of
from .files import dump as dump
from .rows import COLUMNS, Reader, Row, with_derived
from .samples import Missing, Sample, as_record
from .status import Status

if TYPE_CHECKING:
    import pandas


SCHEMA = 3
RESULTS = Path("results")
_NUMBERS = ("value", "low", "high")
FACTS, _ROWS, SAMPLES = "run.json", "rows.jsonl", "samples.jsonl"
_TEMPORARY_FACTS = "run.tmp"
CLAIMS = "claims.json"
"""The file that claims of the literature are kept in, once they were judged by a run."""
FILES = (FACTS, _ROWS, f"{_ROWS}.gz", SAMPLES, f"{SAMPLES}.gz", CLAIMS)
"""The files that a run may consist of."""
LOGS = "worker-*.log"
"""The files beside them in which workers wrote."""
PUBLISHED = RESULTS / "published"
"""The folder of runs that are kept under version control."""
_PATIENCE, _PAUSE = 10, 0.02
"""The attempts to lock a run, and the seconds between them: a reader holds the lock for an instant.
"""
_SMALL = 2**20
"""The bytes of a row file that fits in any memory."""
_MANY = 100_000
"""The number of rows whose table may be too large for a small machine."""
_ON_PAGE, _IN_TABLE = 2 * 2**10, 6 * 2**10
"""Bytes that a row takes until it is on a page, and in a table of pandas; it is 1.4 and 5.2 KiB of
a standard run's (python -m tools.many_rows)."""
_MOST_LOST = 1000
"""The lines of samples that may be lost before the file counts as malformed."""
RUN_FACTS = TypeAdapter(RunFacts)
"""The model of `run.json`."""


@dataclass(frozen=True)
class Lost:
    """A line of samples that cannot be read, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Stored:
    """The samples of a run, the lines that are lost, and the number by which each case goes."""

    samples: Sequence[Sample]
    lost: Sequence[Lost] = ()
    numbers: Mapping[Case, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A stored run: its facts, its rows, and the lines of samples that were lost to them."""

    path: Path
    facts: RunFacts
    records: Sequence[Row]
    lost: Sequence[Lost] = ()

    @cached_property
    def rows(self) -> pandas.DataFrame:
        """A table of `COLUMNS` of the rows and what follows from them; a missing number is NaN.

        Raises StoreError where it would fill the memory.
        """
        import pandas

        if len(self.records) > _MANY:
            _check_memory(self.path, len(self.records), _IN_TABLE)
        records = [row.as_columns() for row in with_derived(self.records)]
        table = pandas.DataFrame(records, columns=list(COLUMNS))
        for column in _NUMBERS:
            table[column] = pandas.to_numeric(table[column])
        return table


def check_free(path: Path) -> None:
    """Raise UsageError if a run cannot be written to a folder because something is there."""
    if path.exists() and not (path.is_dir() and _is_left(path)):
        raise _taken(path)


def _is_left(path: Path) -> bool:
    """Return whether a folder is empty, or holds what a run left that was killed at its start."""
    left = _names(path) - {_TEMPORARY_FACTS}
    return not left or (left == {SAMPLES} and not (path / SAMPLES).stat().st_size)


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
        raise cannot_write(RESULTS / first, error) from error
    return RESULTS / f"{first}{suffix}"


def is_unfinished(path: Path, command: str) -> bool:
    """Return whether a folder holds a run of this very command that was not finished."""
    try:
        facts = read_facts(path)
    except StoreError:
        return False
    return facts.command == command and facts.state != "finished"


class RunWriter:
    """A writer of a run folder, which it locks as long as it writes.

    Samples are handed to the system as they come and not kept in memory: a run has many.
    """

    def __init__(self, path: Path, facts: RunFacts, anew: bool = False) -> None:
        """Create the folder; what is in it is written `anew` or must not be there.

        Raises UsageError if something is there, or another process writes it; StoreError if it
        cannot be written.
        """
        self._take(path, facts, Stored(()))
        try:
            if not anew:
                check_free(path)
            path.mkdir(parents=True, exist_ok=True)
            self._open()
            if not anew and not _is_left(path):
                raise _taken(path)  # by another, between the look and the lock
            self._samples.truncate(0)
        except OSError as error:
            raise cannot_write(path, error) from error
        self.write_facts()

    @classmethod
    def going_on(cls, path: Path, facts: RunFacts, stored: Stored) -> RunWriter:
        """A writer that adds to a stored run.

        Raises UsageError if another process writes it, StoreError if it cannot be written.
        """
        self = cls.__new__(cls)
        self._take(path, facts, stored)
        try:
            self._laid = _expanded(path)
            self._open()
            self._before = content(path / FACTS).encode()
            if self._size and not _ends_its_line(path / SAMPLES):
                self._samples.write("\n")
        except OSError as error:
            raise cannot_write(path, error) from error
        self.write_facts()
        return self

    def _take(self, path: Path, facts: RunFacts, stored: Stored) -> None:
        """Take over what a run has stored."""
        self.path, self.facts = path, facts
        self._numbers = dict(stored.numbers)
        self._next, self._measured = 1 + max(self._numbers.values(), default=-1), False
        self._given_up: StoreError | None = None
        self._before: bytes | None = None
        self._laid = False

    def _open(self) -> None:
        """Open the samples and keep others from writing them as long as they are open."""
        self._samples: IO[str] = (self.path / SAMPLES).open("a", encoding="utf-8", buffering=1)
        _lock(self._samples, self.path)
        self._size = os.fstat(self._samples.fileno()).st_size
        self.facts.process = process.own()

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples of the run, read back. Raises StoreError where they cannot be read."""
        return read_samples(self.path)

    def append(self, sample: Sample) -> None:
        """Append one sample."""
        self._measured |= not isinstance(sample, Missing)
        case = sample.case
        if case not in self._numbers:
            self._numbers[case] = self._next
            self._next += 1
            introduction = {"kind": "case", "case": self._numbers[case], **case.as_dict()}
            self._write(introduction)
            self._write(introduction)  # once more, so that no line that is lost takes others along
        self._write(as_record(sample, self._numbers[case]))

    def _write(self, record: dict[str, Any]) -> None:
        with self._or_give_up():
            self._samples.write(dump(record) + "\n")

    def flush(self) -> None:
        """Hand everything appended so far to the disk."""
        with self._or_give_up():
            self._samples.flush()
            os.fsync(self._samples.fileno())

    @contextmanager
    def _or_give_up(self) -> Iterator[None]:
        """Close the samples without what cannot be written, so that nothing tries again at exit.

        Later writes, from another thread for example, fail for the same reason.
        """
        if self._given_up:
            raise self._given_up
        try:
            yield
        except OSError as error:
            self._given_up = cannot_write(self.path, error)
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

    def finish(self, rows: Iterable[Row] | None) -> None:
        """Write the derived rows and close the run; None leaves it to readers to derive them."""
        try:
            if not self._given_up:
                self.flush()
        finally:
            if rows is None:
                for name in (_ROWS, f"{_ROWS}.gz"):
                    (self.path / name).unlink(missing_ok=True)
                self.write_facts()
            else:
                self.write(rows)
                if (self.path / f"{SAMPLES}.gz").exists():
                    compress(self.path)
            self._samples.close()

    def withdraw(self) -> bool:
        """Leave a run that was gone on with as it was; return False if something was measured."""
        if self._before is None or self._measured:
            return False
        self._samples.truncate(self._size)
        write_whole(self.path / FACTS, self._before)
        if self._laid:
            (self.path / SAMPLES).unlink()
        self._samples.close()
        return True


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} is already there: choose another folder with --out")


def _names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def _lock(file: IO[str], path: Path) -> None:
    """Keep others from writing the same run as long as the file is open."""
    for _ in range(_PATIENCE):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    file.close()
    raise UsageError(f"{path} is being written by another process: wait for it")


def _is_written(folder: Path, facts: RunFacts) -> bool:
    """Return whether a process writes a run now: it holds the lock or, without locks, is alive."""
    try:
        with opened(folder / SAMPLES) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return facts.process is not None and facts.process.alive


def _ends_its_line(path: Path) -> bool:
    with opened(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _expanded(folder: Path) -> bool:
    """Expand compressed samples beside themselves; return whether there were any."""
    plain = folder / SAMPLES
    compressed = plain_or_compressed(plain)
    if compressed == plain:
        return False
    temporary = plain.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.writelines(lines(compressed))
    temporary.replace(plain)
    return True


def write_facts(path: Path, facts: RunFacts) -> None:
    """Write `run.json` of a run folder anew."""
    write_whole(path / FACTS, (dump(asdict(facts), indent=1) + "\n").encode())


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write `rows.jsonl` of a run folder anew."""
    write_whole(path / _ROWS, "".join(dump(row.as_record()) + "\n" for row in rows).encode())


def write_whole(path: Path, text: bytes) -> None:
    """Write a file so that a full disk, an interrupt or a power cut leaves the old one whole."""
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> StoreError:
    """An error for a file that the disk refuses."""
    reason = error.strerror or str(error)
    return StoreError(f"cannot write {path}: {reason}; free some space or choose another --out")


def cannot_read(path: Path, error: OSError) -> StoreError:
    """An error for a file that cannot be opened or read."""
    return StoreError(f"cannot read {path}: {error.strerror or error}; measure it again")


def malformed(path: Path, wrong: str) -> StoreError:
    """An error for a file with contents that no run writes."""
    return StoreError(f"{path} is malformed: {wrong}; measure it again")


def locate(path: Path) -> Path:
    """A run's folder, given as it is or by its name under results/ or results/published/."""
    try:
        for candidate in (path, RESULTS / path, PUBLISHED / path):
            if (candidate / FACTS).is_file():
                return candidate
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; name another run") from None
    known = ", ".join(
        sorted(facts_file.parent.name for facts_file in RESULTS.glob(f"**/{FACTS}"))[-3:]
    )
    hint = f"; there are: {known}" if known else "; actbench run makes one"
    raise StoreError(f"no run at {path}{hint}")


def has_rows(folder: Path, facts: RunFacts) -> bool:
    """Return whether a run has rows of all its samples, or nothing but rows."""
    rows, raw = (plain_or_compressed(folder / name).exists() for name in (_ROWS, SAMPLES))
    return rows and (facts.state not in ("running", "killed") or not raw)


def load(path: Path) -> Run:
    """Read a run by its rows. Raises StoreError if it is missing, malformed or of another schema.

    `run.reading.load` also reads those that ended before they had any.
    """
    folder = locate(path)
    return Run(folder, read_facts(folder), read_rows(folder))


def read_rows(folder: Path, holding: str = "") -> list[Row]:
    """The rows of a run, or those whose lines contain a text.

    Raises StoreError if they are missing, malformed, or too many for the memory here.
    """
    if not holding:
        _check_rows(folder)
    return list(each_row(folder, holding))


def each_row(folder: Path, holding: str = "") -> Iterator[Row]:
    """Yield the rows of a run, or those whose lines contain a text: any number of them.

    Raises StoreError if they are missing or malformed.
    """
    path, reader = plain_or_compressed(folder / _ROWS), Reader()
    text, number = holding.encode(), 0
    try:
        for line in lines(path):
            number += 1
            if text in line:
                yield reader.row(text_of(line))
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise malformed(path, f"{door.first_of(error)} (line {number})") from None


def _check_rows(folder: Path) -> None:
    """Raise StoreError where the rows of a run, and a page of them, would fill the memory."""
    path = plain_or_compressed(folder / _ROWS)
    try:
        if path.stat().st_size < _SMALL:
            return
        _check_memory(folder, sum(1 for _ in lines(path)), _ON_PAGE)
    except OSError as error:
        raise cannot_read(path, error) from None


def _check_memory(folder: Path, rows: int, bytes_of_row: int) -> None:
    """Raise StoreError where so many rows of a run would fill the memory."""
    needed, free = rows * bytes_of_row, limits.available_memory()
    if needed > free:
        raise StoreError(
            f"{folder} has {rows:,} rows, which take {needed / 2**30:.3g} GiB of memory, and "
            f"{free / 2**30:.3g} GiB are free: actbench export {folder} --format csv writes them "
            "one by one; or read it on a larger machine"
        )


def count_measured(folder: Path) -> int:
    """The number of cases for which the rows of a run have a value.

    Raises StoreError if they are missing or malformed.
    """
    path, number = plain_or_compressed(folder / _ROWS), 0
    names = [case_field.name for case_field in fields(Case)]
    measured: set[tuple[str, ...]] = set()
    try:
        for line in lines(path):
            number += 1
            record = from_json(text_of(line))
            if not isinstance(record, dict):
                raise ValueError("it is not an object")
            if record.get("status") == Status.OK:
                measured.add(tuple(str(record.get(name)) for name in names))
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise malformed(path, f"{error} (line {number})") from None
    return len(measured)


def read_facts(folder: Path) -> RunFacts:
    """Read `run.json`. Raises StoreError if it is malformed or of another schema.

    A run that is running as it says, and that no process writes, was killed.
    """
    path = folder / FACTS
    try:
        text = content(path)
        record = from_json(text)
        schema = record.get("schema") if isinstance(record, dict) else None
        if schema != SCHEMA:
            way = "read it with the version that wrote it or measure it again"
            raise StoreError(f"{path} has schema {schema}, this version reads {SCHEMA}: {way}")
        facts = RUN_FACTS.validate_json(text, strict=True)
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise malformed(path, door.first_of(error)) from None
    if facts.state == "running" and not _is_written(folder, facts):
        return replace(facts, state="killed")
    return facts


def read_samples(folder: Path) -> Sequence[Sample]:
    """The samples of a run, as far as they can be read. Raises StoreError."""
    return stored(folder).samples


def stored(folder: Path) -> Stored:
    """The samples of a run, without lines that cannot be read.

    All of them are held, 1.7 kB each in a standard run of 14,500: while they are recorded none is.
    Raises StoreError where the file, or every line of it, cannot be.
    """
    path = plain_or_compressed(folder / SAMPLES)
    reader = samples.Reader()
    read: list[Sample] = []
    lost: list[Lost] = []
    try:
        for number, line in enumerate(lines(path), start=1):
            try:
                sample = reader.sample(text_of(line))
            except ValueError as error:
                lost.append(Lost(number, door.first_of(error)))
                if len(lost) > _MOST_LOST:
                    break
            else:
                read += [sample] if sample else []
    except OSError as error:
        raise cannot_read(path, error) from None
    if lost and (len(lost) > _MOST_LOST or not read):
        raise malformed(path, f"{lost[0].reason} (line {lost[0].line})")
    return Stored(read, lost, reader.numbers)


def publish(run: Run, published: Path = PUBLISHED) -> Path:
    """Copy a run into a folder, compressed, and return where it is.

    Raises StoreError if it cannot be read or written, UsageError if it is there already.
    """
    target = published / run.path.resolve().name
    try:
        target.mkdir(parents=True)
        write_facts(target, run.facts)
        write_rows(target, run.records)
        with (target / SAMPLES).open("wb") as file:
            file.writelines(lines(plain_or_compressed(run.path / SAMPLES)))
        compress(target)
    except FileExistsError:
        raise UsageError(f"{target} is already there") from None
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise cannot_write(target, error) from error
    return target


def compress(folder: Path) -> None:
    """Compress the rows and samples of a run folder."""
    for name in (_ROWS, SAMPLES):
        plain = folder / name
        write_whole(folder / f"{name}.gz", gzip.compress(plain.read_bytes(), mtime=0))
        plain.unlink()
