"""A run of very many rows, and the memory and time that it takes to read it.

    python -m tools.many_rows --rows 1000000 export --format csv
    python -m tools.many_rows --rows 200000 report

The rows are those of a published run, again and again with another number of threads. Prints the
exit status, the largest resident memory, the seconds of CPU, and what was said last.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import count, islice
from pathlib import Path

import click

from actbench.bench.results.files import lines

_PUBLISHED = Path(__file__).resolve().parents[1] / "results/published"
_ONE = b'"threads": 1,'


def write(folder: Path, rows: int) -> Path:
    """Write a run of so many rows and return its folder."""
    published = max(_PUBLISHED.glob("*-standard"))
    again = list(lines(published / "rows.jsonl.gz"))
    folder.mkdir()
    (folder / "run.json").write_bytes((published / "run.json").read_bytes())
    copies = (
        line.replace(_ONE, b'"threads": %d,' % threads, 1) for threads in count(1) for line in again
    )
    with (folder / "rows.jsonl").open("wb") as file:
        file.writelines(islice(copies, rows))
    return folder


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--rows", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.argument("command")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def main(rows: int, command: str, options: tuple[str, ...]) -> None:
    """Let an actbench COMMAND with OPTIONS read a run of so many rows."""
    with tempfile.TemporaryDirectory(prefix="actbench-rows-") as scratch:
        run, said = write(Path(scratch, "run"), rows), Path(scratch, "said")
        words = [sys.executable, "-m", "actbench", command, str(run), *options]
        with said.open("wb") as errors:
            child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
            _, ended, used = os.wait4(child.pid, 0)
        last = said.read_text().strip().rpartition("\n")[2]
    status, memory = os.waitstatus_to_exitcode(ended), used.ru_maxrss / 2**10
    seconds = used.ru_utime + used.ru_stime
    click.echo(f"exit status {status}, {memory:,.0f} MiB, {seconds:.0f} s of CPU. {last}")


if __name__ == "__main__":
    main()
