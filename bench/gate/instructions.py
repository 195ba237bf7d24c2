"""The gate's second channel: instructions per call, which the noise of a machine does not affect.

A case is called under valgrind (callgrind), which executes instructions one by one on a simulated
CPU and counts them. With a fixed hash seed, no garbage collection, and everything that a process
sees held equal (see `bench.worker.instructions`), a tree gives the same number twice, unless a
compiler is at work (COMPILED_TOLERANCE).

At launch size it measures the overhead of Python and of a framework's dispatch, needless calls and
needless passes. It does not measure time: cache misses, branches and memory cost nothing here;
vectors are as wide as valgrind supports (AVX2), not as wide as this CPU's; a division counts as
much as an addition.

An edit elsewhere moves objects in memory, and changes the counts: for example how many probes a
table keyed by addresses needs. In the cheapest calls this is up to 5 %. So a case is counted in
several processes with different memory layouts, and a change must exceed their spread.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache as cached
from pathlib import Path
from statistics import median
from typing import IO, Literal

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..host import temporary
from ..results.status import Status
from ..worker import protocol
from ..worker.protocol import ARMS, VERSION, Arm, Failure
from ..workers.environment import Key, counted
from ..workers.process import Failed, Lost, WorkerProcess, child
from ..workers.requests import call_of, timed_call

TOLERANCE = 0.005
"""The least change that is called, as a share: an edit elsewhere may cause smaller ones."""

COMPILED_TOLERANCE = 0.03
"""The least change that is called in compiled code.

A compiler leaves memory in another state every time: one tree counted twice differs by 0.6 % in
PyTorch and by 1.7 % in JAX, whose eager operations are compiled as well. Without a compiler both
counts are equal, or in TensorFlow within 0.001 %.
"""

LAYOUTS = 3
"""Processes per tree, with different memory layouts."""

SECONDS = 300.0
"""The seconds for a case in one process, and for the import of a framework."""

_CALLS = 100
_WINDOWS = 4
"""The counted windows and the calls in each; the first window is not used."""

Verdict = Literal["more", "fewer", "same", "not counted"]

_REQUESTS = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(void) { CALLGRIND_DUMP_STATS; }
"""


@dataclass(frozen=True)
class Count:
    """Instructions per call: one tuple per memory layout, with the windows of its process."""

    layouts: tuple[tuple[float, ...], ...]

    @property
    def instructions(self) -> float:
        """The instructions per call in the layout that needs fewest: the median of its windows."""
        return min(map(median, self.layouts))

    @property
    def spread(self) -> float:
        """The widest difference between any two windows, as a share of `instructions`."""
        windows = [window for layout in self.layouts for window in layout]
        return (max(windows) - min(windows)) / self.instructions

    @property
    def steady(self) -> bool:
        """Return whether all windows of a process gave one number, in every process."""
        return all(len(set(layout)) == 1 for layout in self.layouts)


@dataclass(frozen=True)
class Change:
    """A case in both trees.

    `zone` is the share by which a change had to differ to be called. `failures` are those of the
    arms in which it could not be counted. `accepted` says that the verdict is intended.
    """

    case: Case
    verdict: Verdict
    base: float = math.nan
    candidate: float = math.nan
    zone: float = math.nan
    failures: Mapping[Arm, Failure] = field(default_factory=dict)
    accepted: bool = False

    @property
    def ratio(self) -> float:
        """The candidate's instructions over the base's."""
        return self.candidate / self.base

    @property
    def difference(self) -> float:
        """The candidate's instructions per call less the base's."""
        return self.candidate - self.base


def available() -> str:
    """The reason why nothing can be counted here and what to do; empty if it can be."""
    return _missing(os.environ.get("PATH", ""))


