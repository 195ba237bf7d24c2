"""Two versions of a module in one process: each keeps to its own tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    (folder / "mine.py").write_text(f"import helping\ndef f(x): return {number} * helping.one()")
    (folder / "helping.py").write_text("def one(): return 1")
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


def test_functions_of_ones_own_come_from_their_tree(folders: list[str]) -> None:
    path = list(sys.path)
    one, two = (trees.own(folder, "mine:f", "numpy") for folder in folders)
    assert (one.f(3), two.f(3)) == (1, 2)
    assert sys.path == path
    assert not {"mine", "helping"} & sys.modules.keys()
    assert one.Adapter is two.Adapter


def test_a_function_from_elsewhere_is_refused(folders: list[str]) -> None:
    for name in ("math:exp", "json:dumps"):
        with pytest.raises(Unusable, match="not from the tree to compare"):
            trees.own(folders[0], name, "numpy")
    assert folders[0] not in sys.path


def test_a_package_without_a_file_is_forgotten_with_its_modules(tmp_path: Path) -> None:
    """Else the second version would find the first one's helper as an attribute of the package."""
    found = []
    for number in (1, 2):
        package = tmp_path / f"tree {number}" / "plainly"
        package.mkdir(parents=True)
        (package / "helper.py").write_text(f"number = {number}")
        (package / "kernels.py").write_text(
            "from . import helper\ndef f(x): return helper.number\n"
        )
        tree = trees.own(str(package.parent), "plainly.kernels:f", "numpy")
        found.append(tree.f)
    assert [function(0) for function in found] == [1, 2]


def test_an_environment_within_the_tree_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / ".venv" / "site-packages"
    (installed / "installed_there").mkdir(parents=True)
    (installed / "installed_there" / "__init__.py").touch()
    (tmp_path / "kernels_there.py").write_text("import installed_there\ndef f(x): return x\n")
    monkeypatch.setattr(trees, "_INSTALLED", (str(installed),))
    monkeypatch.syspath_prepend(str(installed))
    trees.own(str(tmp_path), "kernels_there:f", "numpy")
    assert "installed_there" in sys.modules
    assert "kernels_there" not in sys.modules
