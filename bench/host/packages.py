"""The folders in which packages lie, in a tree of source files and in an installation."""

from __future__ import annotations

import site
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.machinery import all_suffixes
from pathlib import Path

_USUAL = ("", "src")
"""The folders of a tree in which packages usually lie, in the order of the search."""
_DEPTH = 3
"""The depth to which folders are searched for a package that is in none of those."""
_BUILT = frozenset(("build", "dist", "node_modules", "site-packages", "__pycache__"))


def root_of(tree: Path, module: str) -> Path:
    """The folder of a tree from which a module is imported: `src` for `src/mine/kernels.py`.

    Raises LookupError where no folder of the tree, or more than one, has it.
    """
    for usual in _USUAL:
        if _has(tree / usual, module):
            return tree / usual
    folders = [folder for folder in _folders(tree, _DEPTH) if _has(folder, module)]
    if len(folders) == 1:
        return folders[0]
    places = " and ".join(str(folder.relative_to(tree)) for folder in folders)
    raise LookupError(
        f"{module} lies in {places}: run this in the one that is meant"
        if folders
        else f"{module} is in no folder of the tree: run this where its source lies, and write it "
        "as it is imported"
    )


@cache
def installed() -> tuple[str, ...]:
    """The folders of installed packages, which belong to no tree even if they lie in one."""
    user, standard = site.getusersitepackages(), sysconfig.get_path("stdlib")
    return tuple(dict.fromkeys((*site.getsitepackages(), user, standard)))


def _has(folder: Path, module: str) -> bool:
    """Return whether a folder holds a module or a package, as source or built."""
    path = folder.joinpath(*module.split("."))
    files = (path.with_name(path.name + suffix) for suffix in all_suffixes())
    return any(file.is_file() for file in (*files, path / "__init__.py"))


def _folders(tree: Path, depth: int) -> Iterator[Path]:
    """The folders within a tree, except hidden folders, built ones and environments."""
    for folder in _within(tree):
        built = folder.name.startswith(".") or folder.name in _BUILT
        if not built and not (folder / "pyvenv.cfg").exists():
            yield folder
            yield from _folders(folder, depth - 1) if depth > 1 else ()


def _within(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:  # not for everybody's eyes
        return []
