"""The gate's selftest, with pytest-benchmark's comparison of the same cases.

    python -m tools.rival --cycles 2
    python -m tools.rival --cycles 34 --planted-every 6 --rival-every 11

Options and exit statuses are those of `actbench selftest`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

import click

from actbench.bench.catalog.cases import Case
from actbench.bench.commands.selftest import run, selftest
from actbench.bench.gate.selftest import Asked
from actbench.bench.host.errors import ActbenchError
from actbench.bench.host.progress import Reporter
from actbench.bench.run import summary

from .comparison import compare


def called(*asked: Any) -> Mapping[str, frozenset[Case]]:
    """The cases called regressed, by threshold; where it cannot compare, none and a message."""
    try:
        regressed = compare(*asked).regressed
    except ActbenchError as error:
        Reporter().say(f"pytest-benchmark did not compare: {error}")
        return {}
    return {f"pytest-benchmark {threshold}": cases for threshold, cases in regressed.items()}


def _run(hogs: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    command = shlex.join(["python", "-m", "tools.rival", *sys.argv[1:]])
    try:
        run(Asked(hogs=hogs or summary.HOGS, command=command, rival=called, **asked), as_json)
    except ActbenchError as error:
        raise click.UsageError(str(error)) from error


_OF_COSTS = ("costs", "runs")
_EVERY = click.Option(
    ["--rival-every"],
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="pytest-benchmark compares in one of so many cycles; 0 for none.",
)
main = click.Command(
    "rival",
    params=[*(option for option in selftest.params if option.name not in _OF_COSTS), _EVERY],
    callback=_run,
    help="Measure the gate itself, and pytest-benchmark under the same conditions.",
)

if __name__ == "__main__":
    main()
