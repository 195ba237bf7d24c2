"""Faults injected into small runs and sweeps of this tool, and what is left after each.

    python -m tools.faults
    python -m tools.faults --seed 7 --count 40 --kinds disk,two --json

After each fault the exit status must be the documented one, with one sentence on stderr at most;
`actbench run --resume` (of a sweep, the same command again) must end with the rows of a run that
nothing hit; every sample that had been written must still be there; and no process or file may
stay. NumPy alone is needed, and twenty minutes of two quiet cores.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from actbench.bench.host.progress import Reporter
from actbench.bench.words import Table

from .kinds import KINDS, Kind
from .trial import Calm, Trial, calm

_TRIES = 5
"""The attempts at a fault: a command may have ended before the moment came."""
_HEAD = ("fault", "injected", "ended as documented", "samples lost", "processes left", "files left")


@dataclass(frozen=True)
class Campaign:
    """The seed that chooses the moments, the folder of all files, and the runs to compare with."""

    seed: int
    folder: Path
    calm: dict[bool, Calm]

    def trial(self, name: str, number: int) -> Trial:
        """Inject a fault of a kind; try again where the command ended before."""
        kind = KINDS[name]
        for attempt in range(_TRIES):
            trial = self._tried(kind, f"{self.seed} {name} {number} {attempt}")
            if trial.injected or trial.wrong:
                break
        return trial

    def _tried(self, kind: Kind, mark: str) -> Trial:
        choice = random.Random(mark)
        is_sweep = choice.random() < kind.sweeps
        folder = self.folder / mark.replace(" ", "-")
        folder.mkdir()
        calm = self.calm[is_sweep]
        trial = Trial(mark, folder, choice, calm, self.folder / "cache", is_sweep)
        try:
            kind.inject(trial)
        except Exception as error:
            trial.wrong.append(f"{type(error).__name__}: {error}")
        if not _troubles(trial):
            shutil.rmtree(folder, ignore_errors=True)
        return trial


def _troubles(trial: Trial) -> list[str]:
    lost = [f"{trial.lost} samples lost"] if trial.lost else []
    living = [f"it lives on, {process}" for process in trial.living]
    return [*trial.wrong, *lost, *living, *(f"it stays: {path}" for path in trial.files)]


def _row(title: str, trials: Sequence[Trial]) -> tuple[str, ...]:
    injected = [trial for trial in trials if trial.injected]
    counts = (
        len(injected),
        sum(not trial.wrong for trial in injected),
        sum(trial.lost for trial in trials),
        sum(len(trial.living) for trial in trials),
        sum(len(trial.files) for trial in trials),
    )
    return (title, *map(str, counts))


def _record(name: str, trials: Sequence[Trial]) -> dict[str, object]:
    keys = ("injected", "documented", "lost", "processes", "files")
    counts = map(int, _row(KINDS[name].title, trials)[1:])
    troubles = [
        {"mark": trial.mark, "what": trial.what, "troubles": _troubles(trial)}
        for trial in trials
        if _troubles(trial)
    ]
    return {"kind": name, **dict(zip(keys, counts, strict=True)), "troubles": troubles}


def _is_clean(trials: Sequence[Trial]) -> bool:
    return all(trial.injected and not _troubles(trial) for trial in trials)


def _lines(trials: dict[str, list[Trial]]) -> Iterator[str]:
    yield from Table(_HEAD, [_row(KINDS[name].title, of) for name, of in trials.items()]).markdown()
    for trial in (trial for of in trials.values() for trial in of):
        for trouble in _troubles(trial):
            yield f"{trial.mark} ({trial.what}): {trouble}"
        if not trial.injected:
            yield f"{trial.mark} ({trial.what}): it was not injected"


def campaign(
    seed: int, count: int, kinds: Sequence[str], jobs: int, reporter: Reporter
) -> dict[str, list[Trial]]:
    """The trials of each kind, `jobs` at a time, `count` in all, the same ones for a seed.

    Folders of trials with something wrong are kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="actbench-faults-"))
    wanted = [(kinds[place % len(kinds)], place // len(kinds)) for place in range(count)]
    with reporter.phase("Without a fault", 2) as done:
        of: dict[bool, Calm] = {}
        for is_sweep in sorted({False, *(KINDS[name].sweeps > 0 for name in kinds)}):
            of[is_sweep] = calm(folder / f"calm-{is_sweep}", folder / "cache", is_sweep)
            done()
    chosen = Campaign(seed, folder, of)
    trials: dict[str, list[Trial]] = {name: [] for name in kinds}
    with reporter.phase("Injecting faults", count) as done, ThreadPoolExecutor(jobs) as pool:
        for name, trial in pool.map(lambda place: (place[0], chosen.trial(*place)), wanted):
            trials[name].append(trial)
            done()
    if all(not _troubles(trial) for of_kind in trials.values() for trial in of_kind):
        shutil.rmtree(folder)
    return trials


def _kinds(context: click.Context, option: click.Parameter, given: str) -> list[str]:
    names = given.split(",") if given else list(KINDS)
    if unknown := [name for name in names if name not in KINDS]:
        raise click.BadParameter(f"unknown: {unknown[0]}; there are {', '.join(KINDS)}")
    return names


@click.command(help=__doc__)
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the moments.")
@click.option("--count", type=click.IntRange(1), default=220, show_default=True, help="Faults.")
@click.option("--kinds", default="", callback=_kinds, help=f"Some of {', '.join(KINDS)}.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="At a time.")
@click.option("--json", "as_json", is_flag=True, help="Print a record per kind as JSON.")
def main(seed: int, count: int, kinds: list[str], jobs: int, as_json: bool) -> None:
    """Run the command; it ends with 1 if something was lost or left behind."""
    trials = campaign(seed, count, kinds, jobs, Reporter(quiet=as_json))
    if as_json:
        click.echo(json.dumps([_record(name, of) for name, of in trials.items()], indent=1))
    else:
        click.echo("\n".join(_lines(trials)))
    sys.exit(not all(map(_is_clean, trials.values())))


if __name__ == "__main__":
    main()
