"""Runs by path or by address of fsspec, such as s3://bucket/run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_brought: dict[str, str] = {}
"""The address that each folder was brought from."""


def is_address(text: str) -> bool:
    """Return whether a text is an address of fsspec and not a path on this machine."""
    return "://" in text


@contextmanager
def brought(run: str) -> Iterator[Path]:
    """The folder of a run to be read; a run at an address is fetched to a temporary folder.

    Raises UsageError for an address that cannot be used, StoreError where no run can be read there.
    """
    if not is_address(run):
        yield Path(run)
        return
    from . import elsewhere  # slow to import, and only an address needs it

    with elsewhere.brought(run) as folder:
        yield folder


@contextmanager
def borrowed(run: str) -> Iterator[Path]:
    """A folder in which a run can be written; for a run at an address, a copy that is stored later.

    Raises UsageError for an address that cannot be used, StoreError where no run can be read or
    written there. If the copy cannot be stored, it is kept and the StoreError names it.
    """
    if not is_address(run):
        yield Path(run)
        return
    from . import elsewhere

    with elsewhere.borrowed(run) as folder:
        yield folder


def register(folder: Path, address: str) -> None:
    """Record the address that a folder was brought from."""
    _brought[str(folder)] = address


def forget(folder: Path) -> None:
    """Remove the record of a folder, so that messages give its path."""
    _brought.pop(str(folder), None)


def is_brought(folder: Path) -> bool:
    """Return whether a folder was fetched from an address and is removed at the end."""
    return str(folder) in _brought


def named(text: str) -> str:
    """A text in which each folder that was brought from an address is replaced by the address."""
    for folder, address in _brought.items():
        text = text.replace(folder, address)
    return text
