"""Runs at another place: an address of fsspec, such as s3://bucket/run or zip://run::file.zip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ..host import temporary
from ..host.errors import StoreError, UsageError
from . import parcel
from .files import plain_name
from .store import FACTS, FILES


def runs(address: str) -> list[str]:
    """The addresses of the runs in a folder at an address, or their paths if it is on this machine.

    Raises UsageError for an address that cannot be used, StoreError where nothing can be read.
    """
    files, root = _opened(address)
    first, link, rest = address.partition("::")
    protocol = first.partition("://")[0]
    with _read(address):
        paths = sorted(path for path in files.find(root) if PurePosixPath(path).name == FACTS)
    folders = [str(PurePosixPath(path).parent) for path in paths]
    if _is_local(files):
        return folders
    return [f"{protocol}://{folder.strip('/.')}{link}{rest}" for folder in folders]


@contextmanager
def brought(address: str) -> Iterator[Path]:
    """The folder of a run at an address, fetched to a temporary folder for this context.

    A run on this machine is used where it lies. The reader validates the contents. Raises
    UsageError for an address that cannot be used, StoreError where no run can be read.
    """
    files, root = _opened(address)
    if _is_local(files):
        yield Path(root)
        return
    name = plain_name(PurePosixPath(root).name)
    with temporary.folder() as folder:
        yield parcel.laid(_contents(files, root, address), folder.path / name)


def _contents(files: Any, root: str, address: str) -> dict[str, bytes]:
    """The files of a run by name, as far as it has them, up to the size that a run may have."""
    contents: dict[str, bytes] = {}
    with _read(address):
        for name in FILES:
            path = str(PurePosixPath(root, name))
            if files.isfile(path):
                with files.open(path, "rb") as file:
                    contents[name] = file.read(parcel.MOST + 1)
    if FACTS not in contents:
        raise StoreError(f"no run at {address}: name a folder that holds {FACTS}")
    return contents


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


def _is_local(files: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(files, LocalFileSystem)


@contextmanager
def _read(address: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each file system has errors of its own
        raise _unreadable(address, error) from error


def _unreadable(address: str, error: Exception) -> StoreError:
    return StoreError(f"cannot read {address}: {str(error) or type(error).__name__}")
