"""The command `fleet` before it reaches a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from actbench.bench.commands import main

NOBODY = ("fleet", "--scheduler", "tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--into", "run"), "--into is for a run on this machine: leave it out here"),
        (("--resume", "run"), "--resume is for a run on this machine: leave it out here"),
        (("--profile", "smok"), "unknown profile 'smok'"),
        (("--activation", "gleu"), "gleu"),
        (("--nonsense",), "No such option"),
        (("--epochs", "0"), "--epochs"),
        (("--framework", "tourch"), "unknown framework 'tourch'"),
        (("--out", "."), ". is already there: choose another folder with --out"),
    ],
)
def test_what_no_host_would_take_is_refused_at_once(
    options: tuple[str, ...],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()
    assert main([*NOBODY, *options]) == 2
    assert reason in capsys.readouterr().err


def test_no_cluster_is_a_sentence_that_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("actbench.bench.workers.scheduler.CONNECT_SECONDS", 0.5)
    assert main([*NOBODY, "--profile", "smoke"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no scheduler with workers answers at tcp://127.0.0.1:9 (")
    assert line.endswith("on each host, dask worker --nthreads 1 tcp://127.0.0.1:9")
