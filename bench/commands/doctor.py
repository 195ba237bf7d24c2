"""The command `doctor`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click

from ..catalog.frameworks import frameworks
from ..host import temporary
from ..host.cpus import available_cpus
from ..host.doctor import Finding, examine
from ..results.answers import written
from ..results.status import Status
from ..worker.protocol import Failure
from ..workers.environment import Key
from ..workers.process import Failed, WorkerProcess
from .options import DEBUG, FRAMEWORKS, PYTHONS, interpreters

_EXAMPLES = """
\b
Examples:
  actbench doctor
  actbench doctor --json
  actbench doctor --framework torch --python torch=~/torch/bin/python

\b
Exit status: 0 every framework that is installed loads, 1 one does not load, or one that was named
cannot be used, 2 bad usage, 130 interrupted. What makes figures worse does not change it.
"""


@dataclass(frozen=True, kw_only=True)
class Loaded(Finding):
    """A framework as something examined: whether it loads."""

    status: Status


@click.command(epilog=_EXAMPLES)
@FRAMEWORKS
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="One record per finding.")
@DEBUG
def doctor(pythons: tuple[str, ...], as_json: bool, **named: tuple[str, ...]) -> None:
    """Examine this machine.

    Report what makes figures worse here, what to do about it, and which frameworks load.
    """
    wanted = named["frameworks"] or tuple(frameworks())
    loaded = _loaded(wanted, interpreters(pythons))
    findings = examine()
    of_frameworks = {name: _finding(name, outcome) for name, outcome in loaded.items()}
    statuses = {name: _status(outcome) for name, outcome in loaded.items()}
    if as_json:
        records = [Loaded(**vars(of_frameworks[name]), status=statuses[name]) for name in loaded]
        click.echo(written([*findings, *records], indent=1))
    else:
        _say([*findings, *of_frameworks.values()])
    broken = any(status not in (Status.OK, Status.UNSUPPORTED) for status in statuses.values())
    unmet = any(statuses[name] is not Status.OK for name in named["frameworks"])
    sys.exit(int(broken or unmet))


def _say(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(f"{finding.state:<8} {finding.name}: {finding.observed}")
        if finding.remedy:
            click.echo(f"{'':<8} → {finding.remedy}")
        for line in finding.lines:
            click.echo(f"{'':<8} {line}")
    worse = sum(finding.state == "worse" for finding in findings)
    click.echo(f"{worse} of {len(findings)} things here make figures worse.")


# --- frameworks -----------------------------------------------------------------------------------

_Outcome = Mapping[str, str] | Failure
"""The versions of a framework that loads, or the reason why it does not."""


def _loaded(names: tuple[str, ...], pythons: Mapping[str, str]) -> dict[str, _Outcome]:
    """The outcome of each framework's process, one after another on every CPU there is."""
    with temporary.folder() as folder:

        def load(name: str) -> _Outcome:
            python = pythons.get(name, pythons[""])
            try:
                worker = WorkerProcess(Key(name, "cpu", 1), python, cpus, folder.path / name)
            except Failed as failed:
                return failed.failure
            worker.kill()
            return worker.facts.versions

        cpus = available_cpus()[:1]
        with ThreadPoolExecutor(len(available_cpus())) as pool:
            return dict(zip(names, pool.map(load, names), strict=True))


def _status(outcome: _Outcome) -> Status:
    return outcome.status if isinstance(outcome, Failure) else Status.OK


def _finding(name: str, outcome: _Outcome) -> Finding:
    """The finding on a framework; one that is not installed makes no figure worse."""
    title = frameworks()[name].title
    if not isinstance(outcome, Failure):
        versions = ", ".join(f"{package} {version}" for package, version in outcome.items())
        return Finding(title, "fine", f"loads: {versions}")
    if outcome.status is Status.UNSUPPORTED:
        return Finding(title, "unknown", outcome.reason)
    remedy = f"import {name} in that Python, see what it says, and install it anew"
    return Finding(title, "worse", outcome.reason, remedy)
