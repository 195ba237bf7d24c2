"""A worker as its parent sees it: a process that answers, or dies, or hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import IO, Any

from ..catalog.frameworks import IMPLS, frameworks
from ..host import cache

PACKAGE = Path(__file__).absolute().parents[2]
"""The folder of `actbench`, of which `bench` is a part, be it by a link."""


def child(python: str, module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package in an interpreter that may not have it."""
    return [python, "-P", str(PACKAGE / "bench/worker/start.py"), module, *arguments]


@dataclass(frozen=True)
class Key:
    """What a worker is for: cases with another key need another worker.

    `variant` names variables of its environment, one of the framework's `VARIANTS`.
    """

    framework: str
    device: str
    threads: int
    variant: str = ""

    @property
    def label(self) -> str:
        """For people and for run.json: `torch`, or `torch/cuda/1` where it is not the plain one."""
        plain = self.device == "cpu" and self.threads == 1 and not self.variant
        parts = (self.framework, self.device, str(self.threads), self.variant)
        return self.framework if plain else "/".join(filter(None, parts))


class Failed(Exception):
    """An operation that did not succeed: the row's status and its reason."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class Lost(Failed):
    """The process is gone as well: it crashed, or hung and was killed."""


class WorkerProcess:
    """A running worker. Its own output goes to `log`."""

    start_seconds = 180.0

    def __init__(
        self,
        key: Key,
        python: str,
        cpus: list[int],
        log: Path,
        compared: dict[str, Any] | None = None,
        impls: Path = IMPLS,
    ) -> None:
        """Start it and wait until its framework is imported.

        `compared` has the `folders` of two trees by arm, and the function of the user's `own` that
        is compared in place of a framework's, or "". `impls` is where its environment is read.
        Raises Failed with status `unsupported` where the framework or the device is missing.
        """
        here, there = Pipe()
        self._compared = [json.dumps(compared)] if compared else []
        self._own = _environment_of_own() if compared and compared["own"] else {}
        self._impls = impls
        try:
            with log.open("ab") as output:
                self._process = self._open(key, python, cpus, there.fileno(), output)
        except OSError as error:
            raise Failed("unsupported", f"cannot start {python}: {error.strerror}") from None
        finally:
            there.close()
        self._pipe = here
        try:
            self.facts = self._answer(self.start_seconds)
        except BaseException:
            self.kill()
            raise

    def _open(
        self, key: Key, python: str, cpus: list[int], descriptor: int, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start the process, which answers over the descriptor."""
        command = child(python, "bench.worker", key.framework, key.device, str(key.threads))
        return subprocess.Popen(
            [*command, str(descriptor), ",".join(map(str, cpus)), *self._compared],
            pass_fds=[descriptor],
            env={**os.environ, **environment_of(key, self._impls), **self._own},
            cwd=PACKAGE if key.framework in frameworks() else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def ask(self, operation: str, timeout: float, **values: Any) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises Failed where the operation did, Lost where the process died or did not answer in
        `timeout` seconds.
        """
        try:
            self._pipe.send({"operation": operation, **values})
        except OSError:
            raise Lost("error", self._last_words()) from None
        return self._answer(timeout)

    def _answer(self, timeout: float) -> dict[str, Any]:
        try:
            if not self._pipe.poll(timeout):
                self.kill()
                raise Lost("timeout", f"no answer in {timeout:g} s")
            answer: dict[str, Any] = self._pipe.recv()
        except (EOFError, OSError):
            raise Lost("error", self._last_words()) from None
        status = answer.pop("status")
        if status != "ok":
            raise Failed(status, answer["detail"])
        return answer

    def _last_words(self) -> str:
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            return "the worker closed its pipe"
        if code < 0:
            return f"the worker was killed by {signal.Signals(-code).name}"
        return f"the worker ended with exit status {code}"

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and everything it started. Once is enough, twice does no harm.

        The pipe is left to the thread that may be waiting on it: it reads that the other end is
        gone.
        """
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _environment_of_own() -> dict[str, str]:
    """What a user's function needs besides: its modules' own, and nothing written beside them."""
    return {
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def environment_of(key: Key, impls: Path = IMPLS) -> dict[str, str]:
    """The variables a framework needs before it is imported; waiting threads must not spin.

    A function of the user's own is looked for where they are, and where their Python looks.
    """
    threads = str(key.threads)
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    if key.framework not in frameworks():
        paths = [os.getcwd(), os.environ.get("PYTHONPATH")]
        return {**dict.fromkeys(pools, threads), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    framework = frameworks(impls)[key.framework]
    varied = framework.variants[key.variant] if key.variant else {}
    given = {"threads": threads, "device": key.device, "cache": str(cache.folder(key.framework))}
    return {
        **dict.fromkeys(pools, threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": "",
        "PYTHONHASHSEED": "0",
        **{name: value.format(**given) for name, value in framework.environment.items()},
        **varied,
    }
