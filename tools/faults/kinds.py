"""The kinds of faults: each hits a command at a random moment and checks how that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import left, planted
from .job import Job
from .trial import Trial

_TIMING = ("Preparing", "Measuring")
_LAST = ("Looking",)
_SWEEPING = ("NumPy",)
_TIMEOUT = 10
"""The seconds of --timeout where a worker does not answer: importing numpy takes far fewer."""
_INTERRUPTED, _UNWRITABLE, _TAKEN = 130, 4, 2


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how it is injected, and the share of its trials that hit a sweep."""

    title: str
    inject: Callable[[Trial], None]
    sweeps: float = 0.0


def _kill_parent(trial: Trial) -> None:
    job = trial.start()
    trial.injected = job.reach(trial.moment())
    job.send(signal.SIGKILL)
    trial.ends(job, {-signal.SIGKILL} if trial.injected else {0})
    trial.goes_on()
    trial.finish()


def _kill_worker(trial: Trial) -> None:
    """A case that a process is lost to fails, and no other case."""
    job = trial.start()
    _hit_worker(trial, job, signal.SIGKILL)
    trial.ends(job, {0, 1})
    trial.goes_on()
    trial.finish(failing=2 * trial.injected)  # a unit and what it is the unit of


def _hit_worker(trial: Trial, job: Job, number: int) -> None:
    """Send a signal to a worker at a moment at which it has something to do."""
    phases = _SWEEPING if trial.is_sweep else _TIMING
    if job.reach(trial.moment(*phases)) and (worker := trial.worker()):
        trial.injected = _sent(worker.pid, number)