@cached
def _missing(path: str) -> str:
    if not shutil.which("valgrind", path=path):
        return "valgrind is missing: install it (Debian: apt install valgrind)"
    with temporary.folder() as folder:
        if failure := _compile(folder.path):
            return failure.reason
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "true"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        status = process.returncode
        return f"valgrind cannot run a program here (exit status {status}): reinstall it"
    return ""


def _compile(folder: Path) -> Failure | None:
    """Build the library that starts and ends a count. Returns the reason where that fails."""
    (folder / "requests.c").write_text(_REQUESTS)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, "-O2", "-shared", "-fPIC", "requests.c", "-o", "requests.so"]
    try:
        process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return _unsupported(f"there is no C compiler {compiler[0]}: install one or set CC")
    if "callgrind.h" in process.stderr:
        return _unsupported("valgrind/callgrind.h is missing: install the headers of valgrind")
    if process.returncode:
        return _unsupported(f"{compiler[0]} cannot build a library: see what CC names")
    return None


def _unsupported(reason: str) -> Failure:
    return Failure(Status.UNSUPPORTED, reason)


def count(
    framework: str,
    cases: Sequence[Case],
    tree: Path,
    python: str = sys.executable,
    seconds: float = SECONDS,
    layouts: int = LAYOUTS,
) -> dict[Case, Count | Failure]:
    """Count the instructions per call of some cases, with the `impls/` in the folder `tree`.

    Cases are counted at their own size; whatever runs before a case in a process moves its count a
    little, so both trees must get the same cases in the same order. Both get this project's
    environment variables. `seconds` is the limit on a case in one process. A case that cannot be
    counted has a Failure.
    """
    counts: dict[Case, Count | Failure] = {
        case: _refused(case, tree) or Count(()) for case in cases
    }
    with temporary.folder() as made:
        folder = made.path
        if failure := _compile(folder):
            return dict.fromkeys(cases, failure)
        files = shutil.ignore_patterns("__pycache__")
        shutil.copytree(tree / "impls", folder / "impls", ignore=files)
        for layout in range(layouts):
            asked = [case for case in _in_order(cases) if isinstance(counts[case], Count)]
            where = _Where(framework, python, folder, layout, seconds)
            for case, answer in _counted(asked, where):
                counts[case] = _joined(counts[case], answer)
    return counts


def _in_order(cases: Sequence[Case]) -> list[Case]:
    """Eager cases first: a compiler depends on clocks and temporary files, and leaves traces."""
    return sorted(cases, key=lambda case: case.mode == "compiled")


def _refused(case: Case, tree: Path) -> Failure | None:
    """The reason not to try a case, as far as the tree's source shows one."""
    offered = frameworks(tree / "impls").get(case.framework)
    if offered is None:
        return _unsupported(f"this tree has no impls/{case.framework}.py")
    function = call_of(case, 1).function
    if function not in offered.functions:
        return _unsupported(f"impls/{case.framework}.py has no function {function}")
    if case.device != "cpu" or case.threads != 1 or case.cache != "warm":
        return _unsupported("instructions are counted on one thread of a warm CPU")
    return None


def _joined(before: Count | Failure, answer: tuple[float, ...] | Failure) -> Count | Failure:
    if isinstance(before, Failure) or isinstance(answer, Failure):
        return answer if isinstance(answer, Failure) else before
    return Count((*before.layouts, answer))


@dataclass(frozen=True)
class _Where:
    """The interpreter, the folder and the memory layout of a counting process."""

    framework: str
    python: str
    folder: Path
    layout: int
    seconds: float


def _counted(
    cases: Sequence[Case], where: _Where
) -> Iterator[tuple[Case, tuple[float, ...] | Failure]]:
    """Count cases one by one in a process; after a case that ends it, the rest in another one."""
    process: _Counting | None = None
    try:
        for number, case in enumerate(cases):
            try:
                process = process or _Counting(where)
            except Failed as failed:
                failure = _unsupported(f"it does not start under valgrind: {failed}")
                yield from ((waiting, failure) for waiting in cases[number:])
                return
            try:
                yield case, process.count(case)
            except Lost as lost:
                process = None
                yield case, _explained(lost.failure)
            except Failed as failed:
                yield case, failed.failure
    finally:
        if process:
            process.kill()


