"""The end of a case: the one word that a worker answers, a sample keeps and a row shows.

A module of its own, because the worker has it from here and imports nothing but NumPy besides.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """`ok`, or why there is no value.

    `unsupported`: the framework or the machine does not have what was asked for, or the framework
    is not installed. `unloadable`: the framework is there and does not load. `refused`: a figure of
    it would mislead. `error`: it raised, or its process died. `timeout`: it did not answer in time.
    `oom`: there was too little memory.
    """

    OK = "ok"
    UNSUPPORTED = "unsupported"
    UNLOADABLE = "unloadable"
    REFUSED = "refused"
    ERROR = "error"
    TIMEOUT = "timeout"
    OOM = "oom"
