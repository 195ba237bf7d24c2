"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from actbench.bench.commands.options import interpreters


def test_an_interpreter_is_known_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers start in other folders."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert interpreters(("./python", "torch=python")) == {"": str(python), "torch": str(python)}


def test_an_interpreter_that_is_nowhere_is_left_for_its_start_to_tell() -> None:
    assert interpreters(("no/such/python",)) == {"": "no/such/python"}


def test_the_frameworks_that_are_not_named_have_this_interpreter() -> None:
    given = interpreters(("torch=no/such/python",))
    assert given == {"": sys.executable, "torch": "no/such/python"}
