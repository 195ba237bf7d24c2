"""Runs in transit: the files of a run folder as compressed, bounded bytes."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..host.errors import StoreError
from .files import opened
from .store import FACTS, FILES, SAMPLES, cannot_write

MOST = 2**30
"""The most bytes of a run's files in transit."""


def packed(folder: Path) -> dict[str, bytes]:
    """The files of a run folder by name, the long ones compressed.

    Raises StoreError where they cannot be read, or are larger than allowed.
    """
    files: dict[str, bytes] = {}
    for name in FILES:
        with suppress(FileNotFoundError), opened(folder / name) as file:
            if os.fstat(file.fileno()).st_size > MOST:
                raise _too_large(folder)
            long = name.endswith(".jsonl")
            content = file.read()
            files |= {f"{name}.gz": gzip.compress(content, mtime=0)} if long else {name: content}
    return files


def grown(folder: Path, start: int) -> tuple[dict[str, bytes], int]:
    """The facts of a run, and its samples from a byte on, compressed; and where they end.

    Parts that are joined are the samples compressed. No files where there are no more samples, or
    where they cannot be read: then they may be the next time.
    """
    with suppress(OSError), opened(folder / FACTS) as facts, opened(folder / SAMPLES) as samples:
        samples.seek(start)
        if more := samples.read(MOST):
            packed_samples = gzip.compress(more, mtime=0)
            return {FACTS: facts.read(), f"{SAMPLES}.gz": packed_samples}, start + len(more)
    return {}, start


def joined(before: Mapping[str, bytes], part: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a run with a part that has come after them."""
    samples = f"{SAMPLES}.gz"
    return {**part, samples: before.get(samples, b"") + part[samples]}


def laid(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files of a run to a new folder; the reader validates the contents.

    Raises StoreError for files that no run has, and where the folder cannot be written.
    """
    if strange := files.keys() - set(FILES):
        raise StoreError(f"{folder.name} came with {min(strange)!r}, which no run has: left out")
    if sum(map(len, files.values())) > MOST:
        raise _too_large(folder)
    try:
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def _too_large(folder: Path) -> StoreError:
    return StoreError(f"the files of {folder.name} have more than {MOST >> 20} MiB: measure less")
