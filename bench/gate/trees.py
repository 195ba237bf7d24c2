"""The two trees that a gate compares, copied to separate folders so that neither is touched."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..catalog import plugins
from ..catalog.frameworks import IMPLS
from ..host.errors import UsageError

WORKTREE = "WORKTREE"
_WORKTREE_LABEL = "the working tree"
ROOT = IMPLS.parent


@dataclass(frozen=True)
class Tree:
    """A folder with the code to compare, and its origin.

    `commit` is empty for a folder outside git; `dirty` is set for uncommitted changes.
    """

    folder: Path
    label: str
    commit: str = ""
    dirty: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The fields for a report."""
        return {"label": self.label, "commit": self.commit, "dirty": self.dirty}

    @property
    def option(self) -> str:
        """The value of --base that names the tree."""
        return WORKTREE if self.label == _WORKTREE_LABEL else self.label

    @property
    def words(self) -> str:
        """The name, with the commit and a note on uncommitted changes."""
        commit = f" ({self.commit[:12]}{', with uncommitted changes' if self.dirty else ''})"
        return self.label + (commit if self.commit else "")


def worktree(into: Path, root: Path = ROOT, part: str = "impls") -> Tree:
    """Copy the current `part` of the working tree to the new folder `into`."""
    _copy(root / part, into / part, _WORKTREE_LABEL)
    return replace(in_place(root, part), folder=into)


def in_place(root: Path, part: str = ".") -> Tree:
    """The working tree itself, build outputs included."""
    commit = _git(root, "rev-parse", "HEAD") or ""
    status = ("--no-optional-locks", "status", "--porcelain", "--", part)
    return Tree(
        root.resolve(), _WORKTREE_LABEL, commit.strip(), bool(commit and _git(root, *status))
    )


def base(name: str, into: Path, root: Path = ROOT, part: str = "impls") -> Tree:
    """The tree of a git ref, a folder, or the working tree itself (WORKTREE), copied to `into`.

    `part` is the part to compare; "." means all of it, and a folder is then used in place, build
    outputs included. Raises UsageError for a ref or folder that does not exist or has no such part.
    """
    if not name:
        raise UsageError("--base is empty: name a commit, branch, tag or folder")
    if name == WORKTREE:
        return in_place(root) if part == "." else worktree(into, root, part)
    if os.path.isdir(name) and _commit(root, name) is None:
        if part == ".":
            return Tree(Path(name).resolve(), name)
        _copy(Path(name) / part, into / part, f"the folder {name}")
        return Tree(into, name)
    commit = _commit(root, name)
    if commit is None:
        raise UsageError(_unknown(name, root))
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", commit, "--", part],
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise UsageError(f"{name} has no {part}/: there is nothing to compare with")
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(into, filter="data")
    except tarfile.FilterError as error:
        raise UsageError(f"{name} cannot be copied: {error}") from None
    return Tree(into, name, commit)


def keep_plugins(name: str, folder: Path) -> None:
    """Keep the versions of plug-ins from a git ref of the repositories that hold them.

    A plug-in without such a ref is the same in both trees; one that the ref does not contain, such
    as a new one, has no version there.
    """
    for place, path in enumerate(plugins.paths()):
        home, kept = Path(path).parent, plugins.version(folder, place, path)
        if _commit(home, name):
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(_git(home, "show", f"{name}:./{Path(path).name}") or _NOTHING)


_NOTHING = f"{plugins.RECORDS} = []\n"


def is_of_plugins(name: str, root: Path = ROOT) -> bool:
    """Return whether a name is a ref of a plug-in's repository and not of the project's."""
    homes = (Path(path).parent for path in plugins.paths())
    return _commit(root, name) is None and any(_commit(home, name) for home in homes)


def versions_differ(base: Tree, root: Path = ROOT) -> bool:
    """Return whether the working tree pins other versions of packages than the base's commit."""
    if not base.commit:
        return False
    return bool(_git(root, "diff", "--name-only", base.commit, "--", "constraints.txt"))


def _unknown(name: str, root: Path) -> str:
    if why := _no_repository(root):
        return f"no folder {name}, and {why}"
    shallow = (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    hint = "this clone is shallow: git fetch --unshallow" if shallow else "git fetch it"
    return f"no commit, branch, tag or folder is named {name!r}: {hint}, or choose another --base"


def _no_repository(root: Path) -> str:
    """The reason why git cannot read a repository here, in git's words if possible; or empty."""
    done = _run_git(root, "rev-parse", "--git-dir")
    if done is None or (done.returncode and "not a git repository" in done.stderr):
        return "this is not a git repository: --base takes a folder here"
    first = next(iter(done.stderr.splitlines()), "").removeprefix("fatal: ")
    return f"git cannot read this repository: {first}" if done.returncode else ""


def _commit(root: Path, name: str) -> str | None:
    if name.startswith("-"):
        return None
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return commit.strip() if commit else None


def _git(root: Path, *arguments: str) -> str | None:
    """The output of a git command; None where it fails or git is missing."""
    done = _run_git(root, *arguments)
    return done.stdout if done and done.returncode == 0 else None


def _run_git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run a git command, in English; None where git is missing."""
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError:
        return None


def _copy(source: Path, target: Path, words: str) -> None:
    if not source.is_dir():
        raise UsageError(f"{words} has no {source.name}/: there is nothing to compare")
    left_out = shutil.ignore_patterns("__pycache__", ".git", ".venv")
    try:
        shutil.copytree(source, target, ignore=left_out, ignore_dangling_symlinks=True)
    except shutil.Error as error:
        path, _, why = error.args[0][0]
        raise UsageError(f"{words} cannot be copied: {path}: {why}") from None
    except OSError as error:
        raise UsageError(f"{words} cannot be copied: {error.filename}: {error.strerror}") from None
