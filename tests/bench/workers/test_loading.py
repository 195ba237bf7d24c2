"""Frameworks that are not installed, and frameworks that are and do not load: real interpreters."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from actbench.bench import __main__ as command
from actbench.bench.host.cpus import available_cpus
from actbench.bench.results.status import Status
from actbench.bench.worker.protocol import Failure
from actbench.bench.workers.environment import Key
from actbench.bench.workers.process import Failed, WorkerProcess

from ...answers import held

SITE = Path(np.__file__).parents[1]

# What a package does when it is imported, and what is said of it.
FAULTS = {
    "without a message": ("raise RuntimeError", "RuntimeError: no message, raised in __init__.py"),
    "in several lines": (
        "raise RuntimeError('planted, see:\\n  libfault.so:\\n  no such file')",
        "RuntimeError: planted, see: libfault.so: no such file",
    ),
    "a library is missing": ("raise ImportError('libfault.so: gone')", "ImportError: libfault.so"),
    "a package of its own is missing": (
        "import no_such_package",
        "ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "a part of it is missing": ("", "ModuleNotFoundError: No module named 'jax."),
    "it ends its process": ("raise SystemExit(3)", "exit status 3"),
    "it kills its process": ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
}


def python_with(folder: Path, body: str | None) -> str:
    """An interpreter with NumPy and a stub of JAX that does `body`; without one for None."""
    site = folder / "site"
    site.mkdir(parents=True)
    for path in SITE.glob("numpy*"):
        (site / path.name).symlink_to(path)
    if body is not None:
        (site / "jax").mkdir()
        (site / "jax" / "__init__.py").write_text(f"{body}\n")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    return str(python)


def _failure(python: str, log: Path, framework: str = "jax") -> Failure:
    with pytest.raises(Failed) as failed:
        WorkerProcess(Key(framework, "cpu", 1), python, available_cpus()[:1], log)
    return failed.value.failure


@pytest.mark.parametrize("how", FAULTS)
def test_what_is_there_and_does_not_load_says_so_and_why(how: str, tmp_path: Path) -> None:
    body, reason = FAULTS[how]
    failure = _failure(python_with(tmp_path, body), tmp_path / "log")
    assert failure.status is Status.UNLOADABLE
    assert "jax does not load" in failure.reason
    assert reason in failure.reason
    assert "\n" not in failure.reason


def test_what_is_not_installed_is_unsupported_and_says_how_to_install_it(tmp_path: Path) -> None:
    failure = _failure(python_with(tmp_path, None), tmp_path / "log")
    assert failure.status is Status.UNSUPPORTED
    assert "jax is not installed" in failure.reason
    assert "python -m pip install jax" in failure.reason


def test_an_interpreter_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    failure = _failure(str(tmp_path / "nowhere"), tmp_path / "log")
    assert failure.status is Status.ERROR
    assert failure.reason.startswith("cannot start ")


# --- in commands ----------------------------------------------------------------------------------


def _command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    try:
        status = command.main([*arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    return status, capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "named", "status", "said"),
    [
        (None, False, 0, "jax is not installed"),
        (None, True, 1, "Nothing was measured of what was asked for by name: jax."),
        ("raise RuntimeError('planted')", False, 1, "jax does not load"),
        ("raise RuntimeError('planted')", True, 1, "jax does not load"),
    ],
)
def test_a_run_is_done_without_what_is_not_installed_and_not_without_what_fails(
    body: str | None,
    named: bool,
    status: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actbench.bench.catalog.cases.frameworks", _two)
    chosen = ["--framework", "numpy", "--framework", "jax"] if named else []
    answer, text = _command(
        capsys, "run", "--profile", "smoke", "--only", "agreement", "--activation", "relu",
        "--form", "max", "--dtype", "float16", "--direction", "forward", *chosen,
        "--python", f"jax={python_with(tmp_path, body)}", "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert answer == status, text
    assert said in text


def _two() -> dict[str, object]:
    """NumPy and JAX, as if there were no others."""
    from actbench.bench.catalog.frameworks import frameworks

    known = frameworks()
    return {name: known[name] for name in ("numpy", "jax")}


@pytest.mark.parametrize(
    ("body", "named", "ends", "state"),
    [(None, False, 0, "unknown"), (None, True, 1, "unknown"), ("raise OSError", True, 1, "worse")],
)
def test_the_doctor_distinguishes_them(
    body: str | None,
    named: bool,
    ends: int,
    state: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actbench.bench.commands.doctor.examine", list)
    monkeypatch.setattr("actbench.bench.commands.doctor.frameworks", _two)
    chosen = ["--framework", "numpy", "--framework", "jax"] if named else []
    python = f"jax={python_with(tmp_path, body)}"
    status, text = _command(capsys, "doctor", "--json", "--python", python, *chosen)
    numpy, jax = held("answer-doctor", text)
    assert (status, numpy["state"], numpy["status"]) == (ends, "fine", "ok")
    assert (jax["state"], jax["status"]) == (
        state,
        "unsupported" if body is None else "unloadable",
    )
