"""The gate's rival: pytest-benchmark's own comparison of the same cases, as its users run it.

One process saves the base, another compares the candidate with it and reports regressions. The
verdicts are that tool's, read from the output of its command line.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.host.cpus import measuring_cpus
from actbench.bench.host.errors import ActbenchError
from actbench.bench.worker.protocol import Slowdown
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.process import PACKAGE

THRESHOLDS = ("min:5%", "mean:10%", "median:25%", "median:5%", "mean:5%")
"""The arguments of --benchmark-compare-fail."""
_BASE, _CANDIDATE = "base", "candidate"
_REGRESSED = "Performance has regressed"
_VERDICT = re.compile(
    r"^\t\S+?\[(?P<name>.+)\] \(.*\) - Field '(?P<field>\w+)' has failed "
    r"PercentageRegressionCheck: (?:inf|[\d.]+) > (?P<percent>\d+)\.0+$",
    re.MULTILINE,
)
ROOT = PACKAGE.parent
_TEST = Path(__file__).with_name("child.py")
_TIMEOUT = 900.0
"""The seconds of a run besides its timing: imports and compilations, with hogs running."""
_OPTIONS = (
    *("-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "--import-mode=importlib"),
    *("-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin", "--color=no"),
    *("--benchmark-warmup=on", "--benchmark-warmup-iterations=100"),
)
"""After a warm-up pytest-benchmark plans its rounds by the quickest of some calls. Without one it
plans by a single call, and if that is disturbed, the case may get a hundredth of its time."""


@dataclass(frozen=True)
class Outcome:
    """The cases that pytest-benchmark declares regressed, by threshold.

    `timed` is the seconds of both runs in its fixture, calibration included; `wall` includes the
    start of the processes and the preparation of the cases.
    """

    regressed: Mapping[str, frozenset[Case]]
    timed: float
    wall: float


def compare(
    cases: Sequence[Case],
    planted: Mapping[Case, Slowdown],
    seconds: float,
    during: Callable[[str], AbstractContextManager[object]] = nullcontext,
    seed: int = 0,
) -> Outcome:
    """Have pytest-benchmark compare two runs of some cases with about `seconds` of timing.

    The candidate's run has the `planted` slowdowns. A run, start-up included, is inside the context
    that `during` returns for its arm, `base` or `candidate`. Cases run on one CPU with one thread.
    pytest-benchmark plans its rounds by the quickest of some calls, so that it takes longer than
    planned beside other processes; `Outcome.timed` is the time it took.
    Raises ActbenchError where a run fails or does not time every case.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="actbench-rival-") as folder:
        runs = _Runs(Path(folder), cases, planted, seconds / 2, seed)
        with during(_BASE):
            _, before = runs.run(_BASE, [f"--benchmark-save={_BASE}"])
        checks = ["--benchmark-compare", "--benchmark-compare-fail", *THRESHOLDS]
        with during(_CANDIDATE):
            output, after = runs.run(_CANDIDATE, checks)
    return Outcome(_regressed(output, cases), before + after, time.monotonic() - started)


@dataclass(frozen=True)
class _Runs:
    """Both runs of a comparison, with about `seconds` of timing per run; they share a folder."""

    folder: Path
    cases: Sequence[Case]
    planted: Mapping[Case, Slowdown]
    seconds: float
    seed: int

    def run(self, arm: str, options: Iterable[str]) -> tuple[str, float]:
        """Run one arm. Returns pytest's output and the seconds that it timed."""
        request, timed = self.folder / f"{arm}.json", self.folder / f"{arm}-timed.json"
        request.write_text(json.dumps(self._request(arm, timed)))
        storage = f"--benchmark-storage=file://{self.folder / 'storage'}"
        longest = f"--benchmark-max-time={self.seconds / len(self.cases):.6f}"
        command = [sys.executable, "-m", "pytest", str(_TEST), *_OPTIONS, storage, longest]
        try:
            process = subprocess.run(
                [*command, *options],
                env={
                    **_environment(self.cases),
                    "ACTBENCH_RIVAL": str(request),
                    "PYTHONPATH": str(ROOT),
                },
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=self.seconds + _TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            reason = f"pytest-benchmark's run of the {arm} did not end in {error.timeout:.0f} s"
            raise ActbenchError(reason) from None
        seconds = json.loads(timed.read_text()) if timed.exists() else {}
        _check(arm, process.returncode, process.stdout, len(self.cases) - len(seconds))
        return process.stdout, sum(seconds.values())

    def _request(self, arm: str, timed: Path) -> dict[str, Any]:
        described = [self._described(case, arm) for case in self.cases]
        cpus = measuring_cpus(1)
        return {"cpus": cpus, "timed": str(timed), "seed": self.seed, "cases": described}

    def _described(self, case: Case, arm: str) -> dict[str, Any]:
        """A case for its test; with a plant both arms are wrapped, the base without a delay."""
        plant = self.planted.get(case)
        share = plant.share if plant and arm == _CANDIDATE else 0.0
        planted = plant and {"kind": plant.kind, "share": share}
        return {"name": name(case), "case": case.as_dict(), "plant": planted}


def _environment(cases: Iterable[Case]) -> dict[str, str]:
    """The variables of all the frameworks together, without those of the user's pytest."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for framework in sorted({case.framework for case in cases}):
        own |= environment_of(Key(framework, "cpu", 1))
    return {**own, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PY_COLORS": "0"}


def name(case: Case) -> str:
    """The id of a case's test."""
    return "-".join(map(str, case.as_dict().values()))


def _check(arm: str, status: int, output: str, untimed: int) -> None:
    """Raise ActbenchError unless all cases were timed and only a regression failed the run."""
    regressed = status == 1 and arm == _CANDIDATE and _REGRESSED in output
    if untimed or (status and not regressed):
        why = _last_words(output)
        raise ActbenchError(
            f"pytest-benchmark's run of the {arm} ended with exit status {status} and {untimed} "
            f"cases untimed{why and f': {why}'}"
        )


def _last_words(output: str) -> str:
    """The line with the reason of a failed test, or else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E  ")]
    return (errors or lines or [""])[-1]


def _regressed(output: str, cases: Sequence[Case]) -> dict[str, frozenset[Case]]:
    """The cases named in pytest-benchmark's verdicts, by threshold.

    Raises ActbenchError for a verdict in unknown words.
    """
    by_name = {name(case): case for case in cases}
    regressed: dict[str, set[Case]] = {threshold: set() for threshold in THRESHOLDS}
    verdicts = list(_VERDICT.finditer(output))
    if len(verdicts) != output.count("' has failed "):
        raise ActbenchError("pytest-benchmark's verdicts have a wording that is unknown here")
    for verdict in verdicts:
        regressed[f"{verdict['field']}:{verdict['percent']}%"].add(by_name[verdict["name"]])
    return {threshold: frozenset(cases) for threshold, cases in regressed.items()}
