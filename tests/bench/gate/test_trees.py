"""The trees that are compared: copied from where they are, which stays as it was to the byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from actbench.bench.gate import trees
from actbench.bench.host.errors import UsageError

_MODULE = Path("impls") / "a module.py"


def _git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(root), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _write(root: Path, text: str) -> None:
    (root / _MODULE).parent.mkdir(parents=True, exist_ok=True)
    (root / _MODULE).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without `impls/` in its first commit, "one" in the second, "two" in the last."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    path = tmp_path / "a repository"
    path.mkdir()
    monkeypatch.chdir(tmp_path)
    _git(path, "init", "--quiet", "--initial-branch", "main")
    (path / "readme").write_text("words")
    _git(path, "add", ".")
    _git(path, "commit", "--quiet", "--message", "empty")
    for text in ("one", "two"):
        _write(path, text)
        _git(path, "add", ".")
        _git(path, "commit", "--quiet", "--message", text)
    _git(path, "tag", "first", "HEAD~1")
    _git(path, "tag", "--annotate", "--message", "words", "noted", "HEAD~1")
    _git(path, "branch", "feature/older", "HEAD~1")
    return path


def _hashes(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _text(tree: trees.Tree) -> str:
    return (tree.folder / _MODULE).read_text()


@pytest.mark.parametrize("name", ["HEAD~1", "first", "noted", "feature/older", "main^", "@{0}~1"])
def test_a_ref_is_the_tree_of_its_commit(root: Path, tmp_path: Path, name: str) -> None:
    tree = trees.base(name, tmp_path / "base", root)
    assert _text(tree) == "one"
    assert tree.commit == _git(root, "rev-parse", "HEAD~1")
    assert (tree.label, tree.dirty) == (name, False)
    assert tree.words == f"{name} ({tree.commit[:12]})"
    assert not (tree.folder / "readme").exists(), "the part alone"


def test_a_commit_is_detected_by_its_hash(root: Path, tmp_path: Path) -> None:
    commit = _git(root, "rev-parse", "HEAD~1")
    for length in (40, 10):
        tree = trees.base(commit[:length], tmp_path / str(length), root)
        assert (tree.commit, _text(tree)) == (commit, "one")


def test_all_of_a_ref_can_be_compared(root: Path, tmp_path: Path) -> None:
    tree = trees.base("first", tmp_path / "base", root, ".")
    assert (tree.folder / "readme").read_text() == "words"


def test_the_working_tree_is_as_it_is_now_and_says_so(root: Path, tmp_path: Path) -> None:
    clean = trees.worktree(tmp_path / "clean", root)
    assert (_text(clean), clean.dirty) == ("two", False)
    assert clean.commit == _git(root, "rev-parse", "HEAD")
    _write(root, "three")
    dirty = trees.base(trees.WORKTREE, tmp_path / "dirty", root)
    assert (_text(dirty), dirty.dirty) == ("three", True)
    assert dirty.words.endswith(f"({dirty.commit[:12]}, with uncommitted changes)")
    assert dirty.as_dict() == {
        "label": "the working tree",
        "commit": dirty.commit,
        "dirty": True,
    }


@pytest.mark.parametrize("change", ["staged", "new", "gone", "elsewhere"])
def test_what_counts_as_uncommitted(root: Path, tmp_path: Path, change: str) -> None:
    if change == "staged":
        _write(root, "three")
        _git(root, "add", ".")
    elif change == "new":
        (root / "impls" / "another.py").touch()
    elif change == "gone":
        (root / "impls" / "other.py").touch()
        (root / _MODULE).unlink()
    else:
        (root / "readme").write_text("other words")
    assert trees.worktree(tmp_path / "copy", root).dirty == (change != "elsewhere")


@pytest.mark.parametrize("name", ["HEAD~1", trees.WORKTREE, "unknown"])
def test_the_repository_is_untouched_to_the_byte(root: Path, tmp_path: Path, name: str) -> None:
    """A status that looks at a file with a new time would write that time to the index."""
    (root / "new").touch()
    os.utime(root / _MODULE, (1e9, 1e9))
    before, status = _hashes(root), _git(root, "--no-optional-locks", "status", "--porcelain")
    trees.worktree(tmp_path / "candidate", root)
    try:
        trees.base(name, tmp_path / "base", root)
    except UsageError:
        assert name == "unknown"
    assert _hashes(root) == before
    assert _git(root, "--no-optional-locks", "status", "--porcelain") == status
    assert "?? new" in status


def test_a_folder_is_copied_without_what_is_no_source(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "another version"
    _write(folder, "four")
    (folder / "impls" / "__pycache__").mkdir()
    tree = trees.base(str(folder), tmp_path / "base", root)
    assert (_text(tree), tree.commit, tree.words) == ("four", "", str(folder))
    assert not (tree.folder / "impls" / "__pycache__").exists()
    (tree.folder / _MODULE).write_text("five")
    assert (folder / _MODULE).read_text() == "four"


def test_a_ref_goes_before_a_folder_of_its_name(root: Path, tmp_path: Path) -> None:
    _write(tmp_path / "first", "four")
    assert _text(trees.base("first", tmp_path / "ref", root)) == "one"
    assert _text(trees.base("./first", tmp_path / "folder", root)) == "four"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("unknown", "no commit, branch, tag or folder is named 'unknown': git fetch it"),
        ("-h", "no commit, branch, tag or folder is named '-h'"),
        ("--output=there", "no commit, branch, tag or folder is named '--output=there'"),
        ("HEAD:impls", "no commit, branch, tag or folder is named 'HEAD:impls'"),
        ("HEAD~2", "HEAD~2 has no impls/"),
        ("empty folder", "the folder empty folder has no impls/"),
        ("", "--base is empty"),
        ("one\ntwo", "no commit, branch, tag or folder is named 'one\\ntwo'"),
    ],
)
def test_what_cannot_be_a_base_is_a_sentence(
    root: Path, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "empty folder").mkdir()
    with pytest.raises(UsageError) as error:
        trees.base(name, tmp_path / "base", root)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "there").exists()


def test_a_link_out_of_the_tree_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "impls" / "linked.py").symlink_to("/etc/hostname")
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "link")
    with pytest.raises(UsageError, match="HEAD cannot be copied"):
        trees.base("HEAD", tmp_path / "base", root)


def test_an_editors_lock_in_the_working_tree_does_no_harm(root: Path, tmp_path: Path) -> None:
    (root / "impls" / ".#example.py").symlink_to("somebody@somewhere.1234:5678")
    tree = trees.worktree(tmp_path / "copy", root)
    assert not (tree.folder / "impls" / ".#example.py").exists()


def test_what_cannot_be_copied_is_a_sentence(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "impls" / "pipe")
    with pytest.raises(UsageError, match=r"the working tree cannot be copied: .*pipe"):
        trees.worktree(tmp_path / "copy", root)


@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000])
def test_a_name_too_long_for_a_folder_is_unknown(root: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no commit, branch, tag or folder"):
        trees.base(name, tmp_path / "base", root)


def test_a_repository_that_git_refuses_is_reported_in_its_words(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container whose user does not own the files."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    with pytest.raises(UsageError, match="git cannot read this repository: detected dubious"):
        trees.base("HEAD", tmp_path / "base", root)


def test_a_shallow_clone_says_how_to_have_more(root: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    _git(tmp_path, "clone", "--quiet", "--depth", "1", root.as_uri(), str(shallow))
    with pytest.raises(UsageError, match="git fetch --unshallow"):
        trees.base("HEAD~1", tmp_path / "base", shallow)


def test_without_a_repository_there_are_folders_alone(root: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    _write(plain, "one")
    with pytest.raises(UsageError, match="this is not a git repository: --base takes a folder"):
        trees.base("HEAD", tmp_path / "base", plain)
    tree = trees.worktree(tmp_path / "copy", plain)
    assert (tree.commit, tree.dirty, tree.words) == ("", False, "the working tree")
    assert _text(trees.base(str(root), tmp_path / "other", plain)) == "two"


def test_a_folder_without_the_part_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the working tree has no impls/"):
        trees.worktree(tmp_path / "copy", tmp_path)


def test_without_git_there_are_folders_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--base takes a folder"):
        trees.base("HEAD", tmp_path / "base", root)
    assert trees.worktree(tmp_path / "copy", root).commit == ""


def test_a_project_that_lies_within_a_repository(root: Path, tmp_path: Path) -> None:
    _write(root / "inner", "inside")
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "inner")
    assert _text(trees.base("HEAD", tmp_path / "base", root / "inner")) == "inside"
