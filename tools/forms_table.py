"""A table of the fastest form per activation against the one that people take first.

    python -m tools.forms_table --framework numpy
    python -m tools.forms_table --framework torch --mode compiled --against textbook

Two forms are timed in one worker in the order ABBA, over and over: drift hits both alike, so that
the ratio holds even where the times do not. The form that people take first is the framework's own
where it has one. It is the fastest, with a ratio of 1, unless the interval of another form lies
below 1.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from actbench.bench.catalog.activations import CATALOG, find
from actbench.bench.catalog.cases import Case, Selection, forms_of, unsupported
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.host.cpus import available_cpus, measuring_cpus
from actbench.bench.host.errors import ActbenchError
from actbench.bench.results.status import Status
from actbench.bench.timing.bootstrap import estimate, replicates
from actbench.bench.timing.ratios import Estimate
from actbench.bench.workers.supervised import SupervisedWorker, workers_of

_WITH_FORMS = [name for name, record in CATALOG.items() if record.family != "primitive"]
_SEED = 0
_TIMEOUT = 600.0
_HEAD = (
    "| framework | mode | activation | fastest form | ns | against | ns | ratio | 95 % interval |",
    "|---|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Duel:
    """Two forms timed in turn: ns per element, and the first one's time over the second's."""

    case: Case
    other: Case
    nanoseconds: float
    other_nanoseconds: float
    ratio: Estimate


def duel(
    worker: SupervisedWorker, case: Case, other: Case, rounds: int, batch: float
) -> Duel | None:
    """Time two cases in the order ABBA, `rounds` times. Return None if one of them failed."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        visits = [worker.sample(form, _SEED, batch, 1) for form in (case, other, other, case)]
        per_call = [visit.elapsed[0] / visit.loops for visit in visits if visit is not None]
        if len(per_call) < 4:
            return None
        times.append(((per_call[0] + per_call[3]) / 2, (per_call[1] + per_call[2]) / 2))
    own, others = zip(*times, strict=True)
    ratios = [first / second for first, second in times]
    return Duel(
        case,
        other,
        median(own) / case.size,
        median(others) / case.size,
        estimate(replicates({0: ratios})),
    )


def _alone(worker: SupervisedWorker, case: Case, rounds: int, batch: float) -> float | None:
    """The ns per element of a case without another form to compare. None if it failed."""
    visits = [worker.sample(case, _SEED, batch, 1) for _ in range(rounds)]
    times = [visit.elapsed[0] / visit.loops for visit in visits if visit is not None]
    return median(times) / case.size if times else None


def _pairs(cases: list[Case], against: str) -> Iterator[tuple[Case, list[Case]]]:
    """The form that people take first, or the first one written out, and the forms to compare."""
    groups: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.framework, case.mode, case.activation), []).append(case)
    for group in groups.values():
        written = find(group[0].activation).forms[:1] if against == "textbook" else ()
        first = next((case for case in group if case.form in written), group[0])
        yield first, [case for case in group if case != first]


def _row(first: Case, duels: list[Duel], alone: float | None = None) -> str:
    head = f"| {frameworks()[first.framework].title} | {first.mode} | {first.activation} |"
    faster = [duel for duel in duels if duel.ratio.high < 1]
    if not faster:
        times = [duel.other_nanoseconds for duel in duels] or ([alone] if alone else [])
        own = f"{first.form} | {median(times):.3g}" if times else f"{first.form} | –"
        return f"{head} {own} | {own} | 1 | – |"
    best = min(faster, key=lambda duel: duel.ratio.value)
    ratio = best.ratio
    return (
        f"{head} {best.case.form} | {best.nanoseconds:.3g} | {first.form} "
        f"| {best.other_nanoseconds:.3g} | {ratio.value:.2f} | {ratio.low:.2f}–{ratio.high:.2f} |"
    )


def _cases(asked: Selection, dtype: str, size: int, direction: str) -> list[Case]:
    cases = [
        Case(name, label, form, mode, direction, "cpu", dtype, size, 1)
        for name in asked.frameworks or frameworks()
        for mode in asked.modes or frameworks()[name].modes
        for label in asked.activations or _WITH_FORMS
        for form in forms_of(find(label))
    ]
    return [case for case in cases if not unsupported(case)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--framework", "chosen", multiple=True, help="All by default.")
@click.option("--mode", "modes", multiple=True, help="All by default.")
@click.option("--activation", "activations", multiple=True, help="All by default.")
@click.option("--dtype", default="float32", show_default=True)
@click.option("--size", default=2**16, show_default=True)
@click.option("--direction", default="forward", show_default=True)
@click.option("--rounds", default=15, show_default=True, help="Rounds of ABBA.")
@click.option("--batch", default=0.002, show_default=True, help="Seconds per sample.")
@click.option(
    "--against",
    type=click.Choice(["plain", "textbook"]),
    default="plain",
    show_default=True,
    help="plain: native, or the first form written out; textbook: the first form written out.",
)
def main(
    chosen: tuple[str, ...],
    modes: tuple[str, ...],
    activations: tuple[str, ...],
    dtype: str,
    size: int,
    direction: str,
    rounds: int,
    batch: float,
    against: str,
) -> None:
    """Print the fastest form per activation, and by how much, in Markdown."""
    try:
        asked = Selection(
            frameworks=chosen,
            modes=modes,
            activations=activations,
            directions=(direction,),
            dtypes=(dtype,),
            sizes=(size,),
        ).checked()
    except ActbenchError as error:
        raise click.UsageError(str(error)) from None
    cases = _cases(asked, dtype, size, direction)
    click.echo("\n".join(_HEAD))
    with tempfile.TemporaryDirectory() as logs:
        for worker in workers_of(cases, lambda _: sys.executable, Path(logs), _TIMEOUT):
            _time(worker, against, rounds, batch)


def _time(worker: SupervisedWorker, against: str, rounds: int, batch: float) -> None:
    worker.pin(available_cpus())
    worker.start()
    if worker.facts.status is not Status.OK:
        click.echo(f"{worker.key.label}: {worker.facts.reason}", err=True)
        return
    worker.pin(measuring_cpus(1))
    try:
        for first, others in _pairs(worker.alive, against):
            duels = [duel(worker, other, first, rounds, batch) for other in others]
            alone = None if any(duels) else _alone(worker, first, rounds, batch)
            click.echo(_row(first, list(filter(None, duels)), alone))
        for case, failure in worker.failures.items():
            click.echo(f"{case.activation} {case.form} {case.mode}: {failure.reason}", err=True)
    finally:
        worker.close()


if __name__ == "__main__":
    main()
