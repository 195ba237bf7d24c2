"""Work beside other work: a task in a fork of this process, on a CPU that would be idle."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

Result = TypeVar("Result")


def beside(task: Callable[[], Result]) -> Callable[[], Result]:
    """Begin a task; the function returned waits for its result, or raises what it raised.

    A fork has all that this process has, so that only the result is sent. The task is done here,
    when it is asked for, where there is one CPU alone or no fork, or where the fork died.
    """
    if len(os.sched_getaffinity(0)) < 2:
        return task
    fork = multiprocessing.get_context("fork")
    mine, other = fork.Pipe(duplex=False)
    child = fork.Process(target=_send, args=(task, other), daemon=True)
    with warnings.catch_warnings():
        # Python warns of forks beside threads. Those here are idle ones of a numerical library,
        # and the fork computes without it.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    other.close()

    def result() -> Result:
        try:
            value, error = mine.recv()
        except EOFError:
            return task()
        finally:
            child.join()
        if error is not None:
            raise error
        found: Result = value
        return found

    return result


def _send(task: Callable[[], Result], connection: Connection) -> None:
    try:
        connection.send((task(), None))
    except Exception as error:
        connection.send((None, error))
