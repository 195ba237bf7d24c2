"""A function of one's own in a worker: what it may be, and a sentence for everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.frameworks import declared, own
from actbench.bench.host.errors import UsageError
from actbench.bench.worker import own_function
from actbench.bench.worker.protocol import Call, Evaluate
from actbench.bench.workers.environment import Key
from actbench.bench.workers.process import Failed, Lost, WorkerProcess

_MODULE = """
import os
from dataclasses import dataclass
import numpy as np

number = 3

class Group:
    @staticmethod
    def twice(x):
        return 2 * x

@dataclass
class Doubled:
    times: int = 1
    def __call__(self, x):
        return x + x

def right(x):
    return x + x

def in_place(x):
    x *= 2
    return x

def as_list(x):
    return [[float(value) for value in x]]

def shorter(x):
    return x[:-1]

def wider(x):
    return x.astype(np.float64)

def failing(x):
    raise RuntimeError("no such luck\\nsecond line")

def dying(x):
    os.kill(os.getpid(), 9)

def ending(x):
    os._exit(3)

def talking(x):
    print("a line of its own", flush=True)
    return x + x

def dtype(x):
    return np.full_like(x, len(str(x.dtype)))

def strided(x):
    return np.stack([x + x, x], axis=-1)[..., 0]
"""

Start = Callable[[str], WorkerProcess]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a worker for a function of a module in a folder of PYTHONPATH."""
    (tmp_path / "mine.py").write_text(_MODULE)
    (tmp_path / "broken.py").write_text("import no_such_thing\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    running: list[WorkerProcess] = []

    def begin(name: str) -> WorkerProcess:
        framework, cpus = own(name, "relu"), sorted(os.sched_getaffinity(0))
        key = Key(framework.name, "cpu", 1)
        with declared(framework):
            running.append(WorkerProcess(key, sys.executable, cpus, tmp_path / "log"))
        return running[-1]

    yield begin
    for worker in running:
        worker.kill()


def _evaluate(worker: WorkerProcess, name: str, values: list[float], dtype: str = "float32") -> Any:
    bits = inputs.to_bits(np.array(values), dtype)
    call = Call(f"mine:{name}", dtype=dtype, output_share=1)
    [outputs] = worker.ask(Evaluate(call, bits), 60.0)
    return inputs.from_bits(outputs, dtype)


@pytest.mark.parametrize("name", ["right", "Group.twice", "Doubled", "talking", "strided"])
def test_a_vectorised_function_is_evaluated_in_every_format(start: Start, name: str) -> None:
    worker = start(f"mine:{name}")
    values = [1.5, -0.25, 0.0, np.inf]
    for dtype in ("float16", "float32", "float64", "bfloat16"):
        assert _evaluate(worker, name, values, dtype).tolist() == [3.0, -0.5, 0.0, np.inf]


def test_the_function_sees_arrays_of_the_format_itself(start: Start) -> None:
    """bfloat16 is a dtype of ml_dtypes, whose name has eight letters."""
    worker = start("mine:dtype")
    assert [_evaluate(worker, "dtype", [0.0], dtype)[0] for dtype in ("float16", "bfloat16")] == [
        7.0,
        8.0,
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "shorter",
            "returns an array of shape (2,) for one of shape (3,): it must",
        ),
        ("wider", "returns float64 for float32"),
        ("as_list", "returns a list, which is no array"),
        ("in_place", "writes to its input"),
        ("failing", "RuntimeError: no such luck"),
    ],
)
def test_what_is_no_vectorised_function_is_a_sentence_and_the_worker_lives(
    start: Start, name: str, sentence: str
) -> None:
    worker = start(f"mine:{name}")
    for _ in range(2):
        with pytest.raises(Failed) as failure:
            _evaluate(worker, name, [1.0, 2.0, 3.0])
        assert not isinstance(failure.value, Lost)
        assert failure.value.failure.reason.startswith(sentence)
        assert "\n" not in failure.value.failure.reason


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("dying", "the worker was killed by SIGKILL"), ("ending", "ended with exit status 3")],
)
def test_a_function_that_ends_its_process_is_told_from_one_that_fails(
    start: Start, name: str, sentence: str
) -> None:
    with pytest.raises(Lost, match=sentence):
        _evaluate(start(f"mine:{name}"), name, [1.0])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("elsewhere:f", "cannot import elsewhere: No module named 'elsewhere'; set PYTHONPATH"),
        ("broken:f", "cannot import broken: No module named 'no_such_thing'"),
        ("wrong:f", "SyntaxError"),
        ("mine:nothing", "mine has no function nothing"),
        ("mine:Group.thrice", "mine has no function Group.thrice"),
        ("mine:number", "mine has no function number"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(start: Start, name: str, sentence: str) -> None:
    with pytest.raises(Failed) as failure:
        start(name)
    assert sentence in failure.value.failure.reason
    assert "\n" not in failure.value.failure.reason


@pytest.mark.parametrize("name", ["mine", ":right", "mine:"])
def test_what_is_not_written_as_a_function_is_a_sentence(name: str) -> None:
    with pytest.raises(UsageError, match=f"cannot read '{name}': write it as package.module:func"):
        own(name)


def test_another_version_of_its_module_is_another_version_of_it(
    start: Start, tmp_path: Path
) -> None:
    first = start("mine:right").facts.versions["mine:right"]
    assert start("mine:in_place").facts.versions["mine:in_place"] == first
    (tmp_path / "mine.py").write_text(_MODULE + "\n")
    assert start("mine:right").facts.versions["mine:right"] != first


def test_its_version_follows_from_its_neighbours_whatever_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from one beside a folder of what is installed."""
    neighbour = tmp_path / "library" / "actbench_mine.py"
    neighbour.parent.mkdir()
    monkeypatch.setitem(sys.modules, "actbench_mine", ModuleType("actbench_mine"))
    sys.modules["actbench_mine"].__file__ = str(neighbour)
    monkeypatch.setattr(own_function, "installed", lambda: (str(tmp_path / "lib"),))
    versions = set()
    for text in ("number = 1", "number = 2"):
        neighbour.write_text(text)
        versions.add(own_function.digest("elsewhere:f"))
    assert len(versions) == 2


def test_a_module_in_the_current_folder_is_found(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(tmp_path)
    assert _evaluate(start("mine:right"), "right", [2.0]).tolist() == [4.0]