def _explained(failure: Failure) -> Failure:
    if "SIGILL" in failure.reason:
        return _unsupported("it runs an instruction that valgrind does not know (SIGILL)")
    return replace(failure, reason=f"{failure.reason} (under valgrind)")


class _Counting(WorkerProcess):
    """A worker under valgrind, which starts with an empty compile cache and has no keeper."""

    patience = 0.0

    def __init__(self, where: _Where) -> None:
        """Start the worker and wait until its framework is imported. Raises Failed where that
        fails."""
        self._where = where
        self._dumps = Path(tempfile.mkdtemp(dir=where.folder))
        key, log = Key(where.framework, "cpu", 1), where.folder / "log"
        layout, seconds = str(where.layout), where.seconds
        super().__init__(key, where.python, (), log, layout=layout, start_seconds=seconds)

    def _open(
        self, key: Key, python: str, descriptor: int, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        command = child(python, "bench.worker.instructions", VERSION)
        return subprocess.Popen(
            [*tool, f"--callgrind-out-file={self._dumps}/dump", *command],
            env={**counted(key, self._dumps / "cache"), "TMPDIR": str(self._dumps)},
            cwd=self._where.folder,
            stdin=descriptor,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def count(self, case: Case) -> tuple[float, ...]:
        """Instructions per call by window. Raises Failed where the case cannot be called."""
        self._totals()  # drops what a failed case left behind
        self.ask(protocol.Count(timed_call(case, 0), _CALLS, _WINDOWS), self._where.seconds)
        totals = self._totals()
        if len(totals) != 2 * _WINDOWS:
            reason = f"valgrind wrote {len(totals)} counts, not {2 * _WINDOWS}"
            raise Failed(Failure(Status.ERROR, reason))
        empty = min(totals[_WINDOWS + 1 :])
        return tuple((total - empty) / _CALLS for total in totals[1:_WINDOWS])

    def _totals(self) -> list[int]:
        """Instructions of the windows since the last time, in order."""
        dumps = sorted(self._dumps.glob("dump.*"), key=lambda dump: int(dump.suffix[1:]))
        texts = [dump.read_text(errors="replace") for dump in dumps]
        for dump in dumps:
            dump.unlink()
        totals = [re.search(r"^totals: (\d+)", text, re.MULTILINE) for text in texts]
        return [int(total[1]) for total in totals if total]


def compare(
    base: Mapping[Case, Count | Failure], candidate: Mapping[Case, Count | Failure]
) -> list[Change]:
    """Compare the cases that were counted in both trees, in the base's order.

    A change is `more` or `fewer` beyond the larger of both spreads and the tolerance.
    """
    return [_change(case, base[case], candidate[case]) for case in base if case in candidate]


def tolerance(case: Case) -> float:
    """The least change of a case that is called, as a share."""
    compiles = case.mode in frameworks()[case.framework].compiles
    return COMPILED_TOLERANCE if compiles else TOLERANCE


def _change(case: Case, base: Count | Failure, candidate: Count | Failure) -> Change:
    if isinstance(base, Failure) or isinstance(candidate, Failure):
        both = zip(ARMS, (base, candidate), strict=True)
        failures = {arm: count for arm, count in both if isinstance(count, Failure)}
        return Change(case, "not counted", failures=failures)
    before, after = base.instructions, candidate.instructions
    zone = max(base.spread, candidate.spread, tolerance(case))
    return Change(case, _verdict(after / before, zone), before, after, zone)


def _verdict(ratio: float, zone: float) -> Verdict:
    if ratio > 1 + zone:
        return "more"
    return "fewer" if ratio < 1 / (1 + zone) else "same"
