"""The parent's end of a pipe: records arrive whole, and no wait outlasts its time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.workers.pipe import Pipe, Unreadable

_EVER = 600.0


def _ends() -> tuple[Pipe, Connection]:
    here, there = socket.socketpair()
    return Pipe(here), Connection(there.detach())


def _until(seconds: float) -> float:
    return time.monotonic() + seconds


@given(st.one_of(st.text(), st.binary(), st.lists(st.floats(allow_nan=False)), st.none()))
@settings(deadline=None)
def test_a_record_goes_to_a_connection_and_comes_back(record: Any) -> None:
    pipe, connection = _ends()
    pipe.send(record, _until(_EVER))
    connection.send(connection.recv())
    assert pipe.receive(_until(_EVER)) == record


def test_a_record_beyond_what_the_system_buffers_goes_both_ways() -> None:
    pipe, connection = _ends()
    large = os.urandom(2**24)
    echo = Thread(target=lambda: connection.send(connection.recv()))
    echo.start()
    pipe.send(large, _until(_EVER))
    assert pipe.receive(_until(_EVER)) == large
    echo.join()


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (lambda far: None, TimeoutError),
        (lambda far: os.write(far.fileno(), b"\0\0"), TimeoutError),
        (lambda far: os.write(far.fileno(), b"\0\0\1\0half"), TimeoutError),
        (lambda far: far.send_bytes(b"no pickle"), Unreadable),
        (lambda far: os.write(far.fileno(), b"\xff\xff\xff\xf0"), Unreadable),
        (lambda far: far.close(), EOFError),
    ],
    ids=["none", "half a length", "half a message", "garbage", "a length below 0", "closed"],
)
def test_what_is_no_answer_is_an_error_in_time(
    answer: Callable[[Connection], Any], raised: type[Exception]
) -> None:
    pipe, connection = _ends()
    answer(connection)
    with pytest.raises(raised):
        pipe.receive(_until(0.05))


def test_a_process_that_does_not_read_is_an_error_in_time() -> None:
    pipe, connection = _ends()
    with pytest.raises(TimeoutError):
        pipe.send(bytes(2**24), _until(0.05))
    connection.close()
    with pytest.raises(OSError, match=r"[Pp]ipe|reset"):
        pipe.send(bytes(2**24), _until(_EVER))


def test_closing_wakes_a_thread_that_waits() -> None:
    pipe, connection = _ends()
    raised: list[type[BaseException]] = []

    def wait() -> None:
        try:
            pipe.receive(_until(_EVER))
        except EOFError as error:
            raised.append(type(error))

    waiting = Thread(target=wait)
    waiting.start()
    pipe.close()
    waiting.join(_EVER)
    assert raised == [EOFError]
    assert connection.poll(_EVER), "the other end reads it as well"
