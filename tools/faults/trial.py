"""One fault: the command that it hits, what is left, and the same command brought to its end."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from actbench.bench.host.errors import ActbenchError
from actbench.bench.results.store import Run
from actbench.bench.run.reading import load

from . import left
from .job import Job, Moment

_ACTIVATIONS = ("relu", "squareplus", "tanh", "softplus")
_RUN = (
    *("run", "--framework", "numpy", "--size", "64", "--epochs", "2", "--budget", "0"),
    *(word for name in _ACTIVATIONS for word in ("--activation", name)),
)
_SWEEP = (
    *("agree", "--framework", "numpy", "--activation", "relu", "--dtype", "float16"),
    *("--exhaustive", "--workers", "2"),
)
_GONE = 20.0
"""The seconds in which the processes of an ended command must have ended as well."""
_BY_CHANCE = ("surprise", "fit_error")
"""The metrics that have a row or not depending on the times of a run."""
_ERROR = "error: "

Timeline = list[tuple[str, float]]
Subjects = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class Calm:
    """An undisturbed command: its rows without their figures, and the times of its phases."""

    subjects: Subjects
    timeline: Timeline

    def moment(self, choice: random.Random, *phases: str) -> Moment:
        """Any moment, or one of the phases whose names begin so."""
        known = [(phase, length) for phase, length in self.timeline if phase.startswith(phases)]
        known = known if phases else self.timeline
        [(phase, length)] = choice.choices(known, [length for _, length in known])
        return Moment(phase, choice.uniform(0, length))


@dataclass
class Trial:
    """A fault and everything that was wrong after it. `is_sweep` says which command it hits."""

    mark: str
    folder: Path
    choice: random.Random
    calm: Calm
    cache: Path
    is_sweep: bool = False
    what: str = ""
    injected: bool = False
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    living: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    out: Path | None = None
    more: dict[str, str] = field(default_factory=dict)

    @cached_property
    def run(self) -> Path:
        """The folder of the run."""
        return self.out or self.folder / "run"

    @property
    def words(self) -> list[str]:
        """The command."""
        program = "tools.faults.small_stretches" if self.is_sweep else "actbench"
        return [program, *(_SWEEP if self.is_sweep else _RUN), "--out", str(self.run)]

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables by which its processes and temporary files are known."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        own = self.folder / "cache" if self.is_sweep else self.cache
        return {
            left.MARK: self.mark,
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(own),
            **self.more,
        }

    def start(self, *more: str, words: Sequence[str] = (), most: int | None = None) -> Job:
        """Start the command, with more options, or another one."""
        given = words or [*self.words, *more]
        return Job(given, self.folder, self.variables, most)

    def moment(self, *phases: str) -> Moment:
        """Any moment, or one of the phases whose names begin so."""
        moment = self.calm.moment(self.choice, *phases)
        self.what = f"{self.what} {moment}".strip()
        return moment

    def worker(self) -> left.Marked | None:
        """A process that a framework runs in."""
        workers = sorted(
            (process for process in left.marked(self.mark) if process.is_worker),
            key=lambda process: process.pid,
        )
        return self.choice.choice(workers) if workers else None

    # --- what has to hold afterwards --------------------------------------------------------------

    def ends(self, job: Job, statuses: Collection[int], sentences: int = 1) -> int | None:
        """Wait for a command that was hit; check its end and what is left of its processes."""
        status = job.end()
        self._check_end(job, status, statuses, sentences)
        return status

    def _check_end(
        self, job: Job, status: int | None, statuses: Collection[int], most: int
    ) -> None:
        if status not in statuses:
            said = " | ".join(job.sentences[-3:])
            self.wrong.append(f"ended with {status}, not {sorted(statuses)}: {said}")
        elif status != -signal.SIGKILL and (
            len(job.sentences) > most or any("Traceback" in line for line in job.said)
        ):
            self.wrong.append(f"said {len(job.sentences)} sentences: {job.sentences[:4]}")
        elif status in (2, 4) and not (job.sentences and job.sentences[0].startswith(_ERROR)):
            self.wrong.append(f"ended with {status} and no sentence")
        self.living += [
            f"after {status}: {process}" for process in left.processes(self.mark, _GONE)
        ]

    def goes_on(self, options: Sequence[str] = (), sentences: int = 1) -> None:
        """Bring the command to its end, and check that nothing that it had done is lost.

        It may name the last line, which was cut short.
        """
        kept = self.kept()
        if (run := self.read()) is None or self.is_sweep:
            words = [*self.words, *options]
        else:
            words = ["actbench", "run", "--resume", str(self.run)]
        said: list[str] = []
        if run is None or run.facts.state != "finished":
            if run and run.facts.state == "running":
                self.wrong.append("the run that has ended is running, as it says")
            job = self.start(words=words)
            self._check_end(job, job.end(), {0}, sentences)
            said = job.said
        self.lost += self._lost(kept, said)

    def finish(self, failing: int = 0) -> None:
        """Check the rows, where some cases may have failed, and the files."""
        if (run := self.read()) is None:
            self.wrong.append("there is no run in the end")
        else:
            self._check_rows(run, failing)
        self.files += left.files(self.folder, self.run, self.folder / "cache")

    def _check_rows(self, run: Run, failing: int) -> None:
        failed = {row.case for row in run.records if row.status not in ("ok", "unsupported")}
        if len(failed) > failing:
            reasons = {row.reason for row in run.records if row.case in failed}
            self.wrong.append(f"{len(failed)} cases failed: {sorted(reasons)[:2]}")
        elif not failed and subjects_of(run) != self.calm.subjects:
            lacking = self.calm.subjects - subjects_of(run)
            more = subjects_of(run) - self.calm.subjects
            self.wrong.append(f"{lacking.total()} rows are lacking, {more.total()} too many")
        cases = {case for case, *_ in self.calm.subjects}
        if lacking_cases := cases - {str(row.case) for row in run.records}:
            self.wrong.append(f"{len(lacking_cases)} cases are lacking")

    def read(self) -> Run | None:
        """The run so far; None where there is none yet."""
        if not (self.run / "run.json").exists():
            return None
        try:
            return load(self.run)
        except ActbenchError as error:
            with suppress(OSError):
                if (self.run / "samples.jsonl").stat().st_size:
                    self.wrong.append(f"cannot be read: {error}")
        return None

    def kept(self) -> list[str]:
        """The lines of samples that were written, or the parts of a sweep."""
        path = self.run / "samples.jsonl"
        if self.is_sweep:
            path = next((self.folder / "cache/actbench/stretches").glob("*.jsonl"), path)
        try:
            lines = path.read_text(errors="replace").splitlines(keepends=True)
        except OSError:
            return []
        return [line for line in lines if line.endswith("\n") and line.strip()]

    def _lost(self, kept: list[str], said: list[str]) -> int:
        if not self.is_sweep:
            now = Counter(self.kept())
            return (Counter(kept) - now).total()
        if not said or not kept:
            return 0
        done = next((line.split()[0] for line in said if "were done before" in line), "0")
        return max(0, len(kept) - int(done))


def subjects_of(run: Run) -> Subjects:
    """The rows of a run without their figures."""
    return Counter(
        (str(row.case), row.metric, str(row.status), str(row.against))
        for row in run.records
        if row.metric not in _BY_CHANCE
    )


def calm(folder: Path, cache: Path, is_sweep: bool) -> Calm:
    """An undisturbed command. Raises RuntimeError where it fails even so."""
    folder.mkdir()
    nothing = Calm(Counter(), [])
    for again in ("first", "second"):  # with exact values as they are found from then on
        trial = Trial(f"calm {folder} {again}", folder / again, random.Random(), nothing, cache)
        trial.is_sweep = is_sweep
        trial.folder.mkdir()
        job = trial.start()
        if job.end() != 0:
            raise RuntimeError("\n".join(["without a fault it fails:", *job.said]))
        timeline = job.timeline
    run = trial.read()
    assert run is not None
    return Calm(subjects_of(run), timeline)
