"""The parent's end of a worker's pipe: no wait on it exceeds its time, whatever arrives."""

from __future__ import annotations

import math
import pickle
import select
import socket
import struct
import time
import weakref
from contextlib import suppress
from typing import Any

_LENGTH, _LONG = struct.Struct("!i"), struct.Struct("!Q")
"""The length before a message, as `multiprocessing.connection` has it; −1 before a long one."""
_CHUNK = 2**20


class Unreadable(Exception):
    """Data that are not a record."""


class Pipe:
    """One end of a pipe; at the other is a `multiprocessing` connection, or what a process made of
    it."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        weakref.finalize(self, end.close)  # not before the last thread that waits on it is done

    def send(self, record: Any, until: float) -> None:
        """Send a record. Raises TimeoutError at `until` on the monotonic clock, else OSError."""
        message = pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
        short = len(message) < 2**31
        length = _LENGTH.pack(len(message) if short else -1)
        rest = memoryview(length + (b"" if short else _LONG.pack(len(message))) + message)
        while rest:
            self._wait(select.POLLOUT, until)
            with suppress(BlockingIOError):
                rest = rest[self._end.send(rest) :]

    def receive(self, until: float) -> Any:
        """The next record.

        Raises EOFError where the other end is closed, Unreadable for data that are not a record,
        and as `send` does.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, until))
        if length == -1:
            (length,) = _LONG.unpack(self._read(_LONG.size, until))
        if length < 0:
            raise Unreadable("it has no length")
        message = self._read(length, until)
        try:
            return pickle.loads(message)
        except Exception as error:  # anything can be in it
            raise Unreadable(f"{type(error).__name__}: {error}") from None

    def _read(self, count: int, until: float) -> bytearray:
        content = bytearray()
        while len(content) < count:
            self._wait(select.POLLIN, until)
            with suppress(BlockingIOError):
                piece = self._end.recv(min(count - len(content), _CHUNK))
                if not piece:
                    raise EOFError
                content += piece
        return content

    def _wait(self, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(self._end, event)
        if not poll.poll(max(0, math.ceil((until - time.monotonic()) * 1000))):
            raise TimeoutError

    def close(self) -> None:
        """Close the pipe for both ends; a thread that waits on it notices."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
