"""One more of each kind in a copy of the tree, in the places that CONTRIBUTING names alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

_RECORD = """
    Activation(
        name="cubed_relu",
        formula="max(0, x)³",
        family="max",
        forms=("max",),
        source="this test",
        operations={"multiply": 2, "maximum": 1},
        exact=lambda x: exact.where(x > 0, x * x * x, 0),
        derivative=lambda x: exact.where(x > 0, 3 * x * x, 0),
    ),
"""

_FORMS = {
    "numpy": '''

@with_slope(lambda x: 3 * np.square(np.maximum(x, 0)))
def cubed_relu_max(x: Array) -> Array:
    """max(0, x)³"""
    return np.square(np.maximum(x, 0)) * np.maximum(x, 0)
''',
    "torch": '''

def cubed_relu_max(x: Tensor) -> Tensor:
    """max(0, x)³"""
    return torch.square(torch.clamp_min(x, 0)) * torch.clamp_min(x, 0)
''',
    "jax": '''

def cubed_relu_max(x: Array) -> Array:
    """max(0, x)³"""
    return jnp.square(jnp.maximum(x, 0)) * jnp.maximum(x, 0)
''',
    "tensorflow": '''

def cubed_relu_max(x: Tensor) -> Tensor:
    """max(0, x)³"""
    return tf.square(tf.maximum(x, 0)) * tf.maximum(x, 0)
''',
}

_FRAMEWORK = '''
"""Clips: another way to write what NumPy does."""

from .numpy import Adapter
from ._numpy_kernels import with_slope

TITLE = "Clip"
MODES = ("eager",)
ENVIRONMENT = {}


@with_slope(lambda x: (x > 0).astype(x.dtype))
def relu_max(x):
    """max(x, 0)"""
    return x.clip(0)


@with_slope(lambda x: 3 * x.clip(0) ** 2)
def cubed_relu_max(x):
    """max(0, x)³"""
    return x.clip(0) ** 3
'''

_FORMAT = '        Dtype("float8_e5m2", 3, -14, 15, "uint8", "float16"),\n'


def _insert(path: Path, before: str, text: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count(before) == 1
    path.write_text(source.replace(before, text.lstrip("\n") + before), encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with an activation, a framework and a number format more."""
    folder = tmp_path_factory.mktemp("tree")
    for room in ("actbench", "bench", "impls", "report"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, folder / room, symlinks=True, ignore=ignored)
    catalogue = folder / "bench" / "catalog"
    _insert(catalogue / "activations.py", '    _primitive("copy",', _RECORD)
    _insert(catalogue / "dtypes.py", '        Dtype("float32",', _FORMAT)
    for framework, form in _FORMS.items():
        with (folder / "impls" / f"{framework}.py").open("a", encoding="utf-8") as file:
            file.write(form)
    (folder / "impls" / "clip.py").write_text(_FRAMEWORK, encoding="utf-8")
    return folder


def _ran(tree: Path, *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "actbench", *words], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def _rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_they_are_listed_and_offered(tree: Path) -> None:
    records = json.loads(_ran(tree, "list", "--json"))
    having = {
        record["framework"]
        for record in records
        if (record["activation"], record["form"], record["status"]) == ("cubed_relu", "max", "ok")
    }
    assert having == {*_FORMS, "clip"}
    shown = _ran(tree, "run", "--help")
    assert "clip" in shown
    assert "float8_e5m2" in shown


@pytest.fixture(scope="module")
def run(tree: Path) -> Path:
    """A run of the new activation beside relu in NumPy and in the new framework."""
    out = tree / "run"
    words = ("--framework", "numpy", "--framework", "clip", "--form", "max", "--size", "l1")
    _ran(
        tree,
        *("run", "--profile", "smoke", "--activation", "relu", "--activation", "cubed_relu"),
        *(*words, "--dtype", "float32", "--out", str(out)),
    )
    return out


def test_they_are_timed_and_judged(run: Path) -> None:
    rows = [row for row in _rows(run) if row["activation"] == "cubed_relu"]
    for framework in ("numpy", "clip"):
        values = {row["metric"]: row for row in rows if row["framework"] == framework}
        assert values["time_per_call"]["status"] == "ok", values["time_per_call"]
        assert values["relative_cost"]["value"] > 0
        assert 0 < values["max_ulp"]["value"] <= 2


def test_they_stand_on_the_page(tree: Path, run: Path) -> None:
    pytest.importorskip("jinja2", reason="the page needs the group report")
    _ran(tree, "report", str(run))
    [page] = run.glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "cubed_relu" in text
    assert "Clip" in text


HAVING = ("torch", "jax")
"""Frameworks that have the format, if only to round to it."""


@pytest.mark.slow
def test_a_format_is_gone_through_where_a_framework_has_it(
    tree: Path, framework: str, tmp_path: Path
) -> None:
    """At every input: within half an ulp, for the form is computed wider and rounded once."""
    out = tmp_path / "run"
    words = ("--activation", "gelu", "--form", "wide", "--dtype", "float8_e5m2", "--mode", "eager")
    status = 0 if framework in HAVING else 1
    _ran(tree, "agree", "--framework", framework, *words, "--out", str(out), status=status)
    rows = [row for row in _rows(out) if row["metric"] == "max_ulp"]
    assert {row["direction"] for row in rows} == {"forward", "backward"}
    for row in rows:
        if framework in HAVING:
            assert row["value"] <= 0.5
        else:
            assert row["status"] == "unsupported"
            assert "has no float8_e5m2" in json.dumps(row)
