"""A framework's copy and relu from memory beside memcpy: ns per byte, and page faults per call.

    python -m tools.beyond_caches torch

Calls of the size class `memory` go round their buffers as they do in a run. memcpy goes round as
many, and copies one pair of buffers again and again beside it, in cache. The least of several
batches in CPU time, which other work on the machine leaves alone, and the faults of the median one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import Any

import click
import numpy as np

from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case, plain_form
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.host.cpus import measuring_cpus
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Prepare
from actbench.bench.worker.rounds import Action, filled
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.requests import timed_call

_BATCHES = 15


def timed(worker: Worker, action: Action, loops: int) -> tuple[float, float]:
    """The least CPU time of a call in ns, and page faults per call in the median batch."""
    with filled(action):
        batches = [worker.clock.batch(action, loops) for _ in range(_BATCHES)]
    faults = median(batch.faults for batch in batches)
    return min(batch.busy for batch in batches) / loops, faults / loops


def memcpy(size: int, buffers: int, result: Any = None) -> Action:
    """A copy of so many float32 that goes round buffers; `result` is what is waited for."""
    sources, targets = (
        [np.full(size, turn, np.float32) for turn in range(buffers)] for _ in range(2)
    )
    turns = cycle(list(zip(targets, sources, strict=True)))

    def call() -> Any:
        np.copyto(*next(turns))
        return result

    return call


def lines(framework: str) -> Iterator[str]:
    """The rows of the table."""
    size = size_classes("cpu")["memory"]
    worker = Worker(importlib.import_module(f"actbench.impls.{framework}"), "cpu", 1)
    case = Case(framework, "relu", "native", "eager", "forward", "cpu", "float32", size, 1)
    buffers = timed_call(case, 0).buffers

    def line(name: str, action: Action) -> str:
        nanoseconds, faults = timed(worker, action, 2 * buffers)
        return f"| {name} | {nanoseconds / (8 * size):.3f} | {faults:.0f} |"

    ready = worker.steps.timing_input((16,), "float32", 0)
    yield line("memcpy, one pair of buffers", memcpy(size, 1, ready))
    yield line(f"memcpy, {buffers} pairs", memcpy(size, buffers, ready))
    known, number = frameworks()[framework], 0
    for mode in known.modes:
        for name in ("copy", "relu"):
            form = plain_form(find(name), known)
            own = replace(case, activation=name, form=form, mode=mode)
            worker.prepare(Prepare(number, timed_call(own, 0)))
            yield line(f"{known.title} {mode} {name}", worker.ready[number].action)
            number += 1


@click.command()
@click.argument("framework", type=click.Choice(list(frameworks())))
def main(framework: str) -> None:
    """Print the table of a framework."""
    os.environ.update(environment_of(Key(framework, "cpu", 1)))
    os.sched_setaffinity(0, measuring_cpus(1))
    click.echo("| calls of 16 MiB | ns per byte | page faults per call |\n|---|---|---|")
    for line in lines(framework):
        click.echo(line)


if __name__ == "__main__":
    main()
