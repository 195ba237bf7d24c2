"""Functions of a running program, called by another process that finds them by their address."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from actbench.bench.api.functions import address_of, importable
from actbench.bench.host.errors import UsageError

_SLOPE = 0.25


def _leaky(x: float) -> float:
    """Needs what its module holds."""
    return x if x > 0 else _SLOPE * x


class _Scaled:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: float) -> float:
        return self.factor * _leaky(x)


def _elsewhere(functions: list[Callable[[float], float]], x: float) -> list[float]:
    """The values that another process computes."""
    with importable(functions) as given:
        code = "import importlib, operator\n" + "\n".join(
            f"print(operator.attrgetter({name!r})(importlib.import_module({module!r}))({x}))"
            for module, _, name in (address.partition(":") for address in given.addresses)
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(given.folders)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd="/", capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


def test_functions_of_any_kind_are_found_by_another_process() -> None:
    slope = 0.5
    functions: list[Callable[[float], float]] = [
        _leaky,
        lambda x: slope * x,
        _Scaled(3),
        partial(max, 0),
        np.tanh,
        abs,
    ]
    assert _elsewhere(functions, -2) == [-0.5, -1, -1.5, 0, np.tanh(-2), 2]


def test_two_functions_of_one_name_stay_two() -> None:
    assert _elsewhere([lambda x: x + 1, lambda x: x + 2], 1) == [2, 3]


def test_what_a_module_on_the_path_holds_is_named_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_at_home.py").write_text("class Own:\n    def f(x):\n        return 7 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import mine_at_home  # type: ignore[import-not-found]

    function = mine_at_home.Own.f
    assert address_of(function) == "mine_at_home:Own.f"
    assert _elsewhere([function], 2) == [14]


def test_a_folder_of_an_environment_is_no_library_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project may lie in its own environment, or beside it under a longer name."""
    paths = {name: str(tmp_path / "env/lib") for name in sysconfig.get_path_names()}
    paths["data"] = str(tmp_path / "env")
    for folder in ("env/lib/numpy", "env/project", "env-of-mine"):
        (tmp_path / folder).mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / folder)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: paths)
    monkeypatch.setattr(sysconfig, "get_path", paths.__getitem__)
    with importable(()) as given:
        known = [folder for folder in given.folders if folder.startswith(f"{tmp_path}/env")]
    assert known == [str(tmp_path / "env-of-mine"), str(tmp_path / "env/project")]


def test_a_module_that_asks_while_it_is_imported_is_not_imported_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asking_at_import.py").write_text(
        "from numpy import maximum\n"
        "from tests_of_given import elsewhere\n"
        "def f(x):\n    return 3 * helper(maximum(x, 0))\n"
        "def helper(x):\n    return x + 1\n"
        "VALUES = elsewhere([f], 2)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "tests_of_given", SimpleNamespace(elsewhere=_elsewhere))
    import asking_at_import  # type: ignore[import-not-found]

    assert asking_at_import.VALUES == [9]
    assert address_of(asking_at_import.f) == "asking_at_import:f"


def test_a_name_that_leads_to_another_function_is_no_address() -> None:
    def _leaky(x: float) -> float:
        return x

    _leaky.__qualname__ = "_leaky"
    assert address_of(_leaky) == ""


def test_what_cannot_be_sent_is_a_sentence() -> None:
    lock = threading.Lock()

    def locked(x: float) -> float:
        with lock:
            return x

    given = importable([locked])
    with pytest.raises(UsageError, match="cannot send locked to another process"):
        given.__enter__()
