"""The protocol: what travels between a parent and its worker, and how failures are answered."""

from __future__ import annotations

import pickle
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.status import Status
from actbench.bench.worker import protocol
from actbench.bench.worker.operations import Recompiled, Worker
from actbench.bench.worker.own_function import Unusable, questions
from actbench.bench.worker.pair import Pair
from actbench.bench.worker.protocol import Evaluate, Failure, InArm, Request, Start
from actbench.bench.worker.serving import failure_of, received, serve
from actbench.bench.worker.truth import NothingToTime, Refused
from actbench.bench.workers.requests import call_of, timed_call

ROOT = Path(__file__).resolve().parents[3]
_CASE = Case("numpy", "prelu", "where", "eager", "both", "cpu", "float32", 1024, 1)


def test_it_needs_the_standard_library_alone() -> None:
    """So that nothing is imported before a process has read its floating-point environment."""
    code = "import sys, actbench.bench.worker.protocol; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_requests_and_answers_arrive_as_they_were_sent() -> None:
    bits = np.arange(8, dtype=np.uint32).reshape(2, 4)
    sent = InArm("candidate", Evaluate(call_of(_CASE, 4), bits))
    came = pickle.loads(pickle.dumps(sent))
    assert came.arm == "candidate"
    assert came.request.call == sent.request.call  # type: ignore[attr-defined]
    np.testing.assert_array_equal(came.request.bits, bits)
    failure = Failure(Status.OOM, "64 GiB")
    assert pickle.loads(pickle.dumps(failure)) == failure
    timed = timed_call(_CASE, 3)
    assert pickle.loads(pickle.dumps(timed)) == timed
    with pytest.raises(AttributeError):
        timed.seed = 4  # type: ignore[misc]


def test_every_request_has_somebody_who_answers_it() -> None:
    kinds = {kind for kind in vars(protocol).values() if _is_request(kind)}
    worker, pair = object.__new__(Worker), object.__new__(Pair)
    answered = {*worker.operations, *pair.operations, *questions(Start("numpy", "cpu", 1, (0,)))}
    assert kinds - answered == {protocol.Pin, protocol.Count}, "answered by serving, instructions"


def _is_request(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Request) and kind is not Request


def test_a_parent_of_another_tree_is_refused() -> None:
    here, there = Pipe()
    assert received(there, "another version") is None
    number, failure = here.recv()
    assert number == 0
    assert isinstance(failure, Failure)
    assert failure.status is Status.ERROR
    assert "run it again" in failure.reason
    start = Start("numpy", "cpu", 1, (0,))
    here.send((0, start))
    assert received(there, protocol.VERSION) == start


class _Asked(Request[int]):
    """One that is answered here."""


class _Unknown(Request[int]):
    """One that nobody answers."""


def test_what_fails_is_answered_and_the_worker_serves_on() -> None:
    here, there = Pipe()
    numbers = iter([1])
    serving = Thread(target=serve, args=(there, {_Asked: lambda _: next(numbers)}))
    serving.start()
    answers = []
    for number, request in enumerate((_Unknown(), _Asked(), _Asked())):
        here.send((number, request))
        answered, answer = here.recv()
        assert answered == number
        answers.append(answer)
    here.close()
    serving.join(10)
    assert not serving.is_alive()
    unknown, answer, exhausted = answers
    assert (unknown.status, answer) == (Status.ERROR, 1)
    assert exhausted.status is Status.ERROR
    assert exhausted.reason.startswith("StopIteration: no message, raised in ")


class _OutOfMemoryError(Exception):
    """As PyTorch's, whose name alone says what it is."""


_OutOfMemoryError.__name__ = "OutOfMemoryError"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Refused("late"), Failure(Status.REFUSED, "late")),
        (Recompiled("again"), Failure(Status.REFUSED, "again")),
        (NothingToTime("nothing"), Failure(Status.UNSUPPORTED, "nothing")),
        (Unusable("no array"), Failure(Status.UNSUPPORTED, "no array")),
        (MemoryError(), Failure(Status.OOM, "MemoryError: ")),
        (_OutOfMemoryError("8 GiB"), Failure(Status.OOM, "OutOfMemoryError: 8 GiB")),
        (
            RuntimeError("RESOURCE_EXHAUSTED: 8 GiB\nmore"),
            Failure(Status.OOM, "RuntimeError: RESOURCE_EXHAUSTED: 8 GiB"),
        ),
        (ValueError("one\ntwo"), Failure(Status.ERROR, "ValueError: one")),
        (ValueError("x" * 1000), Failure(Status.ERROR, f"ValueError: {'x' * 300}")),
    ],
)
def test_an_exception_has_a_status_and_one_line_of_reason(
    error: Exception, failure: Failure
) -> None:
    assert failure_of(error) == failure
