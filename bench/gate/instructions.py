"""The gate's second channel: instructions a call, which the noise of a machine cannot reach.

A case is called under valgrind (callgrind), which executes instructions one by one on a CPU of its
own making and counts them. With a fixed hash seed, no collection of garbage, and everything that a
process sees held equal (see `bench.worker.instructions`) a tree has the same number twice, unless a
compiler is at work (COMPILED_TOLERANCE).

What it says, at launch size: the overhead of Python and of a framework's dispatch, needless calls,
needless passes. What it does not say: time. Cache misses, branches and memory cost nothing here;
vectors are as wide as valgrind knows (AVX2), not as wide as this CPU's; a division counts as much
as an addition.

An edit elsewhere moves what lies in memory, and with it counts: how many probes a table that is
keyed by addresses takes, say. In the cheapest calls that is up to 5 %. So a case is counted in
several processes, each with its memory laid out in another way, and a change must exceed their
spread.
"""

from __future__ import annotations

import math
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as cached
from pathlib import Path
from statistics import median
from typing import IO, Any, Literal

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..host import cache
from ..workers.process import Failed, Key, Lost, WorkerProcess, child, environment_of
from ..workers.specs import spec_of, timing_shape

TOLERANCE = 0.005
"""The least change that is called, as a share: an edit elsewhere may be the cause of a smaller."""

COMPILED_TOLERANCE = 0.03
"""The same for what a compiler made, which leaves the memory in another state each time.

One tree counted twice differs by 0.6 % in PyTorch and by 1.7 % in JAX, whose eager operations are
compiled as well. Without a compiler it gives the same number, or in TensorFlow one within 0.001 %.
"""

LAYOUTS = 3
"""Processes a tree, each with its memory laid out in another way."""

SECONDS = 300.0
"""How long a case may take in one process, and an import of a framework as well."""

_CALLS = 100
_WINDOWS = 4
"""Counted windows of so many calls each; the first is not used."""

Verdict = Literal["more", "fewer", "same", "not counted"]

_REQUESTS = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(void) { CALLGRIND_DUMP_STATS; }
"""

_KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH", "CC", "CXX")
"""Variables that processes inherit: any other would lie in memory as well."""

_RESTRICTED = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "TORCHINDUCTOR_CPP_MARCH": "haswell",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}
"""For PyTorch on x86-64, whose compiled code is for the CPU that is there: valgrind's has AVX2."""


@dataclass(frozen=True)
class Count:
    """Instructions a call, in each window of each process: one tuple a layout of the memory."""

    layouts: tuple[tuple[float, ...], ...]

    @property
    def instructions(self) -> float:
        """Instructions a call in the layout that needs fewest: the median of its windows."""
        return min(map(median, self.layouts))

    @property
    def spread(self) -> float:
        """The widest difference between any two windows, as a share of `instructions`."""
        windows = [each for layout in self.layouts for each in layout]
        return (max(windows) - min(windows)) / self.instructions

    @property
    def steady(self) -> bool:
        """Whether all windows of each process gave one number."""
        return all(len(set(layout)) == 1 for layout in self.layouts)


@dataclass(frozen=True)
class Change:
    """A case in both trees. `zone` is the share by which a change had to differ to be called."""

    case: Case
    verdict: Verdict
    base: float = math.nan
    candidate: float = math.nan
    zone: float = math.nan
    detail: str = ""

    @property
    def ratio(self) -> float:
        """The candidate's instructions over the base's."""
        return self.candidate / self.base

    @property
    def difference(self) -> float:
        """The candidate's instructions a call less the base's."""
        return self.candidate - self.base


def available() -> str:
    """Why nothing can be counted here and what to do, in one sentence; empty if it can be."""
    return _missing(os.environ.get("PATH", ""))


@cached
def _missing(path: str) -> str:
    if not shutil.which("valgrind", path=path):
        return "valgrind is missing: install it (Debian: apt install valgrind)"
    with tempfile.TemporaryDirectory() as folder:
        try:
            _compile(Path(folder))
        except Failed as failure:
            return failure.detail
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"valgrind cannot run a program here (exit status {done.returncode}): reinstall it"
    return ""


