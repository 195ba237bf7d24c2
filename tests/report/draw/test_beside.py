"""A task beside other work: its result, its errors, and a fork that dies."""

from __future__ import annotations

import os
import signal

import pytest

from actbench.report.draw.beside import beside


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


@pytest.mark.usefixtures("two_cpus")
def test_a_result_comes_from_another_process() -> None:
    waiting = beside(lambda: (os.getpid(), "drawn" * 100_000))
    process, text = waiting()
    assert process != os.getpid()
    assert text == "drawn" * 100_000


@pytest.mark.usefixtures("two_cpus")
def test_what_a_task_raises_is_raised_where_its_result_is_asked_for() -> None:
    def task() -> None:
        raise ValueError("no such row")

    with pytest.raises(ValueError, match="no such row"):
        beside(task)()


@pytest.mark.usefixtures("two_cpus")
def test_a_fork_that_dies_costs_nothing_but_time() -> None:
    here = os.getpid()

    def task() -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done here"

    assert beside(task)() == "done here"


def test_one_cpu_does_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert beside(os.getpid)() == os.getpid()
