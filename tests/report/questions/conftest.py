"""What the tests of the questions share: made-up cases, and what a command would measure."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from bench.cases import PROFILES, Case, Selection, expand

_FIELDS = {
    "--framework": "frameworks",
    "--activation": "activations",
    "--form": "forms",
    "--mode": "modes",
    "--direction": "directions",
    "--device": "devices",
    "--dtype": "dtypes",
    "--size": "sizes",
    "--threads": "threads",
    "--output": "outputs",
    "--cache": "caches",
}


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """Makes a case: native, eager, forward, float32, in cache on one thread of the CPU."""

    def make(name: str, framework: str = "torch", **changes: Any) -> Case:
        fields: dict[str, Any] = {"form": "native", "mode": "eager", "direction": "forward"}
        fields |= {"device": "cpu", "dtype": "float32", "size": 65536, "threads": 1, **changes}
        return Case(framework, name, **fields)

    return make


@pytest.fixture
def planned() -> Callable[[str], list[Case]]:
    """The cases that a command would measure; fails where it is not valid."""

    def plan(command: str) -> list[Case]:
        words = shlex.split(command)
        assert words[:4] == ["python", "-m", "bench", "run"]
        chosen: dict[str, list[str]] = {}
        for option, value in zip(words[4::2], words[5::2], strict=True):
            if option != "--only":
                chosen.setdefault(_FIELDS[option], []).append(value)
        selection: dict[str, Any] = {field: tuple(values) for field, values in chosen.items()}
        return expand(PROFILES["standard"], Selection(**selection))

    return plan
