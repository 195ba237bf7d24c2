"""A command as a campaign sees it: the phases that it reports, its end, and its sentences."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
"""The seconds after which a command on a busy machine counts as one that never ends."""
_PHASE = re.compile(r"^(.+?): \d+(, .+ left)?$")
_ASIDE = re.compile(r"^\d+ of \d+ parts (took|were done)")
"""The words of a sweep on its progress."""


@dataclass(frozen=True)
class Moment:
    """A moment of a command: so many seconds after a phase began; "" is its very start."""

    phase: str
    after: float

    def __str__(self) -> str:
        return f"{self.after:.2f} s after {self.phase or 'the start'}"


class Job:
    """A command that runs in a session of its own, as if in a terminal of its own."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        most: int | None = None,
    ) -> None:
        """Start it in a folder; no file that it writes may exceed `most` bytes."""
        self.phases: list[tuple[str, float]] = [("", time.monotonic())]
        self.said: list[str] = []
        self._news = Condition()
        self._open = True
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, **variables, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_limited(most) if most is not None else None,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                with self._news:
                    if phase := _PHASE.match(line.rstrip()):
                        self.phases.append((phase[1], time.monotonic()))
                    else:
                        self.said.append(line.rstrip())
                    self._news.notify_all()
        with self._news:
            self._open = False
            self._news.notify_all()

    def reach(self, moment: Moment) -> bool:
        """Wait for a moment; return False where the command ended before."""
        with self._news:
            self._news.wait_for(lambda: self._is_in(moment.phase) or not self._open, PATIENCE)
            if not self._is_in(moment.phase):
                return False
        return not self._ends_in(moment.after)

    def _is_in(self, phase: str) -> bool:
        return any(phase == begun for begun, _ in self.phases)

    def _ends_in(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def until(self, happens: Callable[[], bool]) -> bool:
        """Wait for something to happen; return False where the command ended before."""
        while not (happening := happens()) and self.process.poll() is None:
            time.sleep(0.005)
        return happening

    def send(self, number: int) -> None:
        """Send a signal to the process alone."""
        self.process.send_signal(number)

    def press(self, number: int) -> None:
        """Send a signal to all processes that a terminal would send it to."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def end(self) -> int | None:
        """The exit status; None where the command does not end, and is killed."""
        if not self._ends_in(PATIENCE):
            self.press(signal.SIGKILL)
            self.process.wait()
            return None
        self._reader.join(PATIENCE)
        return self.process.returncode

    @property
    def sentences(self) -> list[str]:
        """The words on stderr besides its progress."""
        return [line for line in self.said if line and not _ASIDE.match(line)]

    @property
    def timeline(self) -> list[tuple[str, float]]:
        """Each phase with the seconds until the next one, or until now."""
        ends = [begun for _, begun in self.phases[1:]] + [time.monotonic()]
        return [(phase, end - begun) for (phase, begun), end in zip(self.phases, ends, strict=True)]


def _limited(most: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    return limit
