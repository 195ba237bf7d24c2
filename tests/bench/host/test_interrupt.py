"""Signals that ask a command to end: the first is heard, later ones are not, to its very end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actbench.bench.commands import command_line
from actbench.bench.host.interrupt import interruptible

ROOT = Path(__file__).resolve().parents[3]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers as they were."""
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_no_later_one(number: int) -> None:
    after: list[str] = []

    def work() -> None:
        with interruptible():
            try:
                os.kill(os.getpid(), number)
            finally:
                for later in SIGNALS:
                    os.kill(os.getpid(), later)
                after.append("kept")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert after == ["kept"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_that_is_asked_to_end_says_so_and_ends_with_130(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line.cli, "main", lambda *_, **__: os.kill(os.getpid(), number))
    assert command_line.main([]) == 130
    assert capsys.readouterr().err == "interrupted\n"


_DEFERRED = """
import os, signal, subprocess, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()  # which hears them as well
from actbench.bench.host.interrupt import deferred, interruptible
child = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('there')"
try:
    with interruptible(), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        print(subprocess.check_output([sys.executable, "-c", child], text=True), end="")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_deferred_signal_comes_at_the_end_and_not_to_what_was_begun_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DEFERRED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("there\ninterrupted\n", "")


_ENDING = """
import os, signal
from actbench.bench.host.interrupt import interruptible
with interruptible(to_the_end=True):
    pass
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    os.kill(os.getpid(), number)
print("ended by itself")
"""


def test_a_process_that_ends_is_not_disturbed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ENDING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("ended by itself\n", "")


_LOST = """
import os, signal, time
from actbench.bench.host.interrupt import interruptible
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0)
try:
    with interruptible():
        Deaf()
        print("the finalizer ended")
        time.sleep(600)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_that_a_finalizer_hears_interrupts_all_the_same(name: str) -> None:
    """Python raises nothing from a finalizer: it would write a traceback, and go on."""
    done = subprocess.run(
        [sys.executable, "-c", _LOST.format(name=name)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("the finalizer ended\ninterrupted\n", "")


_EXECUTED = """
import sys
from actbench.bench.commands import command_line
text = "import os, signal; os.kill(os.getpid(), signal.SIGQUIT); print('not reached')"
command_line.cli.main = lambda *_, **__: exec(text)
sys.exit(command_line.main())
"""


def test_an_interrupt_of_text_that_is_executed_ends_with_130(tmp_path: Path) -> None:
    """As of a dataclass that is imported: Python would end by SIGINT, run as a module."""
    (tmp_path / "planted.py").write_text(_EXECUTED)
    paths = os.pathsep.join((str(tmp_path), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "planted"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


_EARLY = """
import os, signal, sys
from importlib.abc import MetaPathFinder
class Interrupted(MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupted())
from actbench.__main__ import main
main(["list"])
"""


def test_ctrl_c_before_the_commands_are_there_ends_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _EARLY], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
