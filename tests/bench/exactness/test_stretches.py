"""Sweeps in stretches: nothing left out or done twice, on one process or several, killed or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import own
from actbench.bench.exactness import stretches
from actbench.bench.exactness.ranges import Stretch, cut
from actbench.bench.exactness.stretches import Journal, Part, Subject
from actbench.bench.exactness.sweep import sample_of
from actbench.bench.host.errors import UsageError
from actbench.bench.results.rows import Point
from actbench.bench.results.samples import Certificate
from actbench.bench.workers import scheduler
from actbench.bench.workers.process import Failed

from ...answers import held

ROOT = Path(__file__).resolve().parents[3]
LENGTH = 2**12
PIECES = 8
HIGH = float.hex(1 + 2.0**-8 - 2.0**-23)
"""With 1 the ends of 2¹⁵ numbers of float32: eight stretches of 2¹²."""

_MODULE = """
import os, time
from pathlib import Path
import numpy as np

HERE = Path(__file__).parent

def is_of_a_stretch(x):
    return x.size == {length}

def logged(x):
    if not is_of_a_stretch(x):
        return np.exp(x.astype(np.float64)).astype(np.float32)
    with (HERE / "log").open("a") as file:
        file.write(float(x.flat[0]).hex() + "\\n")
    time.sleep(float(os.environ.get("PAUSE", "0")))
    result = np.exp(x.astype(np.float64)).astype(np.float32)
    result.flat[7] += result.flat[7] * 2.0**-20
    return result

def once(x, victim):
    if not is_of_a_stretch(x):
        return
    try:
        (HERE / "done").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(victim, 9)

def dies_once(x):
    once(x, os.getpid())
    return logged(x)

def says_why(x):
    print("planted words", flush=True)
    os._exit(3)

def task():
    # The process that asks: between it and this one is the keeper of this one.
    keeper = Path(f"/proc/{os.getppid()}/stat").read_text()
    return int(keeper.rpartition(")")[2].split()[1])

def kills_its_task_once(x):
    once(x, task())
    return logged(x)

def kills_its_task(x):
    if is_of_a_stretch(x):
        os.kill(task(), 9)
    return logged(x)
""".replace("{length}", str(LENGTH))
_SHORT = (
    "import sys; from actbench.bench.exactness import ranges\n"
    "from actbench.bench.commands import main\n"
    f"ranges.STRETCH = {LENGTH}\n"
    "sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with functions of one's own, and an empty cache."""
    (tmp_path / "slowly.py").write_text(_MODULE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(tmp_path))))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _command(name: str, *options: str) -> list[str]:
    own = ("--callable", f"slowly:{name}", "--reference", "exp", "--range", "1", HIGH, "--json")
    return [sys.executable, "-c", _SHORT, "agree", *own, *options]


def _agree(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(name, *options), capture_output=True, text=True, check=False, timeout=600
    )


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    [certificate] = held("answer-agree", done.stdout)["certificates"]
    return dict(certificate)


