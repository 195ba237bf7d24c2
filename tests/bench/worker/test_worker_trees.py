"""Versions of a module: each keeps to its own tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.host.packages import root_of
from actbench.bench.worker import trees
from actbench.bench.worker.own_function import Unusable


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    """Whatever a test imports is forgotten."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before:
        del sys.modules[name]


def _tree(folder: Path, number: int) -> str:
    package = folder / "impls"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"number = {number}")
    (package / "_helper.py").write_text(f"number = {10 * number}")
    (package / "example.py").write_text(
        "from . import number\nfrom . import _helper\nfrom ._helper import number as other\n"
        "def later():\n    from ._helper import number\n    return number\n"
    )
    return str(folder)


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    return [_tree(tmp_path / f"tree {number}", number) for number in (1, 2)]


def test_the_imports_of_a_tree_stay_within_it(folders: list[str]) -> None:
    one, two = (
        trees.implementation(folder, f"impls_of_{i}", "example") for i, folder in enumerate(folders)
    )
    assert (one.number, one.other, one.later()) == (1, 10, 10)
    assert (two.number, two.other, two.later()) == (2, 20, 20)
    assert one._helper is not two._helper
    assert (one.__name__, two.__name__) == ("impls_of_0.example", "impls_of_1.example")


def test_a_package_needs_no_file_of_its_own(folders: list[str]) -> None:
    package = Path(folders[0]) / "impls"
    (package / "__init__.py").unlink()
    (package / "example.py").write_text("from ._helper import number")
    assert trees.implementation(folders[0], "impls_of_plain", "example").number == 10


@pytest.mark.parametrize(
    ("text", "error"),
    [("def f(:", SyntaxError), ("1 / 0", ZeroDivisionError), ("import no_such", ImportError)],
)
def test_what_a_module_raises_is_raised(
    folders: list[str], text: str, error: type[Exception]
) -> None:
    (Path(folders[0]) / "impls" / "example.py").write_text(text)
    with pytest.raises(error):
        trees.implementation(folders[0], "impls_of_wrong", "example")
    assert trees.implementation(folders[1], "impls_of_right", "example").number == 2


def test_a_module_that_is_not_there_names_the_tree(folders: list[str]) -> None:
    with pytest.raises(ModuleNotFoundError) as error:
        trees.implementation(folders[0], "impls_of_base", "absent")
    assert error.value.name == "impls_of_base.absent"


# --- a function of the user's own -----------------------------------------------------------------


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is as it was."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def _write(folder: Path, **files: str) -> Path:
    """Modules by name, `__` between their parts, in a folder."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _called(folder: Path, address: str) -> Any:
    """The result of a function of the tree in a folder."""
    return getattr(trees.own(str(folder), address, "numpy"), address)(0)


_LATER = "def f(x):\n    from lately import number\n    return number\n"


def test_a_function_and_what_it_imports_come_from_its_tree(tmp_path: Path) -> None:
    """Also by a call, and beside a package: as when Python runs in the folder."""
    _write(tmp_path / "elsewhere", lately="number = 1", kernels_here="f = None")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    _write(tmp_path / "tree", kernels_here=_LATER, lately="number = 2")
    assert _called(tmp_path / "tree", "kernels_here:f") == 2


@pytest.mark.parametrize("place", ["", "src", "lib", "packages/one/src"])
@pytest.mark.parametrize(
    "layout", ["mine/kernels.py", "mine/kernels/__init__.py", f"mine/kernels{all_suffixes()[-1]}"]
)
def test_a_package_is_found_where_it_is_laid_out(tmp_path: Path, place: str, layout: str) -> None:
    file = tmp_path / place / layout
    file.parent.mkdir(parents=True)
    file.touch()
    for built in ("build/lib", ".venv/lib", "env"):  # copies of it, which nobody edits
        (tmp_path / built / "mine").mkdir(parents=True)
        (tmp_path / built / "mine" / "kernels.py").touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    assert root_of(tmp_path, "mine.kernels") == tmp_path / place


def test_a_function_of_a_src_layout_is_loaded_with_its_neighbours(tmp_path: Path) -> None:
    _write(tmp_path, src__laid__out="from .helper import number\ndef f(x): return number + other()")
    _write(tmp_path, src__laid__helper="number = 3", beside="def other(): return 4")
    out = tmp_path / "src" / "laid" / "out.py"
    out.write_text("from beside import other\n" + out.read_text())
    assert _called(tmp_path, "laid.out:f") == 7


def test_a_package_that_is_nowhere_or_in_two_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="math is in no folder of the tree"):
        trees.own(str(tmp_path), "math:exp", "numpy")
    _write(tmp_path, one__twice="", other__twice="")
    with pytest.raises(Unusable, match="twice lies in one and other"):
        trees.own(str(tmp_path), "twice:f", "numpy")


def test_a_package_that_is_loaded_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """As by an import hook, or because this process has it already."""
    _write(tmp_path, json__tool="")
    with pytest.raises(Unusable, match=r"json.* comes from .* not from the tree to compare"):
        trees.own(str(tmp_path), "json.tool:main", "numpy")


def test_the_parts_of_a_namespace_may_lie_anywhere(tmp_path: Path) -> None:
    _write(tmp_path / "elsewhere", spread__helper="number = 5")
    sys.path.append(str(tmp_path / "elsewhere"))
    _write(
        tmp_path / "tree", spread__kernels="import spread.helper as h\ndef f(x): return h.number"
    )
    assert _called(tmp_path / "tree", "spread.kernels:f") == 5


def test_an_environment_within_the_tree_is_not_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = _write(tmp_path / "lib" / "site-packages", installed_there="")
    monkeypatch.setattr(trees, "installed", lambda: (str(installed),))
    monkeypatch.syspath_prepend(str(installed))
    with pytest.raises(Unusable, match="in no folder of the tree"):
        trees.own(str(tmp_path), "installed_there:f", "numpy")
