"""Folders kept from one run to the next: compiled code and exact values."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def folder(name: str) -> Path:
    """Return a folder of the user's cache, or a temporary one where that cannot be written.

    XDG_CACHE_HOME is honoured. Folders with spaces are passed over: a flag of XLA takes none.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in (Path(home), Path(tempfile.gettempdir(), f"cache-{os.getuid()}")):
        with suppress(OSError):
            chosen = place / "actbench" / name
            chosen.mkdir(parents=True, exist_ok=True)
            if os.access(chosen, os.W_OK) and " " not in str(chosen):
                return chosen
    return Path(tempfile.mkdtemp())