def _compile(folder: Path) -> None:
    """Build what the child calls to start and end a count."""
    (folder / "requests.c").write_text(_REQUESTS)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, "-O2", "-shared", "-fPIC", "requests.c", "-o", "requests.so"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        raise Failed(
            "unsupported", f"there is no C compiler {compiler[0]}: install one or set CC"
        ) from None
    if "callgrind.h" in done.stderr:
        raise Failed(
            "unsupported", "valgrind/callgrind.h is missing: install the headers of valgrind"
        )
    if done.returncode:
        raise Failed("unsupported", f"{compiler[0]} cannot build a library: see what CC names")


def count(
    framework: str,
    cases: Sequence[Case],
    tree: Path,
    python: str = sys.executable,
    seconds: float = SECONDS,
    layouts: int = LAYOUTS,
) -> dict[Case, Count | Failed]:
    """Instructions a call of each case, with the `impls/` in the folder `tree`.

    Cases are counted at their own size; what comes before a case in a process moves its count a
    little, so two trees are to be given the same cases in the same order. Both get this project's
    environment variables. `seconds` is the limit on a case in one process. A case that could not be
    counted is a Failed with its status and one sentence of reason.
    """
    found: dict[Case, Count | Failed] = {case: _refused(case, tree) or Count(()) for case in cases}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            _compile(folder)
        except Failed as failure:
            return dict.fromkeys(cases, failure)
        files = shutil.ignore_patterns("__pycache__")
        shutil.copytree(tree / "impls", folder / "impls", ignore=files)
        for layout in range(layouts):
            asked = [case for case in _in_order(cases) if isinstance(found[case], Count)]
            place = _Place(framework, python, folder, layout, seconds)
            for case, answer in _counted(asked, place):
                found[case] = _joined(found[case], answer)
    return found


def _in_order(cases: Sequence[Case]) -> list[Case]:
    """Eager cases first: a compiler, which looks at clocks and temporary files, leaves traces."""
    return sorted(cases, key=lambda case: case.mode == "compiled")


def _refused(case: Case, tree: Path) -> Failed | None:
    """Why a case is not tried, as far as the tree's source says."""
    offered = frameworks(tree / "impls").get(case.framework)
    if offered is None:
        return Failed("unsupported", f"this tree has no impls/{case.framework}.py")
    function = spec_of(case, 1)["function"]
    if function not in offered.functions:
        return Failed("unsupported", f"impls/{case.framework}.py has no function {function}")
    if case.device != "cpu" or case.threads != 1 or case.cache != "warm":
        return Failed("unsupported", "instructions are counted on one thread of a warm CPU")
    return None


def _joined(before: Count | Failed, answer: tuple[float, ...] | Failed) -> Count | Failed:
    if isinstance(before, Failed) or isinstance(answer, Failed):
        return answer if isinstance(answer, Failed) else before
    return Count((*before.layouts, answer))


@dataclass(frozen=True)
class _Place:
    """Where a process counts: with which interpreter, in which folder, in which layout."""

    framework: str
    python: str
    folder: Path
    layout: int
    seconds: float


def _counted(
    cases: Sequence[Case], place: _Place
) -> Iterator[tuple[Case, tuple[float, ...] | Failed]]:
    """Count cases one by one in a process, and in another one those after a case that ended it."""
    process: _Counting | None = None
    try:
        for number, case in enumerate(cases):
            try:
                process = process or _Counting(place)
            except Failed as failure:
                reason = Failed(
                    "unsupported", f"it does not start under valgrind: {failure.detail}"
                )
                yield from ((each, reason) for each in cases[number:])
                return
            try:
                yield case, process.count(case)
            except Lost as failure:
                process = None
                yield case, _explained(failure)
            except Failed as failure:
                yield case, failure
    finally:
        if process:
            process.kill()


