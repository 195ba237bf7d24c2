"""Answers of a process that imports a function: its framework, its dimensions, its faults."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actbench.bench.catalog.frameworks import own
from actbench.bench.host.errors import UsageError
from actbench.bench.workers import acquaintance

_HERE = {"": sys.executable}
_FLAT = "import numpy as np\n\ndef f(x):\n    [size] = x.shape\n    return np.maximum(x, 0)\n"
_DYING = "import os\n\ndef f(x):\n    os._exit(3)\n"
_BOTH = "def f(x):\n    import jax, torch\n    return torch.relu(x) if x else jax.nn.relu(x)\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_numpys_own_functions_need_nobody_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquaintance.alone, "start", lambda *_: pytest.fail("a process"))
    for address, arrays in (("numpy:tanh", "numpy"), ("torch.nn.functional:silu", "torch")):
        assert acquaintance.whose(own(address), _HERE).arrays == arrays


def test_a_function_that_dies_when_it_is_tried_is_left_to_the_run(folder: Path) -> None:
    (folder / "kernels.py").write_text(_DYING)
    assert acquaintance.fitted(own("kernels:f"), sys.executable, "cpu", "float32").dims == 0


def test_what_cannot_be_loaded_is_a_sentence(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot import kernels"):
        acquaintance.whose(own("kernels:f"), _HERE)
    (folder / "kernels.py").write_text(_FLAT)
    with pytest.raises(UsageError, match="kernels has no function g"):
        acquaintance.fitted(own("kernels:g"), sys.executable, "cpu", "float32")


def test_another_interpreter_is_asked_where_the_first_cannot_load_it(folder: Path) -> None:
    (folder / "kernels.py").write_text(_FLAT)
    pythons = {"": str(folder / "no-such-python"), "torch": sys.executable}
    assert acquaintance.whose(own("kernels:f"), pythons).arrays == "numpy"


def test_two_frameworks_are_a_question(folder: Path) -> None:
    (folder / "kernels.py").write_text(_BOTH)
    with pytest.raises(UsageError, match="kernels:f may be of jax or torch: say which"):
        acquaintance.whose(own("kernels:f"), _HERE)
