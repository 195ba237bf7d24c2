"""A worker as its parent sees it: a process that answers, or dies, or hangs."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from ..catalog import plugins
from ..catalog.frameworks import IMPLS, frameworks
from ..host import temporary
from ..results.status import Status
from ..worker.protocol import VERSION, Answer, Arm, Failure, Request, Start, Started, kind_of
from .environment import Key, inherited
from .pipe import Pipe, Unreadable

_START_SECONDS = 180.0
_LAST_SECONDS = 10.0
"""The seconds that a process has to end once its pipe is closed."""
_PAUSE = 0.002
PACKAGE = Path(__file__).absolute().parents[2]
"""The folder of `actbench`, which contains `bench`, possibly as a link."""


def child(python: str, module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package in an interpreter that may not have it."""
    return [python, "-P", str(PACKAGE / "bench/worker/start.py"), module, *arguments]


class Failed(Exception):
    """An operation that did not succeed, with its failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return self.failure.reason


class Lost(Failed):
    """A failed operation whose process is gone as well: it crashed, or hung and was killed."""


class WorkerProcess:
    """A running worker. Its own output goes to `log`."""

    patience = 5.0
    """The seconds that its keeper is given to end it."""

    def __init__(
        self,
        key: Key,
        python: str,
        cpus: Sequence[int],
        log: Path,
        folders: Mapping[Arm, str] | None = None,
        layout: str = "",
        impls: Path = IMPLS,
        caches: Path | None = None,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        """Start it and wait until its framework is imported.

        For `folders` and `layout` see `protocol.Start`; `impls` is where its environment is read,
        `caches` where it keeps what it compiles, if that is not for all.
        Raises Failed with status `unsupported` where the framework is not installed or the device
        is missing, `unloadable` where the framework is there and does not load, `error` where the
        interpreter does not start.
        """
        framework = frameworks()[key.framework]
        self.log = log
        self._environment = inherited(key, impls, caches)
        # A function of the user's own may read files of theirs.
        own = Path(*folders.values()) if folders else Path.cwd()
        self._folder = own if framework.callable else PACKAGE
        here, there = socket.socketpair()
        self._pipe, self._numbers = Pipe(here), itertools.count()
        self._temporary = ExitStack()
        try:
            with log.open("ab") as output:
                self._process = self._open(key, python, there.fileno(), output)
        except OSError as error:
            self._temporary.close()
            reason = f"cannot start {python}: {error.strerror}"
            raise Failed(Failure(Status.ERROR, reason)) from None
        finally:
            there.close()
        start = Start(
            framework=framework.module,
            device=key.device,
            threads=key.threads,
            cpus=tuple(cpus),
            folders=dict(folders or {}),
            own=framework.callable,
            beside=framework.beside,
            gradient=framework.gradient,
            dims=framework.dims,
            layout=layout,
            plugins=plugins.paths(),
        )
        self.facts = self._loaded(start, start_seconds)

    def _loaded(self, start: Start, seconds: float) -> Started:
        """Wait until the framework is imported; a process that fails to do so is ended."""
        try:
            facts: Started = self._exchange(start, Started, seconds)
        except Lost as lost:
            self.kill()
            raise Lost(_while_loading(start.framework, lost.failure)) from None
        except BaseException:
            self.kill()
            raise
        return facts

    def _open(
        self, key: Key, python: str, descriptor: int, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start the process, which answers over the descriptor."""
        folder = self._temporary.enter_context(temporary.folder())
        handed_on = (descriptor, folder.lock)
        return subprocess.Popen(
            child(python, "bench.worker", *map(str, handed_on), VERSION, key.framework),
            pass_fds=handed_on,
            env={**self._environment, "TMPDIR": str(folder.path)},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def ask(self, request: Request[Answer], timeout: float) -> Answer:
        """Send a request and return its answer.

        Raises Failed where the operation did, Lost where the process died or did not answer in
        `timeout` seconds.
        """
        answer: Answer = self._exchange(request, kind_of(request), timeout)
        return answer

    def _exchange(self, record: Any, kind: Any, timeout: float) -> Any:
        try:
            answer = self._answered(record, time.monotonic() + timeout)
        except TimeoutError:
            self.kill()
            raise Lost(Failure(Status.TIMEOUT, f"no answer in {timeout:g} s")) from None
        except (EOFError, OSError):
            raise Lost(Failure(Status.ERROR, self._last_words())) from None
        except Unreadable as error:
            self.kill()
            raise Lost(Failure(Status.ERROR, f"the worker's answer is none: {error}")) from None
        if isinstance(answer, Failure):
            raise Failed(answer)
        if not isinstance(answer, kind):
            self.kill()
            reason = f"the worker's answer is none: it is a {type(answer).__name__}"
            raise Lost(Failure(Status.ERROR, reason))
        return answer

    def _answered(self, record: Any, until: float) -> Any:
        """Send a record and receive its answer; an answer to an earlier record is skipped."""
        number = next(self._numbers)
        self._pipe.send((number, record), until)
        while True:
            match self._pipe.receive(until):
                case (int(earlier), _) if earlier < number:
                    pass
                case (int(this), answer) if this == number:
                    return answer
                case _:
                    raise Unreadable("it has no number of a request")

    def _last_words(self) -> str:
        closed = not self._ends_in(_LAST_SECONDS)
        self.kill()
        code = self._process.returncode
        if closed:
            return "the worker closed its pipe"
        if code < 0:
            return f"the worker was killed by {signal.Signals(-code).name}"
        return f"the worker ended with exit status {code}"

    @property
    def alive(self) -> bool:
        """Return whether the process still runs."""
        return not self._ends_in(0)

    def _ends_in(self, seconds: float) -> bool:
        """Return whether the process ends in time.

        It is not waited for, so that its number is not reused before all of its group is ended.
        """
        until, unseen = time.monotonic() + seconds, os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):  # it was waited for
            while os.waitid(os.P_PID, self._process.pid, unseen) is None:
                if time.monotonic() >= until:
                    return False
                time.sleep(_PAUSE)
        return True

    def kill(self) -> None:
        """End the process and everything it started or left. Calling it twice is harmless.

        The keeper notices that the pipe is closed, and ends them; if it does not, they are ended
        here. A thread that may be waiting on the pipe notices as well.
        """
        self._pipe.close()
        self._ends_in(self.patience)
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._temporary.close()


def _while_loading(framework: str, failure: Failure) -> Failure:
    """The failure of a process that ended, or did not answer, before its framework was there."""
    dead = failure.status is Status.ERROR
    reason = f"{framework} does not load: {failure.reason}"
    return replace(failure, status=Status.UNLOADABLE if dead else failure.status, reason=reason)
