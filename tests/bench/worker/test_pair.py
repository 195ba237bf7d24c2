"""Two versions in one process: the same inputs, in turn, and the faults of one stay its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import IMPLS
from actbench.bench.results.status import Status
from actbench.bench.worker import pair as module
from actbench.bench.worker.clock import Batch
from actbench.bench.worker.pair import Pair
from actbench.bench.worker.protocol import (
    ARMS,
    Arm,
    ArmsFailed,
    Blocks,
    Compare,
    Evaluate,
    Failure,
    Hogs,
    InArm,
    Plant,
    Prepare,
    Slowdown,
    Start,
)
from actbench.bench.workers.requests import call_of, timed_call

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 4096, 1)
_MAX = "return np.maximum(x, 0)\n"
_KEPT = f"SEEN.append(x.__array_interface__['data'][0])\n    {_MAX}"


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    """Whatever a test loads is forgotten, and what it sets in NumPy is as it was."""
    before, floating = set(sys.modules), np.geterr()
    yield
    np.seterr(**floating)
    for name in set(sys.modules) - before:
        if name.startswith("impls_of_"):
            del sys.modules[name]


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Pair]:
    """A pair of NumPy's forms, whose source text is edited by arm."""

    def of(order: tuple[Arm, ...] = ARMS, **edits: Callable[[str], str]) -> Pair:
        for arm in ARMS:
            package = tmp_path / arm / "impls"
            shutil.copytree(IMPLS, package, ignore=shutil.ignore_patterns("__pycache__"))
            text = (package / "numpy.py").read_text()
            (package / "numpy.py").write_text(edits.get(arm, str)(text))
        folders = {arm: str(tmp_path / arm) for arm in order}
        return Pair(Start("numpy", "cpu", 1, (), folders))

    return of


def _prepare(pair: Pair, arm: Arm) -> None:
    pair.in_arm(InArm(arm, Prepare(0, timed_call(_CASE, 0), checked=False)))


def _compared(pair: Pair, batch: float, blocks: int, hogs: Hogs | None = None) -> Blocks:
    found = pair.compare(Compare(0, batch, blocks, hogs))
    assert isinstance(found, Blocks), found
    return found


def _failures(pair: Pair) -> dict[Arm, Failure]:
    found = pair.compare(Compare(0, 0.0005, 8))
    assert isinstance(found, ArmsFailed), found
    return dict(found.failures)


def _prepared(pair: Pair) -> Pair:
    for arm in ARMS:
        _prepare(pair, arm)
    return pair


class _Clock:
    """Tells planted times: of an arm, `slow` for the candidate, or what `batches` says in turn."""

    shortest = 0.0

    def __init__(self, pair: Pair) -> None:
        self.turns: list[Any] = []
        self.untimed: list[int] = []
        self.loops: list[int] = []
        self.batches: list[dict[str, int]] = []
        self._steps = pair._steps(0)
        self.spoilt, self.had = pair._first.clock.spoilt, pair._first.clock.had

    def _arm(self, step: Callable[[], Any]) -> Arm:
        return next(arm for arm in ARMS if self._steps[arm] is step)

    def elapsed(self, step: Callable[[], Any], loops: int) -> int:
        self.untimed.append(loops)
        return 1000

    def batch(self, step: Callable[[], Any], loops: int) -> Batch:
        self.turns.append(self._arm(step))
        self.loops.append(loops)
        plain = Batch(1000 if self.turns[-1] == "base" else 2000, 10**9, 0, 0)
        return plain._replace(**(self.batches.pop(0) if self.batches else {}))


def _clocked(pair: Pair) -> _Clock:
    clock = _Clock(_prepared(pair))
    pair._arms["base"].clock = clock  # type: ignore[assignment]
    return clock


# --- in turn, on the same memory ------------------------------------------------------------------


@pytest.mark.parametrize("order", [ARMS, ARMS[::-1]])
def test_both_arms_read_the_same_memory(load: Callable[..., Pair], order: tuple[Arm, ...]) -> None:
    pair = load(order, **dict.fromkeys(ARMS, _keeping))
    for arm in order:
        _prepare(pair, arm)
    _compared(pair, 1e-5, 2)
    seen = {arm: sys.modules[f"impls_of_{arm}.numpy"].SEEN for arm in ARMS}
    assert seen["base"] is not seen["candidate"]
    assert len(seen["base"]) > 0
    assert set(seen["base"]) == set(seen["candidate"])
    assert len(set(seen["base"])) == 1


