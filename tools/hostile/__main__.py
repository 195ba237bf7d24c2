"""Hostile run folders through every reader: no traceback, no wait without end, little memory.

    python -m tools.hostile
    python -m tools.hostile --folders 2000 --minutes 30 --seed 7

Each folder that a reader fears is printed as a line of text, to be kept in
tests/tools/hostile.jsonl. Exit status: 0 nothing is feared, 1 something is.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from actbench.bench.host.progress import Reporter
from actbench.bench.words import counted

from .folders import Hostile, hostile, small
from .readers import READERS, Seen, bounded, read


def feared(folder: Hostile, of: Path, readers: tuple[str, ...], scratch: Path) -> Iterator[Seen]:
    """The readers that cannot handle a folder; each gets a copy of its own."""
    for reader in readers:
        with tempfile.TemporaryDirectory(dir=scratch) as place:
            run, out = Path(place, "runs", "run"), Path(place, "out")
            out.mkdir()
            folder.make(of, run)
            seen = read(reader, run, of, out)
        if seen.fault:
            yield seen


@click.command()
@click.option("--folders", type=click.IntRange(1), default=250, show_default=True, help="At most.")
@click.option("--seed", default=0, show_default=True, help="The seed of the first one.")
@click.option(
    "--minutes", default=4.0, show_default=True, help="Make no further folder after so many."
)
@click.option("--reader", "readers", multiple=True, type=click.Choice(READERS), help="All unless.")
def main(folders: int, seed: int, minutes: float, readers: tuple[str, ...]) -> None:
    """Let every reader of stored runs read folders that no run has written."""
    started, made, faults = time.monotonic(), 0, 0
    chosen = readers or READERS
    with tempfile.TemporaryDirectory(prefix="actbench-hostile-") as scratch:
        good = Path(scratch, "good")
        small(good)
        if seen := next(feared(Hostile(()), good, chosen, Path(scratch)), None):
            raise click.ClickException(f"{seen.reader} does not read a good run: {seen.fault}")
        with bounded(), Reporter().phase("Reading hostile folders", folders) as done:
            for number in range(seed, seed + folders):
                if time.monotonic() - started > 60 * minutes:
                    break
                folder, made = hostile(number, good), made + 1
                for seen in feared(folder, good, chosen, Path(scratch)):
                    faults += 1
                    click.echo(f"{number}: {seen.fault[:400]}\n{folder.as_line(seen.reader)}")
                done()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    click.echo(
        f"{counted(made, 'folder')} through {counted(len(chosen), 'reader')}: "
        f"{counted(faults, 'fault')}; {peak:,.0f} MiB of memory at most."
    )
    sys.exit(int(faults > 0))


if __name__ == "__main__":
    main()
