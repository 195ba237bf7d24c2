"""Errors that a person can fix, each with its exit status."""

from __future__ import annotations


class ActbenchError(Exception):
    """An error with one sentence that says what is wrong and what to do, and its `exit_status`."""

    exit_status = 1


class UsageError(ActbenchError):
    """An error in the request: an unknown name, a bad value, a folder in the way."""

    exit_status = 2


class StoreError(ActbenchError):
    """A run that cannot be read or written: missing, malformed, of another schema, no space."""

    exit_status = 4