def _keeping(text: str) -> str:
    assert text.count(_MAX) == 1
    return text.replace(_MAX, _KEPT) + "\nSEEN = []\n"


def test_blocks_are_in_mirrored_order_and_a_drift_is_even(load: Callable[..., Pair]) -> None:
    pair = load()
    clock = _clocked(pair)
    found = _compared(pair, 0.0005, 4)
    assert clock.turns == [*ARMS, *ARMS[::-1]] * 2
    places = {arm: sum(i for i, each in enumerate(clock.turns) if each == arm) for arm in ARMS}
    assert places["base"] == places["candidate"]
    assert (found.base, found.candidate) == ((1000,) * 4, (2000,) * 4)
    assert found.spoilt == (False,) * 4
    assert set(clock.loops) == {found.loops}, "both arms make as many calls"


def test_a_batch_is_as_long_as_asked_by_the_slower_arm(load: Callable[..., Pair]) -> None:
    pair = load()
    clock = _clocked(pair)
    for arm, seconds in (("base", 1e-6), ("candidate", 4e-6)):
        pair._arms[arm].ready[0].seconds = seconds
    assert _compared(pair, 0.0008, 1).loops == 200
    assert clock.untimed == [25, 25]
    assert _compared(pair, 1e-9, 1).loops == 1
    assert len(clock.untimed) == 2, "one call needs no calls before it"


