"""Errors that a person can mend, each with its exit status."""

from __future__ import annotations


class ActbenchError(Exception):
    """One sentence that says what is wrong and what to do; `exit_status` is what the shell sees."""

    exit_status = 1


class UsageError(ActbenchError):
    """The request cannot be understood: an unknown name, a bad value, a folder in the way."""

    exit_status = 2


class StoreError(ActbenchError):
    """A run cannot be read or written: missing, malformed, of another schema, or a full disk."""

    exit_status = 4
