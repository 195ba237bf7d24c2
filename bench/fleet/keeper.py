"""A run in a temporary folder, and whoever removes both: `keeper OPTIONS…`, options of `run`.

It prints the folder, and writes the exit status of the run there when that has ended. The end of
its standard input has it end the run with all that this started, and remove the folder, so that
nothing outlives a process that was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from ..host import process, temporary
from ..host.interrupt import interruptible
from ..results.store import RESULTS
from ..workers.process import child

LOG, STATUS = "log", "status"
"""Files of the folder: what the run says on the way, and its exit status once it has ended."""


def runs(folder: Path) -> list[Path]:
    """The run folders that a run has made in a keeper's folder: one, or none."""
    return [*(folder / RESULTS).glob("*")]


def main(options: Sequence[str]) -> None:
    """Keep a run until standard input ends."""
    process.adopt()
    with interruptible(), suppress(KeyboardInterrupt):
        Thread(target=_end_with_input, daemon=True).start()
        with temporary.folder() as made:
            try:
                folder = made.path
                print(folder, flush=True)
                status = _started(options, folder).wait()
                (folder / "ended").write_text(str(status))
                (folder / "ended").rename(folder / STATUS)
                while True:
                    signal.pause()
            finally:
                process.end_children()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _started(options: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """The run, whose temporary files lie in the folder as well."""
    temporary = folder / "temporary"
    temporary.mkdir()
    with (folder / LOG).open("wb") as log:
        return subprocess.Popen(
            child(sys.executable, "__main__", "run", *options),
            cwd=folder,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
