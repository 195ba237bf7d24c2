"""A client of a Dask cluster's scheduler that somebody else started."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..host import cache
from ..host.errors import UsageError

CONNECT_SECONDS = 20.0


@contextmanager
def connected(address: str, workers: str) -> Iterator[Any]:
    """A `distributed.Client` of a scheduler with at least one worker.

    `workers` says where to start one and how, up to the address. Raises UsageError
    where no scheduler answers, or none of its workers.
    """
    from distributed import Client

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what is lost is raised
    with quiet():
        try:
            client = Client(address, timeout=CONNECT_SECONDS)
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                f"no scheduler with workers answers at {address} ({error}): start them with "
                f"dask scheduler and, {workers} {address}"
            ) from None
        with client:
            yield client


@contextmanager
def quiet() -> Iterator[None]:
    """Have `distributed` raise what it would log, and wait long enough for a connection.

    Its files are in the cache, where it removes those of processes that are gone.
    """
    import dask

    settings = {
        "logging.distributed": "critical",
        "distributed.comm.timeouts.connect": "20s",
        "temporary-directory": str(cache.folder("dask")),
    }
    with dask.config.set(settings):
        yield
