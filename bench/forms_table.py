"""The fastest form of each activation against the one that people take first, as a table.

    python -m bench.forms_table --framework numpy
    python -m bench.forms_table --framework torch --activation gelu --against textbook

Two forms are timed in one worker in the order ABBA, over and over: what drifts hits both alike, and
the ratio holds where the times do not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from .cases import Case, Selection, forms_of, unsupported
from .catalog import CATALOG, find
from .errors import ActbenchError
from .frameworks import frameworks
from .lanes import Lane, available_cpus, make_lanes, measuring_cpus
from .statistics import Estimate, median

_SEED = 0
_TIMEOUT = 600.0
_HEAD = (
    "| framework | mode | activation | fastest form | ns | against | ns | ratio | 95 % interval |",
    "|---|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Duel:
    """Two forms timed in turn: ns an element, and the first's time over the second's."""

    case: Case
    other: Case
    nanoseconds: float
    other_nanoseconds: float
    ratio: Estimate


def duel(lane: Lane, case: Case, other: Case, rounds: int, batch: float) -> Duel | None:
    """Time two cases in the order ABBA, `rounds` times. None if one of them failed."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        found = [lane.sample(each, _SEED, batch) for each in (case, other, other, case)]
        per_call = [each["elapsed"] / each["loops"] for each in found if each is not None]
        if len(per_call) < 4:
            return None
        times.append(((per_call[0] + per_call[3]) / 2, (per_call[1] + per_call[2]) / 2))
    own, others = zip(*times, strict=True)
    ratios = [a / b for a, b in times]
    return Duel(
        case,
        other,
        median({0: own}).value / case.size,
        median({0: others}).value / case.size,
        median({0: ratios}),
    )


def _pairs(cases: list[Case], against: str) -> Iterator[tuple[Case, list[Case]]]:
    """The form people take first, or the first one written out, and the forms to set against it."""
    groups: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.framework, case.mode, case.activation), []).append(case)
    for group in groups.values():
        written = find(group[0].activation).forms[0]
        first = next(
            (each for each in group if against == "textbook" and each.form == written), group[0]
        )
        yield first, [each for each in group if each != first]


def _row(first: Case, found: list[Duel]) -> str:
    best = min(found, key=lambda each: each.ratio.value, default=None)
    head = f"| {frameworks()[first.framework].title} | {first.mode} | {first.activation} |"
    if best is None or best.ratio.value >= 1:
        own = f"{best.other_nanoseconds:.3f}" if best else "–"
        return f"{head} {first.form} | {own} | {first.form} | {own} | 1 | – |"
    ratio = best.ratio
    return (
        f"{head} {best.case.form} | {best.nanoseconds:.3f} | {first.form} "
        f"| {best.other_nanoseconds:.3f} | {ratio.value:.2f} | {ratio.low:.2f}–{ratio.high:.2f} |"
    )


def _cases(asked: Selection, dtype: str, size: int, direction: str) -> list[Case]:
    cases = [
        Case(name, label, form, mode, direction, "cpu", dtype, size, 1)
        for name in asked.frameworks or frameworks()
        for mode in frameworks()[name].modes
        for label in asked.activations or CATALOG
        for form in forms_of(find(label))
    ]
    return [case for case in cases if not unsupported(case)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--framework", "chosen", multiple=True, help="All unless told.")
@click.option("--activation", "activations", multiple=True, help="All unless told.")
@click.option("--dtype", default="float32", show_default=True)
@click.option("--size", default=2**16, show_default=True)
@click.option("--direction", default="forward", show_default=True)
@click.option("--rounds", default=15, show_default=True, help="Times ABBA.")
@click.option("--batch", default=0.002, show_default=True, help="Seconds of a sample.")
@click.option(
    "--against",
    type=click.Choice(["plain", "textbook"]),
    default="plain",
    show_default=True,
    help="plain: native, or the first form written out; textbook: the first form written out.",
)
def main(
    chosen: tuple[str, ...],
    activations: tuple[str, ...],
    dtype: str,
    size: int,
    direction: str,
    rounds: int,
    batch: float,
    against: str,
) -> None:
    """Print which form of each activation is the fastest, and by how much, in Markdown."""
    try:
        asked = Selection(
            frameworks=chosen,
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
        for lane in make_lanes(cases, lambda _: sys.executable, Path(logs), _TIMEOUT):
            _time(lane, against, rounds, batch)


def _time(lane: Lane, against: str, rounds: int, batch: float) -> None:
    lane.pin(available_cpus())
    lane.start()
    if lane.facts["status"] != "ok":
        click.echo(f"{lane.key.label}: {lane.facts['detail']}", err=True)
        return
    lane.pin(measuring_cpus(1))
    try:
        for first, others in _pairs(lane.alive, against):
            found = [duel(lane, other, first, rounds, batch) for other in others]
            click.echo(_row(first, [each for each in found if each]))
    finally:
        lane.close()


if __name__ == "__main__":
    main()