def _logged(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


def _subject(name: str = "logged") -> Subject:
    framework = own(f"slowly:{name}", "exp")
    case = Case(
        framework.name, "exp", framework.callable, "eager", "forward", "cpu", "float32", 0, 1
    )
    return Subject(case, framework)


def _pieces() -> list[Stretch]:
    return cut(inputs.place_of(1.0, "float32"), PIECES * LENGTH, LENGTH)


# --- cutting and keeping --------------------------------------------------------------------------


@given(st.integers(-(2**31), 2**31), st.integers(1, 2**20), st.integers(2**8, 2**20))
def test_stretches_hold_every_place_once_and_none_goes_across_zero(
    first: int, count: int, length: int
) -> None:
    _check_cut(first, count, length)


@given(st.integers(-5000, 5000), st.integers(1, 10_000), st.integers(1, 3000))
def test_so_they_do_around_zero(first: int, count: int, length: int) -> None:
    _check_cut(first, count, length)


def _check_cut(first: int, count: int, length: int) -> None:
    at = first
    for start, size in cut(first, count, length):
        assert start == at
        assert 1 <= size <= length
        assert not start < 0 < start + size
        at = start + size
    assert at == first + count


def _part(first: int, version: str = "1", tested: int = 5) -> Part:
    certificate = Certificate(tested=tested, max_ulp=float(first), nan_first=(Point("0x1p+0"),))
    return Part((first, 5), (certificate,), {"numpy": version})


def test_a_journal_gives_back_what_it_was_given_and_passes_over_torn_lines() -> None:
    """Cut off at any byte, and written on: only the torn part is missing."""
    journal = Journal(_subject(), b"source")
    for first in (0, 5, 10):
        journal.append(_part(first))
    content = journal.path.read_bytes()
    for end in (len(content) - 1, len(content) - 40, len(content) // 2, 1, 0):
        journal.path.write_bytes(content[:end])
        before = {part.stretch[0] for part in journal.read()}
        journal.append(_part(15))
        assert {part.stretch[0] for part in journal.read()} == before | {15}
    journal.path.write_bytes(content + b"\n\xff\xfe{}\nnull\n[]\n{}")
    assert [part.stretch for part in journal.read()] == [(0, 5), (5, 5), (10, 5)]
    journal.remove()
    assert journal.read() == []
    journal.remove()


def test_a_part_with_a_bit_flipped_or_of_another_journal_counts_as_not_done() -> None:
    """A digit of an error may have become another."""
    journal, other = Journal(_subject(), b"source"), Journal(_subject(), b"other source")
    journal.append(_part(5))
    content = journal.path.read_bytes()
    for place in range(1, len(content), 3):
        broken = bytearray(content)
        broken[place] ^= 1
        journal.path.write_bytes(broken)
        assert journal.read() == [], place
    other.path.write_bytes(content)
    assert other.read() == []
    journal.path.write_bytes(content)
    assert [part.stretch for part in journal.read()] == [(5, 5)]
    journal.remove(), other.remove()


def test_another_subject_or_source_has_another_journal() -> None:
    journals = [
        Journal(_subject(), b"one"),
        Journal(_subject(), b"two"),
        Journal(_subject("other"), b"one"),
        Journal(replace(_subject(), python="python"), b"one"),
    ]
    assert len({journal.path for journal in journals}) == 4
    assert Journal(_subject(), b"one").path == journals[0].path


def _compute(asked: list[Stretch], version: str = "1") -> stretches.Compute:
    def compute(subject: Subject, missing: Sequence[Stretch]) -> Iterator[Part]:
        for first, _ in missing:
            asked.append((first, 5))
            yield _part(first, version)

    return compute


WANTED = [(0, 5), (5, 5), (10, 5), (15, 5)]


def test_what_a_journal_holds_is_not_done_again() -> None:
    journal, asked, counted = Journal(_subject(), b""), list[Any](), list[int]()
    for first in (0, 10, 99):
        journal.append(_part(first))
    [found], _ = stretches.sweep(
        _subject(), WANTED, journal, _compute(asked), lambda: counted.append(1)
    )
    assert asked == [(5, 5), (15, 5)]
    assert (found.tested, found.max_ulp, len(counted)) == (20, 15.0, 4)
    assert {part.stretch[0] for part in journal.read()} == {0, 5, 10, 15, 99}


@pytest.mark.parametrize("held", [[0, 10], [0, 5, 10, 15]])
def test_parts_of_another_version_are_thrown_away(held: list[int]) -> None:
    """Also where nothing is missing: one part is done again, to know."""
    journal, asked = Journal(_subject(), b""), list[Any]()
    for first in held:
        old = _part(first, "0", tested=1000)
        journal.append(old)
    [found], _ = stretches.sweep(_subject(), WANTED, journal, _compute(asked, "1"), lambda: None)
    assert found.tested == 20
    assert sorted(asked) == WANTED


def test_workers_of_different_versions_are_an_error_not_a_mixture() -> None:
    def mixed(subject: Subject, missing: Sequence[Stretch]) -> Iterator[Part]:
        for i, (first, _) in enumerate(missing):
            yield _part(first, str(i % 2))

    with pytest.raises(UsageError, match="differ in versions"):
        stretches.sweep(_subject(), WANTED, Journal(_subject(), b""), mixed, lambda: None)


# --- in processes ---------------------------------------------------------------------------------


def _here() -> Certificate:
    journal = Journal(_subject(), b"here")
    [found], _ = stretches.sweep(_subject(), _pieces(), journal, stretches.here, lambda: None)
    journal.remove()
    return found


def test_one_process_does_all_stretches(mine: Path) -> None:
    found = _here()
    assert found.tested == PIECES * LENGTH
    assert found.histogram.get("16.0") == PIECES
    assert len(set(_logged(mine))) == len(_logged(mine)) == PIECES


def test_a_function_that_fails_ends_its_worker_and_is_a_sentence() -> None:
    with pytest.raises(Failed, match="has no function kills_its_task_twice"):
        list(stretches.here(_subject("kills_its_task_twice"), _pieces()))
    with pytest.raises(Failed, match="killed by SIGKILL"):
        list(stretches.here(_subject("dies_once"), _pieces()))
    assert len(list(stretches.here(_subject("dies_once"), _pieces()))) == PIECES
    assert not stretches._workers


@pytest.mark.parametrize(
    ("function", "kept"), [("logged", []), ("no_such", []), ("says_why", ["planted words"])]
)
def test_the_log_of_a_worker_stays_where_it_says_why_it_failed(
    mine: Path, monkeypatch: pytest.MonkeyPatch, function: str, kept: list[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(mine))
    with suppress(Failed):
        list(stretches.here(_subject(function), _pieces()[:1]))
    assert [log.read_text().strip() for log in mine.glob("actbench-worker-*.log")] == kept


def test_a_process_of_a_cluster_starts_another_worker_after_one_that_died(mine: Path) -> None:
    subject, first = _subject("dies_once"), _pieces()[0]
    with pytest.raises(Failed, match="killed by SIGKILL"):
        stretches.certify_stretch(subject, first)
    try:
        assert stretches.certify_stretch(subject, first).stretch == first
    finally:
        stretches._forget(subject)


@pytest.mark.slow
def test_one_and_two_processes_give_the_same_answer(mine: Path) -> None:
    one, two = (_agree("logged", "--workers", count) for count in "12")
    assert _answer(one) == _answer(two)
    assert _answer(one)["histogram"] == dict(_here().histogram)
    assert one.stderr == two.stderr == ""


@pytest.mark.slow
def test_a_sweep_that_was_killed_goes_on_where_it_was(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    process = subprocess.Popen(
        _command("logged", "--workers", "2"), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    folder = mine / "cache" / "actbench" / "stretches"
    _wait(lambda: sum(len(each.read_text().splitlines()) for each in folder.glob("*")) > 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait(lambda: not _running(mine))
    [journal] = folder.iterdir()
    finished = [
        json.loads(line.partition(" ")[2])["stretch"]
        for line in journal.read_text().split("\n")
        if line
    ]
    assert 3 <= len(finished) < PIECES
    before = len(_logged(mine))
    monkeypatch.setenv("PAUSE", "0")
    done = _agree("logged", "--workers", "2")
    assert len(_logged(mine)) - before == PIECES - len(finished)
    assert not list(folder.iterdir())
    assert _answer(done) == _answer(_agree("logged", "--workers", "1"))


ACTIVATIONS = ("relu", "squareplus", "softsign")
HALF = PIECES // 2
_STOPPING = (
    "import time; from pathlib import Path\n"
    "from actbench.bench.exactness.stretches import Journal\n"
    "append, kept = Journal.append, []\n"
    "def stop(self, part):\n"
    "    append(self, part)\n"
    "    kept.append(part)\n"
    f"    while len(kept) == {PIECES + HALF} and not Path('go').exists(): time.sleep(0.1)\n"
    "Journal.append = stop\n"
)
"""Stops a sweep in the middle of its second case, until there is a file called go."""


@pytest.mark.slow
@pytest.mark.parametrize(("end", "out"), [(signal.SIGINT, []), (signal.SIGKILL, ["--out", "run"])])
def test_cases_that_were_done_when_a_sweep_was_ended_are_kept(
    mine: Path, end: signal.Signals, out: list[str]
) -> None:
    """They are in the run that was ended, and the same command goes on in its folder."""
    script = [sys.executable, "-c", _STOPPING + _SHORT]
    command = [*script, "agree", "--framework", "numpy", "--workers", "1", "--range", "1", HIGH]
    command += [word for name in ACTIVATIONS for word in ("--activation", name)]
    with (mine / "words").open("w") as words:
        process = subprocess.Popen([*command, *out], stdout=words, stderr=words)
        _wait(lambda: _kept_parts(mine) == PIECES + HALF or process.poll() is not None)
        process.send_signal(end)
        process.wait(600)
    [facts], [rows] = _texts(mine, "run.json"), _texts(mine, "rows.jsonl")
    state = "interrupted" if end == signal.SIGINT else "running"
    assert json.loads(facts)["state"] == state, (mine / "words").read_text()
    assert _certified(rows) == {"relu"}
    (mine / "go").touch()
    again = subprocess.run([*command, *out], capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stderr
    for known in (PIECES, HALF):
        assert again.stderr.count(f"{known} of {PIECES} parts were done before") == 1
    [facts], [rows] = _texts(mine, "run.json"), _texts(mine, "rows.jsonl")
    assert json.loads(facts)["state"] == "finished"
    assert _certified(rows) == set(ACTIVATIONS)
    assert not list((mine / "cache" / "actbench" / "stretches").iterdir())


def _texts(folder: Path, name: str) -> list[str]:
    """What the files of this name hold in all the runs there are."""
    return [path.read_text() for path in folder.glob(f"**/{name}")]


def _kept_parts(folder: Path) -> int:
    return "".join(_texts(folder, "*.jsonl")).count('"stretch"')


def _certified(rows: str) -> set[str]:
    records = map(json.loads, rows.splitlines())
    return {each["activation"] for each in records if each["metric"] == "max_ulp"}


def _wait(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def _running(folder: Path) -> bool:
    """Whether a worker that was started in a folder is there, as /proc shows it."""

    def is_worker(process: Path) -> bool:
        with suppress(OSError):
            within = (process / "cwd").resolve(strict=True) == folder.resolve()
            return within and b"bench.worker" in (process / "cmdline").read_bytes()
        return False

    return any(map(is_worker, Path("/proc").glob("[0-9]*")))


@pytest.mark.slow
def test_a_worker_that_is_killed_is_a_sentence_and_a_task_that_is_killed_is_done_again(
    mine: Path,
) -> None:
    done = _agree("dies_once", "--workers", "2")
    assert done.returncode == 1
    who = "slowly:dies_once (NumPy) exp slowly:dies_once eager float32"
    assert done.stderr == f"error: {who}: the worker was killed by SIGKILL\n"
    (mine / "done").unlink()
    again = _agree("kills_its_task_once", "--workers", "2")
    assert _answer(again)["tested"] == PIECES * LENGTH


@pytest.mark.slow
def test_a_stretch_that_ends_every_process_is_a_sentence() -> None:
    done = _agree("kills_its_task", "--workers", "1")
    assert done.returncode == 1
    assert "the same stretch ended several worker processes" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_scheduler_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CONNECT_SECONDS", 1.0)
    for address in ("tcp://127.0.0.1:9", "nowhere"):
        started = time.monotonic()
        with (
            pytest.raises(UsageError, match="no scheduler with workers answers at"),
            stretches.cluster(address, 1),
        ):
            pass
        assert time.monotonic() - started < 60


@pytest.fixture
def cluster(mine: Path, scheduler: str, dask: Callable[..., subprocess.Popen[bytes]]) -> str:
    """The address of a scheduler with two workers, processes of their own."""
    for _ in range(2):
        dask("worker", scheduler, "--nthreads", "1")
    return scheduler


@pytest.mark.slow
def test_a_cluster_of_ones_own_gives_the_same_answer(mine: Path, cluster: str) -> None:
    elsewhere = _agree("logged", "--scheduler", cluster)
    found = _answer(elsewhere)
    expected = sample_of(_subject().case, _here()).certificate.as_dict()
    del expected["paths"]  # which are tried beside the stretches
    assert {name: found[name] for name in expected} == json.loads(json.dumps(expected))
    again = _agree("logged", "--scheduler", cluster)
    assert _answer(again) == found, "the cluster stays for the next"
