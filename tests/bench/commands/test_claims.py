"""Claims in a terminal: at most three lines each within its width, and what a run keeps."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actbench import __main__
from actbench.bench.claims.claim import claims as known
from actbench.bench.commands import claims as command
from actbench.bench.results.claims import Judged, read, write
from actbench.bench.results.store import RunWriter

from ...answers import held
from ...claims import EVERY
from ...conftest import run_facts

_COLOUR = re.compile(r"\x1b\[\d*m")


def main(words: list[str]) -> int:
    """The exit status of a command in this process."""
    try:
        return __main__.main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every claim judged as the planted ones are, by no run."""
    monkeypatch.setattr(command, "needs_run", lambda _: False)
    monkeypatch.setattr(command, "judge", lambda *_: list(EVERY.judged))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that has claims."""
    folder = tmp_path / "run"
    RunWriter(folder, run_facts(state="finished")).finish([])
    write(folder, EVERY)
    return folder


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Have the command believe that it writes to a terminal of so many columns."""
    terminal = SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True), exit=sys.exit)
    monkeypatch.setattr(command, "sys", terminal)
    monkeypatch.setattr(command.click, "echo", print)
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(command.shutil, "get_terminal_size", lambda: size)


def _claims(text: str) -> Sequence[list[str]]:
    """The lines of each claim, which begin with its sign."""
    body = text.split("\nOf ")[0].splitlines()
    starts = [at for at, line in enumerate(body) if line[0] in "✓◐✗?"]
    parts = [body[at:end] for at, end in zip(starts, [*starts[1:], len(body)], strict=True)]
    return [[line for line in part if line[0] in " ✓◐✗?"] for part in parts]


@pytest.mark.usefixtures("planted")
def test_without_a_terminal_a_claim_is_two_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    said = capsys.readouterr().out
    assert all(len(lines) == 2 for lines in _claims(said))
    assert "◐ HOLDS WITHIN LIMITS: It is said that it-has-limits." in said
    assert "  3 figures hold, 2 do not; tanh over ReLU: 0.500×" in said
    assert "  torch is not installed here" in said
    assert said.splitlines()[-1] == (
        "Of 6 claims of the literature 2 hold, 1 within limits, 1 fails, 2 are undecided."
    )
    assert not _COLOUR.search(said)


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("columns", [40, 80, 300])
def test_on_a_terminal_a_claim_is_at_most_three_lines_of_its_width(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    _on_a_terminal(monkeypatch, columns)
    assert main(["claims"]) == 0
    said = capsys.readouterr().out
    assert _COLOUR.search(said)
    plain = _COLOUR.sub("", said)
    assert len(_claims(plain)) == len(EVERY.judged)
    for lines in _claims(plain):
        assert 2 <= len(lines) <= 3
        assert max(map(len, lines)) <= columns


@pytest.mark.usefixtures("planted")
def test_no_color_is_honoured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _on_a_terminal(monkeypatch, 80)
    assert main(["claims"]) == 0
    assert not _COLOUR.search(capsys.readouterr().out)


def test_one_claim_is_shown_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limited = EVERY.judged[1]
    monkeypatch.setattr(command, "needs_run", lambda _: False)
    monkeypatch.setattr(command, "judge", lambda *_: [limited])
    assert main(["claims", next(iter(known()))]) == 0
    said = capsys.readouterr().out
    for text in (limited.sentence, limited.why, limited.source, limited.method):
        assert text in said
    assert said.count("tanh over ReLU  ") == len(limited.figures)


def test_the_list_has_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(claim.name in said and claim.sentence in said for claim in known().values())
    assert main(["claims", "--list", "--json"]) == 0
    assert [
        one["name"] for one in held("answer-claims-list", capsys.readouterr().out)["claims"]
    ] == [*known()]


def test_a_run_keeps_the_claims_that_are_not_judged_again(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(iter(known()))
    found = Judged(name, *(getattr(EVERY.judged[0], key) for key in _SAID))
    monkeypatch.setattr(command, "judge", lambda *_: [found])
    assert main(["claims", name, "--run", str(run)]) == 0
    stored = read(run)
    assert stored
    assert {claim.name for claim in stored.judged} == {name, *(c.name for c in EVERY.judged)}
    assert main(["claims", "--run", str(run)]) == 0
    assert (stored := read(run))
    assert stored.judged == (found,)


_SAID = ("topic", "sentence", "source", "method", "verdict")


@pytest.mark.parametrize(
    "words",
    [
        ["claims", "identities", "--run"],
        ["export", "--table", "claims"],
        ["publish"],
    ],
)
def test_malformed_claims_are_a_sentence(
    run: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "claims.json").write_text('{"judged": 3}')
    assert main([*words, str(run)]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert "claims.json is malformed: " in line


def test_published_runs_keep_their_claims(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["publish", str(run.resolve())]) == 0
    assert read(tmp_path / "results" / "published" / run.name) == read(run)


def test_claims_are_a_table_for_other_tools(run: Path, capfd: Any) -> None:
    assert main(["export", str(run), "--table", "claims"]) == 0
    records = held("answer-export-claims", capfd.readouterr().out)
    assert {record["claim"] for record in records} == {claim.name for claim in EVERY.judged}
