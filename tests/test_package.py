"""The installed package: one name at the top, and no folder of a user's comes in its way."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import actbench

ROOT = Path(__file__).resolve().parents[1]
_MINE = """
from math import erf

import numpy as np

_erf = np.vectorize(erf, otypes=[np.float64])


def f(x):
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        return (wide * 0.5 * (1 + _erf(wide / np.sqrt(2)))).astype(x.dtype)
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wanted = [name for name in files.split("\0") if not name.startswith(("results/", "tests/"))]
    for name in filter(None, wanted):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-P", str(ROOT / name), str(source / name)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it needs besides is that of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture
def actbench_in(environment: Path, tmp_path: Path) -> Run:
    """Run the installed command in a repository whose folders are called as those of this one."""
    for name in ("bench", "impls", "report", "results"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('a folder of the user')\n")
    (tmp_path / "mine.py").write_text(_MINE)
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a version")):
        names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin" / "actbench"), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_a_wheel_puts_one_name_at_the_top_of_site_packages(wheel: Path) -> None:
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert names == {"actbench", f"actbench-{actbench.__version__}.dist-info"}


def test_a_wheel_has_every_module_and_template_of_the_tree(wheel: Path) -> None:
    tree = {
        f"actbench/{path.relative_to(ROOT)}"
        for room in ("bench", "impls", "report")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tree <= set(zipfile.ZipFile(wheel).namelist())


def test_the_command_says_its_version_and_alone_how_it_is_used(actbench_in: Run) -> None:
    assert actbench_in("--version").stdout == f"actbench {actbench.__version__}\n"
    alone = actbench_in()
    assert alone.returncode == 0
    assert "Examples:" in alone.stdout
    assert "actbench run" in alone.stdout


def test_a_function_beside_folders_of_the_same_names_is_certified(actbench_in: Run) -> None:
    done = actbench_in(
        *("agree", "--callable", "mine:f", "--reference", "gelu"),
        *("--exhaustive", "--dtype", "float16", "--json"),
    )
    assert done.returncode == 0, done.stderr
    (certificate,) = json.loads(done.stdout)["certificates"]
    assert certificate["max_ulp"] < 0.51  # in float64, rounded once
    assert certificate["tested"] == 2**16


def test_a_function_beside_folders_of_the_same_names_is_guarded(actbench_in: Run) -> None:
    done = actbench_in("gate", "--base", "HEAD", "--callable", "mine:f", "--framework", "numpy")
    assert done.returncode == 0, done.stdout + done.stderr
