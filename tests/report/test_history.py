"""Stored runs by date, and how a figure moved over those of a machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from actbench.__main__ import main
from actbench.bench.host.machine import Machine
from actbench.bench.results.rows import Row
from tests.report.conftest import split_case, timing_rows

from ..answers import held

COSTS = {"2026-01-01": 6.0, "2026-02-01": 6.1, "2026-03-01": 9.0}
OTHER = Machine("Other CPU", cores=64)


def _rows(cost: float) -> list[Row]:
    relu, gelu = (split_case(name, "torch") for name in ("relu", "gelu"))
    return [*timing_rows(relu, 100.0, 0.02, 100.0), *timing_rows(gelu, 100 * cost, 0.02, 100.0)]


@pytest.fixture
def runs(tmp_path: Path, make_run: Callable[..., Path]) -> Path:
    """Three runs of a machine, one of a host of the same kind and one of another machine."""
    for day, cost in COSTS.items():
        make_run(_rows(cost), day, started=f"{day}T10:00:00Z")
    make_run(_rows(7.0), "fleet/n1", started="2026-03-02T10:00:00Z", host="n1", profile="full")
    make_run(_rows(3.0), "other", started="2026-03-03T10:00:00Z", machine=OTHER)
    return tmp_path


def _main(*arguments: str) -> int:
    """The exit status of a command, however it ends."""
    try:
        return main([*arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def _history(capsys: pytest.CaptureFixture[str], *options: str, status: int = 0) -> dict[str, Any]:
    assert _main("history", "--json", *options) == status
    return dict(held("answer-history", capsys.readouterr().out))


def _names(answer: dict[str, Any]) -> set[str]:
    return {Path(run["run"].partition("::")[0]).name for run in answer["runs"]}


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ((), {*COSTS, "n1", "other"}),
        (("--since", "2026-02-01"), {"2026-02-01", "2026-03-01", "n1", "other"}),
        (("--host", "N1"), {"n1"}),
        (("--host", "other cpu"), {"other"}),
        (("--profile", "full"), {"n1"}),
        (("--profile", "full", "--host", "other"), set()),
    ],
)
def test_runs_are_listed_by_what_they_are_of(
    runs: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], listed: set[str]
) -> None:
    answer = _history(capsys, "--results", str(runs), *options)
    assert _names(answer) == listed
    assert all(run["cases"] == 2 for run in answer["runs"])
    assert not answer["moved"]


def test_a_case_is_followed_over_the_runs_of_each_machine(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _history(capsys, "--results", str(runs), "--activation", "gelu")
    costs = [[figure["value"] for figure in case["figures"]] for case in answer["moved"]]
    assert sorted(costs) == [[3.0], pytest.approx([*COSTS.values()]), [7.0]]
    [followed] = [case for case in answer["moved"] if len(case["figures"]) == 3]
    assert [Path(figure["run"]).name for figure in followed["figures"]] == [*COSTS]
    assert followed["last_over_first"] == pytest.approx(1.5)
    assert followed["apart"]
    assert followed["changes"] == [], "three runs are too few for a claim"
    ending = ("--activation", "gelu", "--since", "2026-04-01")
    assert _history(capsys, "--results", str(runs), *ending) == {
        "runs": [], "unread": {}, "moved": [],
    }  # fmt: skip


def test_a_metric_that_follows_from_another_is_followed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--metric", "throughput", "--activation", "gelu", "--host", "other")
    [case] = _history(capsys, "--results", str(runs), *options)["moved"]
    [figure] = case["figures"]
    assert figure["value"] == pytest.approx(case["size"] * 1e9 / 300)


def test_the_text_has_a_line_per_run_and_per_case(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main("history", "--results", str(runs), "--activation", "gelu") == 0
    out = capsys.readouterr().out
    listed, *_ = out.split("\n\n")
    assert len(listed.splitlines()) == 6
    assert "n1: Example CPU:" in out
    [line] = [line for line in out.splitlines() if "9.00" in line]
    assert "1.50×" in line
    assert "first and last are apart" in line
    assert _main("history", "--results", str(runs), "--metric", "slope") == 0
    assert capsys.readouterr().out.endswith("None of these runs has the figure.\n")


def test_runs_lie_at_any_address_and_leave_nothing_behind(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same answer from memory, an archive and a folder; so have a page and a table."""
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", runs)
    memory = fsspec.filesystem("memory")
    memory.put(str(runs), "/history", recursive=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(temporary)
    here = _history(capsys, "--results", f"file://{runs}", "--activation", "gelu")
    for address in (f"zip://::{archive}", "memory://history"):
        there = _history(capsys, "--results", address, "--activation", "gelu")
        assert _names(there) == _names(here) == {*COSTS, "n1", "other"}
        assert len(there["moved"]) == len(here["moved"])
        [run] = [run["run"] for run in there["runs"] if run["host"] == "n1"]
        assert _main("export", run, "--table", "relative_cost") == 0
        assert '"gelu"' in capsys.readouterr().out
    before, after = (f"memory://history/{day}" for day in ("2026-01-01", "2026-03-01"))
    assert _main("compare", before, after) == 1
    assert "slower" in capsys.readouterr().out
    assert _main("report", before, after) == 0
    assert [path.name for path in temporary.iterdir()] == ["report.html"]
    memory.store.clear()


def test_what_cannot_be_read_is_said_and_the_others_are_listed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "2026-01-01" / "run.json").write_text("{}")
    answer = _history(capsys, "--results", str(runs), status=4)
    assert _names(answer) == {"2026-02-01", "2026-03-01", "n1", "other"}
    [reason] = answer["unread"].values()
    assert "has schema None" in reason


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (("--results", "nowhere://x"), 2, "nothing here opens nowhere://"),
        (("--results", "no/such"), 4, "no folder no/such"),
        (("--metric", "cost"), 2, "unknown metric 'cost'"),
        (("--activation", "gleu"), 2, "gleu"),
        (("--since", "yesterday"), 2, "--since"),
    ],
)
def test_what_cannot_be_listed_is_a_sentence(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], status: int, reason: str
) -> None:
    assert _main("history", *options) == status
    err = capsys.readouterr().err
    assert reason in err
    assert "Traceback" not in err
