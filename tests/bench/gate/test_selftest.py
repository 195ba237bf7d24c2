"""The gate's measure of itself: what is planted where, hogs that come and go, a run kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actbench.bench import __main__ as command
from actbench.bench.gate import selftest
from actbench.bench.gate.selftest import CASES, Asked
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.results import store
from actbench.bench.results.samples import Trial

_QUICK = ("selftest", "--cycles", "1", "--hogs", "none", "--budget", "2")


def _asked(out: Path, **changes: Any) -> Asked:
    plain: dict[str, Any] = {
        "cycles": 1,
        "minutes": 10.0,
        "frameworks": ("numpy",),
        "hogs": ("none",),
        "budget": 2.0,
        "planted_every": 1,
        "seed": 0,
        "out": out,
        "command": "actbench selftest",
    }
    return Asked(**{**plain, **changes})


def test_there_are_24_cases_of_three_frameworks() -> None:
    assert len(CASES) == len(set(CASES)) == 24
    assert len({case.framework for case in CASES}) == 3


def test_every_case_gets_every_slowdown_in_turn_and_none_as_well() -> None:
    seen: dict[Any, set[float]] = {case: set() for case in CASES}
    kinds = set()
    assert all(2 * len(selftest._planted(CASES, cycle)) == len(CASES) for cycle in range(12))
    for cycle in range(12):
        planted = selftest._planted(CASES, cycle)
        for case in CASES:
            seen[case].add(planted[case].share if case in planted else 0.0)
        kinds |= {(slowdown.kind, slowdown.share) for slowdown in planted.values()}
    assert all(shares == {0.0, 0.01, 0.03, 0.05, 0.10} for shares in seen.values())
    assert len(kinds) == 8


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _stops(pid: int) -> bool:
    """Wait a moment for a process to stop; say whether it does."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return True
    return False


@pytest.mark.parametrize("kind", ["both arms", "one arm"])
def test_hogs_end_with_their_gate_whatever_happens(kind: str) -> None:
    class Planned(Exception):
        pass

    pids: list[int] = []

    def gate() -> None:
        with selftest._hogs(kind) as started:
            pids.extend(started)
            assert pids
            assert all(map(_alive, pids))
            assert kind != "one arm" or _stops(pids[0])
            raise Planned

    with pytest.raises(Planned):
        gate()
    assert not any(map(_alive, pids))


def test_without_hogs_there_are_none() -> None:
    with selftest._hogs("none") as pids:
        assert pids == []


def test_frameworks_without_a_case_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no case left"):
        selftest.selftest(_asked(tmp_path / "run", frameworks=("tensorflow",)), Reporter(True))


@pytest.mark.slow
def test_a_run_is_kept_and_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "CASES", CASES[:2])
    out = tmp_path / "run"
    with pytest.raises(SystemExit):
        command.main([*_QUICK, "--out", str(out)])
    text = capsys.readouterr().out
    assert f"Trials: {out}/samples.jsonl" in text
    assert "The same code twice" in text
    run = store.load(out)
    assert run.facts.state == "finished"
    assert {tally.tool for tally in run.facts.selftest} == {"the gate"}
    assert {row["metric"] for _, row in run.rows.iterrows()} >= {"gate_false_alarms"}
    trials = list(store.read_samples(out))
    assert len(trials) == 4
    assert {trial.gate for trial in trials if isinstance(trial, Trial)} == {0, 1}


def test_an_interrupt_keeps_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trials(asked: Asked, *_: Any) -> Iterator[list[Any]]:
        decision = SimpleNamespace(
            **{
                name: getattr(selftest.Decision(CASES[0], ""), name)
                for name in ("verdict", "ratio", "processes", "failures")
            },
            case=CASES[0],
            phase="screening",
            blocks=1,
            spoilt=0,
            detail="",
        )
        yield [selftest._trial(decision, None, (0, 0, "none"), (1.0, 2.0), {})]  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(selftest, "_trials", trials)
    done = selftest.selftest(_asked(tmp_path / "run"), Reporter(True))
    assert (done.state, len(done.trials)) == ("interrupted", 1)
    assert store.load(tmp_path / "run").facts.state == "interrupted"
    assert len(list(store.read_samples(tmp_path / "run"))) == 1
