"""Hints for mistyped names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(word: str, words: Sequence[str]) -> str:
    """A hint that names the known words nearest to a mistyped one, or all of them if few."""
    close = difflib.get_close_matches(word, words, n=3, cutoff=0.4)
    return f"did you mean {', '.join(close)}?" if close else f"choose from {', '.join(words)}"
