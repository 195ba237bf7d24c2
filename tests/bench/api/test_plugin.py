"""The plug-in in a pytest of its own, and the examples of the documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_DOCS = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"```python\n(.*?)```", _DOCS, re.DOTALL)
_README = (ROOT / "README.md").read_text(encoding="utf-8")
_MINE = """
import numpy as np
from scipy.special import erfc

def mine(x):
    wide = np.maximum(x.astype(np.float64), -100)
    return (wide / 2 * erfc(-wide / np.sqrt(2))).astype(x.dtype)

def before(x):
    return mine(x) + np.tanh(x) - np.tanh(x)
"""
_TESTS = """
def slow(x):
    for _ in range(6):
        y = np.tanh(x)
    return y

def test_slower(assert_not_slower):
    assert_not_slower(slow, than=np.tanh, size=16384)

def test_wrong(assert_ulp):
    assert_ulp(lambda x: np.tanh(x) + x.dtype.type(0.5), "tanh", "float16", bound=4)
"""


def _pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A session in another folder; the plug-in is named where no distribution brings it along."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    if not _is_installed():
        command += ["-p", "actbench.bench.api.plugin"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(
        point.value == "actbench.bench.api.plugin" for point in entry_points(group="pytest11")
    )


def test_the_example_of_the_documentation_passes_and_what_is_worse_fails(tmp_path: Path) -> None:
    [example] = [text for text in _EXAMPLES if "def test_" in text]
    (tmp_path / "test_mine.py").write_text(example + _TESTS)
    done = _pytest(tmp_path, "--actbench-budget", "2")
    failed = set(re.findall(r"^FAILED test_mine.py::(\w+)", done.stdout, re.MULTILINE))
    assert failed == {"test_slower", "test_wrong"}, done.stdout
    assert "2 failed, 2 passed" in done.stdout
    assert "slow takes" in done.stdout
    assert "it may take 1.05 times as long" in done.stdout
    assert "the bound is 4 ulp" in done.stdout


def test_the_examples_of_the_readme_hold_where_the_function_is_right(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", _README, re.DOTALL)
    [script] = [text for text in examples if "actbench.cost" in text]
    [tests] = [text for text in examples if "def test_" in text]
    short = script.replace('than="gelu")', 'than="gelu[textbook]", budget=2)')
    said = _script(tmp_path, f"import actbench\n{_MINE}{short}")
    assert re.search(r"mine takes .* times as long as gelu", said)
    assert "mine against gelu, forward, float16: at most 0.5 ulp over 65,536" in said
    (tmp_path / "test_mine.py").write_text(_MINE + tests)
    done = _pytest(tmp_path, "--actbench-budget", "2")
    assert "1 passed" in done.stdout, done.stdout


def test_the_other_examples_run_as_one_script(tmp_path: Path) -> None:
    published = next((ROOT / "results" / "published").glob("*-standard"))
    script = "\n".join(text for text in _EXAMPLES if "def test_" not in text)
    script = script.replace("results/NAME", str(published)).replace("))  #", ", budget=2))  #")
    said = _script(tmp_path, f"{script}\nassert len(costs) > 100 and 'gelu' in names\n")
    assert "swish takes" in said
    assert "swish against silu, forward, float16" in said


@pytest.mark.slow
def test_a_layer_of_pytorch_is_certified_and_timed(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    said = _script(
        tmp_path,
        "import torch, actbench\n"
        "layer = torch.nn.GELU()\n"
        "print(actbench.certify(layer, 'gelu'))\n"
        "print(actbench.cost(layer, than=torch.nn.ReLU(), direction='backward', budget=2))\n",
    )
    assert "GELU against gelu, forward, float32" in said
    assert "GELU takes" in said


def _script(folder: Path, text: str) -> str:
    """The output of a script in another folder."""
    (folder / "script.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
