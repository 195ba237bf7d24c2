"""A run in a temporary folder, and whoever removes both: `keeper OPTIONS…`, options of `run`.

It prints the folder, and writes the exit status of the run there when that has ended. The end of
its standard input has it end the run and remove the folder, so that neither outlives a process that
was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from ..host.interrupt import interruptible
from ..results.store import RESULTS
from ..workers.process import child

LOG, STATUS = "log", "status"
"""Files of the folder: what the run says on the way, and its exit status once it has ended."""
_PATIENCE = 30.0
"""Seconds that a run has to end its workers by itself."""


def runs(folder: Path) -> list[Path]:
    """The run folders that a run has made in a keeper's folder: one, or none."""
    return [*(folder / RESULTS).glob("*")]


def main(options: Sequence[str]) -> None:
    """Keep a run until standard input ends."""
    with interruptible(), suppress(KeyboardInterrupt):
        Thread(target=_end_with_input, daemon=True).start()
        with tempfile.TemporaryDirectory(prefix="actbench-fleet-") as name:
            folder = Path(name)
            with _running(options, folder) as run:
                print(folder, flush=True)
                status = run.wait()
            (folder / "ended").write_text(str(status))
            (folder / "ended").rename(folder / STATUS)
            while True:
                signal.pause()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _running(options: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The run, which ends with the context."""
    temporary = folder / "temporary"
    temporary.mkdir()
    with (folder / LOG).open("wb") as log:
        run = subprocess.Popen(
            child(sys.executable, "__main__", "run", *options),
            cwd=folder,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield run
    finally:
        if run.poll() is None:
            run.terminate()
            with suppress(subprocess.TimeoutExpired):
                run.wait(_PATIENCE)
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