def _explained(failure: Failed) -> Failed:
    if "SIGILL" in failure.detail:
        return Failed("unsupported", "it runs an instruction that valgrind does not know (SIGILL)")
    return Failed(failure.status, f"{failure.detail} (under valgrind)")


class _Counting(WorkerProcess):
    """A worker under valgrind. Each process starts with the compile cache empty."""

    def __init__(self, place: _Place) -> None:
        """Start it and wait until its framework is imported. Raises Failed where that fails."""
        self._place, self.start_seconds = place, place.seconds
        self._dumps = Path(tempfile.mkdtemp(dir=place.folder))
        log = place.folder / "log"
        super().__init__(Key(place.framework, "cpu", 1), place.python, [], log)

    def _open(
        self, key: Key, python: str, cpus: list[int], descriptor: int, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        command = child(python, "bench.worker.instructions", key.framework)
        return subprocess.Popen(
            [*tool, f"--callgrind-out-file={self._dumps}/dump", *command, str(self._place.layout)],
            env=_environment(key, self._dumps / "cache"),
            cwd=self._place.folder,
            stdin=descriptor,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def count(self, case: Case) -> tuple[float, ...]:
        """Instructions a call in each window. Raises Failed where the case cannot be called."""
        shape = timing_shape(case)
        values: dict[str, Any] = {"spec": spec_of(case, shape[-1]), "shape": shape, "seed": 0}
        self._totals()  # what a case that failed has left
        self.ask("count", self._place.seconds, **values, calls=_CALLS, windows=_WINDOWS)
        totals = self._totals()
        if len(totals) != 2 * _WINDOWS:
            raise Failed("error", f"valgrind wrote {len(totals)} counts, not {2 * _WINDOWS}")
        empty = min(totals[_WINDOWS + 1 :])
        return tuple((total - empty) / _CALLS for total in totals[1:_WINDOWS])

    def _totals(self) -> list[int]:
        """Instructions of each window since the last time, in order."""
        dumps = sorted(self._dumps.glob("dump.*"), key=lambda dump: int(dump.suffix[1:]))
        texts = [dump.read_text(errors="replace") for dump in dumps]
        for dump in dumps:
            dump.unlink()
        found = [re.search(r"^totals: (\d+)", text, re.MULTILINE) for text in texts]
        return [int(each[1]) for each in found if each]


def _environment(key: Key, caches: Path) -> dict[str, str]:
    """The variables of a worker and no others, with a compile cache that nobody else uses."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    shared = str(cache.folder(key.framework))
    own = {name: text.replace(shared, str(caches)) for name, text in environment_of(key).items()}
    applies = key.framework == "torch" and platform.machine() == "x86_64"
    restricted = _RESTRICTED if applies else {}
    return {**kept, **own, **restricted, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def compare(
    base: Mapping[Case, Count | Failed], candidate: Mapping[Case, Count | Failed]
) -> list[Change]:
    """What changed in each case that both trees were asked for, in the base's order.

    `more` or `fewer` is said of a change beyond the larger spread of the two and beyond the
    tolerance.
    """
    return [_change(case, base[case], candidate[case]) for case in base if case in candidate]


def tolerance(case: Case) -> float:
    """The least change of a case that is called, as a share."""
    compiles = case.mode == "compiled" or case.framework == "jax"
    return COMPILED_TOLERANCE if compiles else TOLERANCE


def _change(case: Case, base: Count | Failed, candidate: Count | Failed) -> Change:
    if isinstance(base, Failed):
        return Change(case, "not counted", detail=f"base: {base.status}, {base.detail}")
    if isinstance(candidate, Failed):
        detail = f"candidate: {candidate.status}, {candidate.detail}"
        return Change(case, "not counted", detail=detail)
    before, after = base.instructions, candidate.instructions
    zone = max(base.spread, candidate.spread, tolerance(case))
    return Change(case, _verdict(after / before, zone), before, after, zone)


def _verdict(ratio: float, zone: float) -> Verdict:
    if ratio > 1 + zone:
        return "more"
    return "fewer" if ratio < 1 / (1 + zone) else "same"