@pytest.mark.parametrize(
    ("batch", "spoilt"),
    [
        ({"busy": 800, "switches": 1}, True),
        ({"busy": 950, "switches": 1}, False),
        ({"busy": 800, "switches": 0}, False),
        ({"busy": 1000, "switches": 9}, False),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_block_is_spoilt_where_either_batch_was_preempted(
    load: Callable[..., Pair], batch: dict[str, int], spoilt: bool, place: int
) -> None:
    pair = load()
    clock = _clocked(pair)
    clock.batches = [{}, {}, *[{}] * place, {"elapsed": 1000, **batch}]
    assert _compared(pair, 0.0005, 3).spoilt == (False, spoilt, False)


def test_a_compilation_while_timed_is_refused_of_the_arm_that_compiles(
    load: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = load()
    clock = _clocked(pair)
    adapter = pair._arms["base"].adapter
    monkeypatch.setattr(adapter, "compilations", lambda: clock.turns.count("candidate"))
    failures = _failures(pair)
    assert set(failures) == {"candidate"}
    assert failures["candidate"].status is Status.REFUSED


def _raises() -> None:
    raise OSError("planted")


@pytest.mark.parametrize("arms", [ARMS, ARMS[:1], ARMS[1:]])
def test_a_failure_while_timed_is_that_of_the_arms_that_fail(
    load: Callable[..., Pair], arms: tuple[Arm, ...]
) -> None:
    pair = _prepared(load())
    for arm in arms:
        pair._arms[arm].ready[0].action = _raises
    failures = _failures(pair)
    assert set(failures) == set(arms)
    assert all("planted" in failure.reason for failure in failures.values())


def test_a_module_that_ends_its_process_is_down(load: Callable[..., Pair]) -> None:
    pair = load(candidate=lambda text: f"{text}\nraise SystemExit(3)\n")
    [(arm, failure)] = pair.describe().down.items()
    assert (arm, failure.status) == ("candidate", Status.UNLOADABLE)
    assert failure.reason.endswith("SystemExit: 3")


# --- what is planted ------------------------------------------------------------------------------


def test_a_plant_slows_the_candidate_alone(load: Callable[..., Pair]) -> None:
    """A hundred times a call, told by the real clock; wide bounds for a machine that is busy."""
    pair = _prepared(load())
    planted = pair.plant(Plant(0, Slowdown("wait", 100.0)))
    found = _compared(pair, 0.0005, 8)
    base, candidate = min(found.base), max(found.candidate)  # CPU time alone, where it is spoilt
    base, candidate = (nanoseconds / found.loops / 1e9 for nanoseconds in (base, candidate))
    assert candidate >= 0.9 * planted
    assert candidate > 20 * base


def test_a_plant_of_nothing_wraps_both_alike(load: Callable[..., Pair]) -> None:
    pair = _prepared(load())
    steps = pair._steps(0)
    assert pair.plant(Plant(0, Slowdown("work", 0.0))) == 0.0
    wrapped = pair._steps(0)
    assert wrapped["base"].__code__ is wrapped["candidate"].__code__
    for arm in ARMS:
        assert wrapped[arm] is not steps[arm]
        np.testing.assert_array_equal(wrapped[arm](), steps[arm]())


@pytest.mark.parametrize("arm", ARMS)
def test_a_hog_is_woken_for_its_arm_alone(
    load: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch, arm: Arm
) -> None:
    pair = load()
    clock = _clocked(pair)
    monkeypatch.setattr(module.os, "kill", lambda pid, sign: clock.turns.append((pid, sign)))
    _compared(pair, 0.0005, 1, Hogs((123,), arm))
    hogged = [(123, signal.SIGCONT), arm, (123, signal.SIGSTOP)]
    [other] = set(ARMS) - {arm}
    assert clock.turns == ([*hogged, other] if arm == "base" else [other, *hogged])


def test_what_hogs_take_to_wake_is_told_apart(
    load: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = _prepared(load())
    monkeypatch.setattr(module.os, "kill", lambda *_: time.sleep(0.002))
    hogs = Hogs((123,), "candidate")
    assert _compared(pair, 0.0005, 3).aside == 0
    assert _compared(pair, 0.0005, 3, hogs).aside >= 3 * 2 * 2_000_000
    assert _compared(pair, 0.0005, 3).aside == 0


# --- the faults of one arm ------------------------------------------------------------------------

_FAULTS = {
    "raises": "\n1 / 0\n",
    "is no Python": "\ndef f(:\n",
    "misses a module": "\nimport no_such_module\n",
    "misses a name of a package": "\nfrom numpy import no_such_name\n",
    "misses a neighbour": "\nfrom ._nowhere import f\n",
    "has no adapter": "\ndel Adapter\n",
    "has one that raises": "\nclass Adapter:\n    def __init__(self, *_): 1 / 0\n",
}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("fault", _FAULTS)
def test_an_arm_that_cannot_be_loaded_is_told_and_the_other_works(
    load: Callable[..., Pair], arm: Arm, fault: str
) -> None:
    pair = load(**{arm: lambda text: text + _FAULTS[fault]})
    facts = pair.describe()
    assert list(facts.down) == [arm]
    assert facts.down[arm].reason
    assert facts.versions["numpy"]
    [other] = set(ARMS) - {arm}
    _prepare(pair, other)
    bits = inputs.to_bits(np.array([[-1.0, 2.0]]), "float32")
    [found] = pair.in_arm(InArm(other, Evaluate(call_of(_CASE, 2), bits)))
    assert inputs.from_bits(found, "float32").tolist() == [[0.0, 2.0]]


def test_two_that_cannot_be_loaded_are_both_told(load: Callable[..., Pair]) -> None:
    pair = load(**dict.fromkeys(ARMS, lambda text: text + "\n1 / 0\n"))
    facts = pair.describe()
    assert set(facts.down) == set(ARMS)
    assert facts.pid == os.getpid()


def test_a_framework_that_is_missing_is_no_fault_of_an_arm(load: Callable[..., Pair]) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_framework"):
        load(**dict.fromkeys(ARMS, lambda text: text + "\nimport no_such_framework\n"))


def test_a_device_that_is_missing_is_no_fault_of_an_arm() -> None:
    folders = {arm: str(IMPLS.parent) for arm in ARMS}
    with pytest.raises(Exception, match="NumPy has no cuda device"):
        Pair(Start("numpy", "cuda", 1, (), folders))


def test_a_form_that_raises_does_so_in_its_arm(load: Callable[..., Pair]) -> None:
    pair = load(candidate=lambda text: text.replace(_MAX, "raise ValueError('planted')\n"))
    _prepare(pair, "base")
    with pytest.raises(ValueError, match="planted"):
        _prepare(pair, "candidate")
