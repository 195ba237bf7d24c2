"""The readers of stored runs, called in this process, and how each may react to a hostile one."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import actbench
from actbench import __main__
from actbench.bench.host.errors import ActbenchError
from actbench.bench.results import claims, store
from actbench.bench.run.schedule import _Schedule

STATUSES = (0, 1, 2, 3, 4)
"""The exit statuses that commands document, except that of an interrupt."""
PATIENCE = 60
"""The seconds after which a reader counts as hanging: several hundred times the need."""
_LONGEST = 2000
"""The most characters of an error."""
_MEMORY = 2**30
"""The most bytes that reading any folder may take."""
Words = Callable[[Path, Path, Path], list[str]]

COMMANDS: Mapping[str, Words] = {
    "export": lambda run, good, out: ["export", str(run), "--format", "csv"],
    "json": lambda run, good, out: ["export", str(run)],
    "table": lambda run, good, out: ["export", str(run), "--table", "relative_cost"],
    "pytest-benchmark": lambda run, good, out: [
        "export", str(run), "--format", "pytest-benchmark",
    ],
    "findings": lambda run, good, out: ["findings", str(run)],
    "special": lambda run, good, out: ["special", str(run)],
    "compare": lambda run, good, out: ["compare", str(good), str(run), "--across-machines"],
    "report": lambda run, good, out: ["report", str(run), "--out", str(out / "page.html")],
    "chart": lambda run, good, out: ["chart", str(run), "--out", str(out / "costs.svg")],
    "chart of sizes": lambda run, good, out: [
        "chart", str(run), "--kind", "size", "--out", str(out / "sizes.svg"),
    ],
    "publish": lambda run, good, out: ["publish", str(run)],
    "site": lambda run, good, out: [
        "site", "--published", str(run.parent), "--out", str(out / "site"),
    ],
    "selftest": lambda run, good, out: [
        "selftest", "--costs", "--of", str(good), "--of", str(run),
    ],
    "run --into": lambda run, good, out: [
        "run", "--profile", "smoke", "--framework", "numpy", "--into", str(run), "--json",
    ],
    "run --resume": lambda run, good, out: ["run", "--resume", str(run), "--json"],
}  # fmt: skip
"""The command lines that read a run; a second, `good` one is compared with it."""


def _unfinished(run: Path) -> None:
    store.is_unfinished(run, "actbench run")


CALLS: Mapping[str, Callable[[Path], object]] = {
    "actbench.load": actbench.load,
    "samples": store.read_samples,
    "unfinished": _unfinished,
    "claims": claims.read,
}
"""Readers of a run in Python: errors are exceptions there."""
READERS = (*COMMANDS, *CALLS)


class Hung(BaseException):
    """A reader takes far longer than any run is worth."""


@dataclass(frozen=True)
class Seen:
    """The reaction of a reader: its exit status and words, and the `fault`, empty without one."""

    reader: str
    status: int
    out: str
    err: str
    fault: str = ""


def read(reader: str, run: Path, good: Path, out: Path) -> Seen:
    """Let a reader read a run; what it writes goes to `out`, from where it is called."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    status, fault = 0, ""
    with _elsewhere(out), redirect_stdout(stdout), redirect_stderr(stderr), _in_time():
        try:
            status = _status(reader, run, good, out)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            last = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
    written, said = (_written(stream) for stream in (stdout, stderr))
    return Seen(reader, status, written, said, fault or _wrong(status, written, said))


def _status(reader: str, run: Path, good: Path, out: Path) -> int:
    if reader in CALLS:
        try:
            CALLS[reader](run)
        except ActbenchError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_status
        return 0
    try:
        with patch.object(_Schedule, "execute", lambda self: None):  # nothing is measured
            return __main__.main(COMMANDS[reader](run, good, out))
    except SystemExit as ended:
        return int(str(ended.code or 0))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "surrogateescape")


def _wrong(status: int, out: str, err: str) -> str:
    """The fault in a reader's answer."""
    if status not in STATUSES:
        return f"exit status {status}"
    if "Traceback" in err:
        return "a traceback"
    if strange := _unsafe(out + err):
        return f"it shows U+{ord(strange):04X}"
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    if status == 4 and not errors:
        return "exit status 4 without a sentence"
    long = [line for line in errors if len(line) > _LONGEST]
    return f"a sentence of {len(long[0]):,} characters" if long else ""


def _unsafe(text: str) -> str:
    """The first character that a terminal may obey; empty if there is none."""
    kinds = {letter: unicodedata.category(letter) for letter in set(text) - set("\n\t\r")}
    return min((letter for letter, kind in kinds.items() if kind in ("Cc", "Cs")), default="")


@contextmanager
def _elsewhere(folder: Path) -> Iterator[None]:
    """Work in a folder, as if results/ were there."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


@contextmanager
def _in_time() -> Iterator[None]:
    """Raise Hung within this context, where it takes longer than anybody waits."""

    def hung(*_: object) -> None:
        raise Hung(f"it has not ended in {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded() -> Iterator[None]:
    """Limit this process to its present memory and what reading may take besides."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
