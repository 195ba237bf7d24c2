"""Runs at another place: an address of fsspec, such as s3://bucket/run or zip://run::file.zip."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ..catalog.shell import command
from ..host import temporary
from ..host.errors import StoreError, UsageError
from . import parcel
from .addresses import forget, register
from .files import plain_name
from .store import FACTS, FILES, LOGS, RESULTS, cannot_write

_PROBE = "actbench-probe.tmp"
"""The file by which it is tried whether an address can be written."""


def runs(address: str, depth: int | None = None) -> list[str]:
    """The addresses of the runs in a folder at an address, or their paths if it is on this machine.

    They lie at any depth, or no deeper than one: 1 is the folder itself, 2 the folders in it.
    Raises UsageError for an address that cannot be used, StoreError where nothing can be read.
    """
    files, root = _opened(address)
    first, link, rest = address.partition("::")
    protocol = first.partition("://")[0]
    with _read(address):
        below = files.find(root, maxdepth=depth)
    paths = sorted(path for path in below if PurePosixPath(path).name == FACTS)
    folders = [str(PurePosixPath(path).parent) for path in paths]
    if _is_local(files):
        return folders
    return [f"{protocol}://{folder.strip('/.')}{link}{rest}" for folder in folders]


@contextmanager
def brought(run: str) -> Iterator[Path]:
    """The folder of a run at an address, fetched to a temporary folder for this context.

    A run on this machine is used where it lies. The reader validates the contents. Raises
    UsageError for an address that cannot be used, StoreError where no run can be read.
    """
    files, root = _opened(run)
    if _is_local(files):
        yield Path(root)
        return
    with temporary.folder() as folder:
        yield _laid(_contents(files, root, run), folder.path, run, root)


@contextmanager
def borrowed(run: str) -> Iterator[Path]:
    """A folder in which a run at an address can be written: a copy of the run under results/.

    At the end of the context, also after an error, the files that changed are stored at the
    address and the copy is removed. A run at an address cannot be locked: if another process has
    changed it meanwhile, nothing is stored. A run on this machine is written where it lies.

    Raises UsageError for an address that cannot be used, StoreError where no run can be read or
    written. If the files cannot be stored, the copy is kept and the StoreError names it.
    """
    files, root = _opened(run)
    if _is_local(files):
        yield Path(root)
        return
    before = _contents(files, root, run)
    _check_writable(files, root, run)
    folder = _laid(before, _new_folder(), run, root)
    try:
        yield folder
    finally:
        _bring_back(before, folder, files, root, run)
        shutil.rmtree(folder.parent, ignore_errors=True)


def put(folder: Path, address: str) -> str:
    """Copy a run folder into a folder at an address, and return the address of the copy.

    Raises UsageError for an address that cannot be used or that has the run already, StoreError
    where it cannot be written.
    """
    first, link, rest = address.partition("::")
    target = f"{first}{'' if first.endswith('/') else '/'}{folder.name}{link}{rest}"
    files, root = _opened(target)
    with _read(target):
        taken = files.exists(_within(root, FACTS))
    if taken:
        raise UsageError(f"{target} is already there")
    with _written(target, "choose another address"):
        _store(_files_of(folder), files, root)
    return target


# --- copies ---------------------------------------------------------------------------------------


def _contents(files: Any, root: str, address: str) -> dict[str, bytes]:
    """The files of a run by name, as far as it has them, up to the size that a run may have."""
    contents: dict[str, bytes] = {}
    with _read(address):
        files.invalidate_cache()  # of what was there when it was last looked at
        for name in FILES:
            path = _within(root, name)
            if files.isfile(path):
                with files.open(path, "rb") as file:
                    contents[name] = file.read(parcel.MOST + 1)
    if FACTS not in contents:
        raise StoreError(f"no run at {address}: name a folder that holds {FACTS}")
    return contents


def _laid(contents: Mapping[str, bytes], parent: Path, address: str, root: str) -> Path:
    """A folder with the files of a run, registered under its address."""
    folder = parent / plain_name(PurePosixPath(root).name)
    register(folder, address)
    return parcel.laid(contents, folder)


def _new_folder() -> Path:
    """A new folder under results/, so that a copy survives a power cut."""
    try:
        RESULTS.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="elsewhere-", dir=RESULTS.resolve()))
    except OSError as error:
        raise cannot_write(RESULTS, error) from error


def _files_of(folder: Path) -> dict[str, bytes]:
    """The files of a run folder by name, and what its workers wrote."""
    logs = (log.name for log in folder.glob(LOGS))
    present = [folder / name for name in (*FILES, *logs) if (folder / name).exists()]
    return {path.name: path.read_bytes() for path in present}


def _bring_back(
    before: Mapping[str, bytes], folder: Path, files: Any, root: str, address: str
) -> None:
    """Store the files that changed in a copy. Raises a StoreError that names it on failure."""
    try:
        now = _files_of(folder)
        if now == before:
            return
        if sum(map(len, now.values())) > parcel.MOST:
            raise StoreError(f"it has more than {parcel.MOST >> 20} MiB by now")
        if _contents(files, root, address) != before:
            raise StoreError("another has changed it meanwhile")
        changed = {name: text for name, text in now.items() if text != before.get(name)}
        _store(changed, files, root)
        _remove(before.keys() - now.keys(), files, root)
    except (Exception, KeyboardInterrupt) as error:
        forget(folder)
        raise StoreError(
            f"cannot write {address}: {_reason(error)}; all that was measured is kept in {folder}: "
            "copy its files there"
        ) from error


def _store(contents: Mapping[str, bytes], files: Any, root: str) -> None:
    """Write files of a run, its facts last: without them a folder is no run."""
    if root.startswith("/"):  # others have no folders but buckets, which a slip should not create
        files.makedirs(root, exist_ok=True)
    for name in sorted(contents, key=lambda name: name == FACTS):
        files.pipe_file(_within(root, name), contents[name])


def _remove(names: Iterable[str], files: Any, root: str) -> None:
    for name in names:
        files.rm_file(_within(root, name))


def _check_writable(files: Any, root: str, address: str) -> None:
    """Raise StoreError where files cannot be written and removed."""
    way = f"add to a copy on this machine: {command('publish', address)}"
    with _written(address, way):
        files.pipe_file(_within(root, _PROBE), b"")
        files.rm_file(_within(root, _PROBE))


# --- file systems ---------------------------------------------------------------------------------


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there."""
    from fsspec import available_protocols
    from fsspec.core import url_to_fs

    protocol = address.partition("://")[0].rpartition("::")[2]
    try:
        files, root = url_to_fs(address)
    except ImportError as error:
        raise UsageError(f"{address} needs a package that is not here: {error}") from None
    except ValueError as error:
        if protocol in available_protocols():
            raise UsageError(f"{address} cannot be opened: {error}") from None
        raise UsageError(
            f"nothing here opens {protocol}://, as in {address}: install the package of fsspec for "
            "it, or copy the run to this machine"
        ) from None
    except Exception as error:
        raise _unreadable(address, error) from error
    return files, str(root)


def _within(root: str, name: str) -> str:
    """The path of a file in a folder of a file system, which may be an address itself."""
    return f"{root.rstrip('/')}/{name}"


def _is_local(files: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(files, LocalFileSystem)


@contextmanager
def _read(address: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each file system has errors of its own
        raise _unreadable(address, error) from error


@contextmanager
def _written(address: str, way: str) -> Iterator[None]:
    """Have an error of writing end in a way out."""
    try:
        yield
    except Exception as error:  # each file system has errors of its own
        raise StoreError(f"cannot write {address}: {_reason(error)}; {way}") from error


def _unreadable(address: str, error: Exception) -> StoreError:
    return StoreError(f"cannot read {address}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
