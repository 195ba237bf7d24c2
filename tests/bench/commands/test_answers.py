"""Every command with an answer for machines has a schema of it, which its answers are held to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import ValidationError

from actbench.bench.commands import fleet
from actbench.bench.commands.command_line import main
from actbench.bench.commands.schemas import ANSWERS
from actbench.bench.commands.selftest import OfGate
from actbench.bench.fleet.fleet import Job, Standing, State
from actbench.bench.fleet.hosts import Host, Kind, Refused
from actbench.bench.results import store
from actbench.bench.results.answers import written
from actbench.bench.results.samples import Trial
from actbench.bench.run.summary import summary
from actbench.commands import cli

from ...answers import held

PUBLISHED = Path(__file__).resolve().parents[3] / "results/published"
EXHAUSTIVE = PUBLISHED / "2026-11-21T11-50-28-exhaustive"
SELFTEST = PUBLISHED / "2026-11-21T18-24-56-selftest"


def _options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from parameter.opts


def test_every_command_that_answers_machines_has_a_schema() -> None:
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    answering = {
        name for name, command in commands.items() if command and "--json" in _options(command)
    }
    assert {name.split("-")[1] for name in ANSWERS} == answering | {"export"}
    assert all(schema.of.startswith(name.split("-")[1]) for name, schema in ANSWERS.items())


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with suppress(SystemExit):
        main(list(words))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("answer-findings", ("findings", str(EXHAUSTIVE), "--json")),
        ("answer-export", ("export", str(EXHAUSTIVE))),
        ("answer-export-table", ("export", str(EXHAUSTIVE), "--table", "max_ulp")),
        ("answer-compare", ("compare", str(EXHAUSTIVE), str(EXHAUSTIVE), "--json")),
        ("answer-list", ("list", "--json")),
        ("answer-claims-list", ("claims", "--list", "--json")),
        ("answer-history", ("history", "--results", str(SELFTEST), "--json")),
    ],
)
def test_answers_of_published_runs_are_as_their_schemas_say(
    name: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert held(name, _said(capsys, *words))


def test_the_lines_of_a_selftest_are_as_their_schema_says() -> None:
    trials = [trial for trial in store.read_samples(SELFTEST) if isinstance(trial, Trial)]
    answer = held("answer-selftest", written(OfGate(SELFTEST, summary(trials))))
    assert answer["path"] == str(SELFTEST)
    assert sum(line["called"]["of"] for line in answer["lines"]) == len(trials)


def test_costs_that_no_two_runs_have_are_json_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(shutil.copytree(EXHAUSTIVE, tmp_path / name)) for name in ("one", "two")]
    words = [word for run in runs for word in ("--of", run)]
    answer = held("answer-selftest-costs", _said(capsys, "selftest", "--costs", *words, "--json"))
    assert answer["runs"] == runs
    assert answer["lines"][0]["half_width"] == "NaN"


def test_claims_as_they_are_judged_are_as_their_schema_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "relu-has-one-value-in-every-form"
    text = _said(capsys, "claims", name, "--quick", "--framework", "numpy", "--json")
    answer = held("answer-claims", text)
    assert [claim["name"] for claim in answer["judged"]] == [name]
    assert answer["path"] is None


def test_hosts_of_a_fleet_that_were_measured_lost_and_refused_are_as_their_schema_says() -> None:
    kind = Kind("A CPU", (), (("numpy", "2.4.6"),))
    one, other = (Host(name, "tcp://1", name, kind) for name in ("n1", "n2"))
    standings = [
        Standing(Job(one, (other,)), State.DONE, 0.0, 1.25, "", Path("n1-for-n2"), 0, 12),
        Standing(Job(other), State.LOST, 0.0, 1.0, "it is gone", heir="n1"),
    ]
    text = fleet.for_machines(Path("out"), standings, [Refused("n3", "it is old")])
    done, lost, refused = held("answer-fleet", text)["hosts"]
    assert (done["in_place_of"], done["path"], done["cases"]) == ("n2", "n1-for-n2", 12)
    assert (lost["path"], lost["status"], lost["reason"]) == (None, None, "it is gone")
    assert refused == {"host": "n3", "state": "refused", "reason": "it is old"}


def _wrong(answer: Any) -> Iterator[Any]:
    """The same answer with a field too many, one too few, and one of another type."""
    record = answer[0] if isinstance(answer, list) else answer
    first = next(iter(record))
    changed = (
        {**record, "unheard_of": 1},
        {name: value for name, value in record.items() if name != first},
        {**record, first: ["of another type"]},
    )
    yield from ([record] if isinstance(answer, list) else record for record in changed)


@pytest.mark.parametrize("words", [("list",), ("claims", "--list"), ("findings", str(EXHAUSTIVE))])
def test_another_answer_is_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "-".join(["answer", *(word.strip("-") for word in words if "/" not in word)])
    answer = held(name, _said(capsys, *words, "--json"))
    for wrong in _wrong(answer):
        with pytest.raises(ValidationError):
            held(name, written(wrong))
