"""References of a user's own: values, slopes and kinks, and what happens when they fail."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog import own_reference
from actbench.bench.catalog.activations import Activation, find_reference
from actbench.bench.catalog.own_reference import ReferenceFailed
from actbench.bench.exactness import reference
from actbench.bench.host.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
_MODULE = """
import math
import os
import time

import mpmath
import numpy as np
from flint import arb


def gelu(x):
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def dgelu(x):
    bell = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2 + x * bell


def gelu_of_balls(x):
    return _half(x * (-x / arb(2).sqrt()).erfc())


def _half(x):
    return x / 2


def methods_alone(x):
    return (-x).exp()


relu = lambda x: max(x, mpmath.mpf(0))
relu6 = lambda x: min(max(x, mpmath.mpf(0)), mpmath.mpf(6))
log = lambda x: mpmath.log(x)
over = lambda x: 1 / x
cancels = lambda x: 1 + mpmath.exp(x) - 1
mean = lambda x: x / (1 - mpmath.exp(-x))
floats = lambda x: math.erf(float(x))
raises = lambda x: print("loud") or {}[x]
crashes = lambda x: os._exit(3) if x > 1 else x
hangs = lambda x: time.sleep(1000) if x > 1 else x


def tanh(x):
    return np.tanh(x)


number = 3
"""
Named = Callable[..., Activation]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Named]:
    """A function that names one of the module above and finds it."""
    (tmp_path / "exactly.py").write_text(_MODULE, encoding="utf-8")
    (tmp_path / "bench").mkdir()  # the user's own
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(own_reference.VARIABLE, "")
    monkeypatch.setattr(own_reference, "SECONDS", 20.0)
    made: list[own_reference.OwnReference] = []
    start = own_reference.OwnReference.__init__

    def kept(self: own_reference.OwnReference, label: str) -> None:
        made.append(self)
        start(self, label)

    monkeypatch.setattr(own_reference.OwnReference, "__init__", kept)
    find_reference.cache_clear()

    def find(function: str, gradient: str = "") -> Activation:
        own_reference.name(f"exactly:{function}", gradient and f"exactly:{gradient}")
        find_reference.cache_clear()
        return find_reference(f"exactly:{function}")

    yield find
    find_reference.cache_clear()
    for process in made:
        process.close()


X = np.array(
    [-math.inf, -1e30, -6.0, -1.0, -(2.0**-24), -0.0, 0.0, 0.75, 3.0, 50.0, 1e30, math.inf]
)
SAME = {
    ("gelu", ""): "gelu",
    ("gelu", "dgelu"): "gelu",
    ("gelu_of_balls", ""): "gelu",
    ("methods_alone", ""): "exp(-x)",
    ("cancels", ""): "exp(x)",
    ("over", ""): "divide",
}


@pytest.mark.parametrize(("function", "gradient"), SAME)
def test_it_is_worth_what_the_catalogue_has(named: Named, function: str, gradient: str) -> None:
    """At ±∞, at poles and at both zeros as well; the derivative given or found."""
    own, other = named(function, gradient), find_reference(SAME[function, gradient])
    assert (own.kinks(), own.domain) == ((), "all")
    for direction in ("forward", "backward"):
        found, wanted = (reference.exact_values(record, direction, X) for record in (own, other))
        assert np.array_equal(found.values, wanted.values, equal_nan=True), direction


def test_kinks_are_found_among_the_halves(named: Named) -> None:
    assert named("relu6").kinks() == (0.0, 6.0)
    found = reference.exact_values(named("relu"), "backward", np.array([-1.0, 0.0, 2.0]))
    assert (found.values[0], found.values[2]) == (0.0, 1.0)
    assert (found.lowest[1], found.highest[1]) == (0.0, 1.0)


def test_what_has_no_value_has_none_and_a_removable_gap_has_its_limit(named: Named) -> None:
    assert named("log").domain == "positive"
    values = reference.exact_values(named("log"), "forward", np.array([-2.0, 0.0, 1.0])).values
    assert np.array_equal(values, [math.nan, -math.inf, 0.0], equal_nan=True)
    mean = named("mean")
    assert reference.exact_values(mean, "forward", np.zeros(1)).values == 1.0
    assert reference.exact_values(mean, "backward", np.zeros(1)).values == 0.5


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("floats", "exactly:floats returns a float: compute with mpmath's functions"),
        ("raises", "KeyError"),
        ("crashes", "exactly:crashes at 2: its process ended with exit status 3"),
        ("hangs", "exactly:hangs at 2: no answer in 2 s"),
    ],
)
def test_what_fails_says_where_and_goes_on(
    named: Named, monkeypatch: pytest.MonkeyPatch, function: str, sentence: str
) -> None:
    if function == "hangs":
        monkeypatch.setattr(own_reference, "SECONDS", 2.0)
    with pytest.raises(ReferenceFailed, match=sentence):
        reference.exact_values(named(function), "forward", np.array([2.0]))
    if function in ("hangs", "crashes"):
        monkeypatch.setattr(own_reference, "SECONDS", 20.0)
        own = find_reference(f"exactly:{function}")
        assert reference.exact_values(own, "forward", np.array([0.5])).values == 0.5


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("nothing", "exactly has no function nothing"),
        ("number", "exactly has no function number"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(named: Named, function: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=f"--reference exactly:{function}: {sentence}"):
        named(function)


def test_a_name_in_a_stored_run_runs_nothing(named: Named) -> None:
    with pytest.raises(UsageError, match="unknown activation"):
        find_reference("os:getcwd")


@pytest.mark.slow
def test_agree_certifies_against_it(named: Named, tmp_path: Path) -> None:
    done = [
        subprocess.run(
            [
                *(sys.executable, "-m", "actbench", "agree", "--callable", "exactly:tanh"),
                *("--reference", of, "--dtype", "float16", "--range", "1.99", "2.02", "--json"),
                *("--out", str(tmp_path / of.replace(":", "-"))),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
        )
        for of in ("exactly:gelu_of_balls", "exactly:hangs_not")
    ]
    own, gone = done
    assert own.returncode == 0, own.stderr
    [certificate] = json.loads(own.stdout)["certificates"]
    assert certificate["tested"] == certificate["not_correctly_rounded"] == 21
    assert certificate["max_ulp"] > 900  # the other function is 1.95 at 2, and this one 0.96
    assert gone.returncode == 2
    assert gone.stderr.startswith("error: --reference exactly:hangs_not: exactly has no function")