def _sent(pid: int, number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _kill_import(trial: Trial) -> None:
    """A process that is lost while it imports is started once more."""
    job = trial.start()
    if job.until(lambda: trial.worker() is not None) and (worker := trial.worker()):
        after = trial.choice.uniform(0, 0.2)
        time.sleep(after)
        trial.what = f"{after:.2f} s after it began"
        trial.injected = not worker.has_imported and _sent(worker.pid, signal.SIGKILL)
    trial.ends(job, {0})
    trial.goes_on()
    trial.finish()


def _kill_both(trial: Trial) -> None:
    job = trial.start()
    if trial.choice.random() < 0.5:
        _hit_worker(trial, job, signal.SIGKILL)
        job.send(signal.SIGKILL)
    elif job.reach(trial.moment(*(_SWEEPING if trial.is_sweep else _TIMING))):
        worker = trial.worker()
        job.send(signal.SIGKILL)
        trial.injected = bool(worker and _sent(worker.pid, signal.SIGKILL))
    trial.ends(job, {-signal.SIGKILL} if trial.injected else {0, 1, -signal.SIGKILL})
    trial.goes_on()
    trial.finish(failing=2 * trial.injected)


def _signal(trial: Trial) -> None:
    number = trial.choice.choice([signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
    trial.what = number.name
    job = trial.start()
    trial.injected = job.reach(trial.moment())
    job.send(number)
    _is_interrupted(trial, job, number)


def _keys(trial: Trial) -> None:
    """Ctrl-C, twice in half of the trials; in a third of them while rows are made.

    Before the command's own code runs, in the first tenth of a second, Python answers it.
    """
    job = trial.start()
    last = () if trial.is_sweep or trial.choice.random() < 2 / 3 else _LAST
    twice = trial.choice.random() < 0.5
    pause = trial.choice.uniform(0, 0.5)
    command = left.Marked(job.process.pid, ())
    trial.injected = job.reach(trial.moment(*last)) and job.until(lambda: command.has_imported)
    job.press(signal.SIGINT)
    if twice:
        trial.what += f", again {pause:.2f} s later"
        time.sleep(pause)
        job.press(signal.SIGINT)
    _is_interrupted(trial, job, signal.SIGINT)


def _is_interrupted(trial: Trial, job: Job, number: int) -> None:
    """Check that the command ended as interrupted, or as finished if everything was measured.

    Python itself handles signals in the first tenths of a second.
    """
    begun = trial.run.exists()
    trial.ends(job, {_INTERRUPTED, 0} if begun else {_INTERRUPTED, -number})
    trial.goes_on()
    trial.finish()


def _full_disk(trial: Trial) -> None:
    """A small file system, where one may be mounted, or a limit on the size of files."""
    size = trial.choice.randrange(4, 80) << 10
    trial.out = trial.folder / "disk" / "run"
    trial.out.parent.mkdir()
    mounted = trial.choice.random() < 0.5 and _mounted(trial.out.parent, size)
    trial.what = f"{'a disk' if mounted else 'files'} of {size >> 10} KiB"
    try:
        job = trial.start(most=None if mounted else size)
        status = trial.ends(job, {0, _UNWRITABLE})
        trial.injected = status == _UNWRITABLE
        if mounted:
            _mount("-o", "remount,size=16m", str(trial.out.parent))
        trial.goes_on()
        trial.finish()
    finally:
        if mounted:
            subprocess.run(["umount", "-l", trial.out.parent], check=False)


def _mounted(folder: Path, size: int) -> bool:
    return _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))


def _mount(*words: str) -> bool:
    try:
        return not subprocess.run(["mount", *words], capture_output=True, check=False).returncode
    except OSError:
        return False


def _stop(trial: Trial) -> None:
    """A worker that is stopped, even while it imports, is given no longer than --timeout."""
    job = trial.start("--timeout", str(_TIMEOUT))
    if trial.choice.random() < 0.25:
        trial.what = "in its first instants"
        if job.until(lambda: trial.worker() is not None) and (worker := trial.worker()):
            trial.injected = _sent(worker.pid, signal.SIGSTOP)
    else:
        _hit_worker(trial, job, signal.SIGSTOP)
    trial.ends(job, {0, 1})
    trial.goes_on()
    trial.finish(failing=2 * trial.injected)


def _answer(trial: Trial) -> None:
    """A worker with an invalid answer costs only the case that it was asked for."""
    how, number = trial.choice.choice(planted.WRONG), trial.choice.randrange(30)
    trial.what = f"{how}, number {number}"
    once, python = trial.folder / "once", planted.interpreter(trial.folder)
    trial.more |= {"FAULTY_ANSWER": f"{how} {number}", "FAULTY_ONCE": str(once)}
    options = ("--timeout", str(_TIMEOUT), "--python", str(python))
    job = trial.start(*options)
    trial.ends(job, {0, 1})
    trial.injected = once.exists()
    trial.goes_on(options)
    once.unlink(missing_ok=True)
    python.unlink()
    trial.finish(failing=2 * trial.injected)


def _two(trial: Trial) -> None:
    """Two commands that begin at once with one folder: one gets it and the other says so."""
    first = trial.start()
    after = trial.choice.uniform(0, 0.3)
    trial.what = f"{after:.2f} s apart"
    time.sleep(after)
    second = trial.start()
    statuses = sorted(trial.ends(job, {0, _TAKEN}) or 0 for job in (first, second))
    if statuses != [0, _TAKEN]:
        trial.wrong.append(f"two at once ended with {statuses}")
    trial.injected = True
    trial.goes_on()
    trial.finish()


def _line(trial: Trial) -> None:
    """A lost line is named, and costs nothing else."""
    job = trial.start()
    reached = job.reach(trial.moment("Measuring"))
    job.send(signal.SIGKILL)
    trial.ends(job, {-signal.SIGKILL, 0})
    lines = trial.kept()
    if reached and lines:
        place = trial.choice.randrange(len(lines))
        damage = trial.choice.choice(list(_DAMAGE))
        trial.what += f", line {place + 1}: {damage}"
        damaged = _DAMAGE[damage](lines[place].encode())
        with (trial.run / "samples.jsonl").open("wb") as file:
            file.write(b"".join(map(str.encode, lines[:place])) + damaged + b"\n")
            file.write(b"".join(map(str.encode, lines[place + 1 :])))
        trial.injected = True
    trial.goes_on(sentences=1 + trial.injected)
    trial.finish()


_DAMAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "half of it": lambda line: line[: len(line) // 2],
    "zeros": lambda line: bytes(len(line) - 1),
    "no text": lambda line: b"\xff\xfe" + line[2:-1],
    "nothing": lambda line: b"",
    "another number": lambda line: line[:-1].replace(b'"case": ', b'"case": 9999'),
}


KINDS: Mapping[str, Kind] = {
    "parent": Kind("SIGKILL of the command", _kill_parent, 0.25),
    "worker": Kind("SIGKILL of a worker at work", _kill_worker, 0.2),
    "import": Kind("SIGKILL of a worker that imports", _kill_import),
    "both": Kind("SIGKILL of both", _kill_both, 0.2),
    "signal": Kind("SIGTERM, SIGHUP or SIGQUIT", _signal, 0.25),
    "keys": Kind("Ctrl-C, once or twice", _keys, 0.25),
    "disk": Kind("a full disk", _full_disk),
    "stopped": Kind("a worker that is stopped", _stop),
    "answer": Kind("an invalid answer", _answer),
    "two": Kind("two starts at once", _two),
    "line": Kind("a damaged line of samples", _line),
}
