"""Runs that were killed: nothing that was measured is lost, and they go on to their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Plan, Selection, expand
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.results import store
from actbench.bench.results.samples import Agreement, Paired
from actbench.bench.run import derive
from actbench.bench.run.reading import load
from actbench.bench.run.recording import Outcome
from actbench.bench.run.request import Request, request_of
from actbench.bench.run.schedule import resume, run

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600.0
"""Seconds after which what has not come on a busy machine is given up."""


def _request(out: Path | None, **changes: Any) -> Request:
    plans = (Plan(("relu", "squareplus"), forms=("plain",), directions=("forward", "backward")),)
    profile = replace(
        PROFILES["smoke"], plans=plans, epochs=2, most=2, batch=1e-5, blocks=4, per_binade=1
    )
    request = Request(
        profile=profile,
        selection=Selection(("numpy",), sizes=(64,)),
        seed=0,
        out=out,
        pythons={},
        python=sys.executable,
        timeout=60.0,
        command="actbench run",
    )
    return replace(request, **changes)


def _run(request: Request) -> Outcome:
    return run(request, Reporter(quiet=True))


def _resume(path: Path) -> Outcome:
    return resume(path, Reporter(quiet=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The run that nobody interrupted."""
    return _run(_request(tmp_path_factory.mktemp("runs") / "whole"))


def _subjects(outcome: Outcome) -> list[tuple[Any, ...]]:
    """The rows of a run without their figures."""
    return sorted(
        (str(row.case), row.metric, row.status, str(row.against))
        for row in outcome.rows
        if row.metric not in ("surprise", "fit_error")
    )


_SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_resume import _request, _run
_run(_request(Path(sys.argv[1])))
"""


def _start(out: Path) -> subprocess.Popen[bytes]:
    """The same run in a process of its own."""
    code = _SCRIPT.format(tests=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(out)], cwd=ROOT, stdout=subprocess.DEVNULL
    )


def _killed(out: Path, ready: Callable[[str], bool]) -> str:
    """A run whose process is killed when its samples are such; the samples that it left."""
    path = out / "samples.jsonl"
    with _start(out) as process:
        deadline = time.monotonic() + PATIENCE
        while not ((out / "run.json").exists() and ready(path.read_text())):
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, "it never came so far"
            time.sleep(0.002)
        process.kill()
    return path.read_text()


_MOMENTS: dict[str, Callable[[str], bool]] = {
    "before anything": lambda text: True,
    "while it checks": lambda text: '"agreement"' in text,
    "while it times": lambda text: '"pair"' in text,
    "in its second process": lambda text: text.count('"prepare"') > 4 and '"pair"' in text,
}


@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_run_that_is_killed_is_kept_and_ends_as_if_it_had_not_been(
    whole: Outcome, tmp_path: Path, moment: str
) -> None:
    kept = _killed(tmp_path / "run", _MOMENTS[moment])
    part = load(tmp_path / "run")
    assert part.facts.state == "killed"
    assert not (tmp_path / "run" / "rows.jsonl").exists(), "reading a run changes nothing"
    timed = {row.case for row in part.records if row.metric == "time_per_call"}
    checked = {row.case for row in part.records if row.metric == "max_ulp"}
    samples = store.read_samples(tmp_path / "run")
    assert timed == {sample.case for sample in samples if isinstance(sample, Paired)}
    assert checked == {sample.case for sample in samples if isinstance(sample, Agreement)}
    outcome = _resume(tmp_path / "run")
    assert outcome.facts.state == "finished"
    assert len(outcome.facts.resumed) == 1
    assert outcome.facts.started == part.facts.started
    assert _subjects(outcome) == _subjects(whole)
    assert store.load(outcome.path).records == outcome.rows
    assert (outcome.path / "samples.jsonl").read_text().startswith(kept), "nothing is measured anew"
    visits = [sample for sample in outcome_samples(outcome) if isinstance(sample, Paired)]
    for case in {visit.case for visit in visits}:
        # A unit is timed once more with what was not yet timed when the run was killed.
        assert len({visit.process for visit in visits if visit.case == case}) in (2, 3)


def outcome_samples(outcome: Outcome) -> list[Any]:
    return list(store.read_samples(outcome.path))


@pytest.mark.parametrize("name", PROFILES)
def test_the_request_of_every_profile_is_kept_with_its_cases(name: str, tmp_path: Path) -> None:
    asked = _request(tmp_path, profile=PROFILES[name], selection=Selection(("numpy", "jax")))
    text = store.dump(asked.as_record())
    facts = replace(asked.facts(datetime.now(UTC)), request=json.loads(text))
    again = request_of(facts, tmp_path)
    assert expand(again.profile, again.selection) == expand(asked.profile, asked.selection)
    assert again.as_record() == asked.as_record()


def test_a_run_that_is_still_written_says_so_and_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with _start(out) as process:
        while not (out / "run.json").exists():
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        try:
            assert load(out).facts.state == "running"
            with pytest.raises(UsageError, match="being written by another process"):
                _resume(out)
        finally:
            process.kill()
    assert load(out).facts.state == "killed"


def test_one_of_two_runs_that_begin_at_once_has_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "bench", "run", "--profile", "smoke", "--framework", "numpy"]
    command += ["--activation", "relu", "--size", "64", "--only", "timing", "--epochs", "1"]
    both = [
        subprocess.Popen(
            [*command, "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ends = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in both]
    (_, said, status), (_, _, fine) = sorted(ends, key=lambda end: -end[2])
    assert (status, fine) == (2, 0)
    assert said.count("\n") == 1
    assert "already there" in said or "written by another process" in said
    assert load(out).facts.state == "finished"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda facts: facts["machine"].update(cpu="Another"), "machine"),
        (lambda facts: facts["workers"]["numpy"]["versions"].update(numpy="1.0"), "numpy: numpy"),
        (lambda facts: facts["project"].update(commit="0000"), "commit"),
        (lambda facts: facts.update(request={}), "does not say what was asked for"),
        (lambda facts: facts.update(state="finished"), "is finished"),
    ],
)
def test_what_cannot_go_on_is_refused_and_left_as_it_was(
    whole: Outcome, tmp_path: Path, change: Any, reason: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    facts = json.loads((whole.path / "run.json").read_text())
    facts["state"] = "interrupted"
    change(facts)
    (folder / "run.json").write_text(json.dumps(facts))
    lines = (whole.path / "samples.jsonl").read_text().splitlines(keepends=True)
    left = [line for line in lines if '"pair"' not in line]
    (folder / "samples.jsonl").write_text("".join(left))
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(UsageError, match=reason):
        _resume(folder)
    after = {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix != ".log"}
    assert after == before


def test_what_was_added_is_kept_where_adding_ends_early(whole: Outcome, tmp_path: Path) -> None:
    """Also where the earlier run is compressed, as a published one is."""
    folder = tmp_path / "run"
    folder.mkdir()
    for file in ("run.json", "rows.jsonl", "samples.jsonl"):
        (folder / file).write_bytes((whole.path / file).read_bytes())
    store.compress(folder)
    facts = store.read_facts(folder)
    earlier = len(store.read_samples(folder))
    wide = Selection(("numpy",), ("gelu",), ("wide",), sizes=(64,))
    asked = _request(None, into=folder, selection=wide)
    derived, rows = derive.Times, []

    class Broken(derived):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            rows.append(1)
            if len(rows) == 1:
                raise RuntimeError("planted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actbench.bench.run.schedule.Times", Broken)
        with pytest.raises(RuntimeError, match="planted"):
            _run(asked)
    part = load(folder)
    assert part.facts.state == "failed"
    assert {row.case.activation for row in part.records} >= {"gelu", "squareplus"}
    assert len(store.read_samples(folder)) > earlier
    outcome = _resume(folder)
    assert outcome.facts.state == "finished"
    assert outcome.facts.started == facts.started
    assert not (folder / "samples.jsonl").exists(), "compressed as it was"
    assert store.load(folder).records == outcome.rows


@pytest.mark.parametrize("first", [True, False], ids=["after one before", "in the end"])
def test_an_interrupt_while_rows_are_made_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    made, time_ = derive.all_of, derive.Times.__init__

    def interrupted(*arguments: Any) -> Any:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(os.getpid(), number)
        return made(*arguments)

    def at_first(self: Any, *arguments: Any) -> None:
        time_(self, *arguments)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(derive, "all_of", interrupted)
    if first:
        monkeypatch.setattr(derive.Times, "__init__", at_first)
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    assert outcome.facts.state == ("interrupted" if first else "finished")
    kept = store.load(tmp_path / "run")
    assert kept.facts.state == outcome.facts.state
    assert {row.metric for row in kept.records} >= {"time_per_call", "relative_cost"}


@pytest.mark.parametrize("kind", ["pair", "special", "agreement", "whole numbers"])
def test_a_line_that_is_lost_is_named_and_measured_again(
    whole: Outcome, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    facts = json.loads((whole.path / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "state": "running"}))
    lines = (whole.path / "samples.jsonl").read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if f'"{kind}"' in line)
    lines[place] = lines[place][:40] + "\n"
    (folder / "samples.jsonl").write_text("".join(lines))
    part = load(folder)
    assert [lost.line for lost in part.lost] == [place + 1]
    assert _subjects(_resume(folder)) == _subjects(whole)
