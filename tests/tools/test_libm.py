"""The C library as a yardstick: its published errors appear at their published inputs."""

from __future__ import annotations

import math
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find_reference
from actbench.bench.exactness import double
from actbench.bench.results.samples import Certificate
from tools import libm

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None, reason="no C compiler: apt-get install gcc"
)

# The worst of all 2³² inputs, and what Gladman and others give for glibc 2.36, in ulp.
PUBLISHED = {
    "expf": ("exp", "-0x1.ce651ep-8", 0.502),
    "logf": ("log", "0x1.060106p+0", 0.818),
    "sqrtf": ("sqrt", "0x1.fffffep-125", 0.500),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    libm._compiled.cache_clear()


def _certificate(name: str, reference: str, first: int, count: int) -> Certificate:
    bits = inputs.bits_at(first, count, "float32")
    with np.errstate(all="ignore"):
        got = getattr(libm, name)(bits.view(np.float32)).view(np.uint32)
    return double.examine(find_reference(reference), "forward", "float32", bits, got)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_error_is_located_where_it_is(name: str) -> None:
    """Among 40,000 inputs around the worst of all; another library may have another."""
    reference, worst, published = PUBLISHED[name]
    place = inputs.place_of(float.fromhex(worst), "float32")
    certificate = _certificate(name, reference, place - 20_000, 40_000)
    assert certificate.tested == 40_000
    assert certificate.max_ulp < 1
    if platform.libc_ver() == ("glibc", "2.36"):
        # As printed: the digits that are given are rounded up.
        assert published - 0.001 < certificate.max_ulp <= published
        assert certificate.worst is not None
        assert certificate.worst.x == float.fromhex(worst)


def test_a_root_is_correctly_rounded_and_has_no_value_below_zero() -> None:
    """IEEE 754 has it so."""
    for start in (0.0, -0.0, 2.0**-126, 1.0, math.inf, -math.inf):
        first = inputs.place_of(start, "float32") - 500
        certificate = _certificate("sqrtf", "sqrt", first, 1000)
        assert (certificate.not_correctly_rounded, certificate.nan_mismatches) == (0, 0), start
        assert certificate.max_ulp <= 0.5


def test_functions_are_those_of_the_c_library() -> None:
    x = np.array([0.5, -1.25, 30.0])
    assert libm.exp(x).tolist() == [math.exp(value) for value in x]
    assert libm.erf(x).tolist() == [math.erf(value) for value in x]
    assert libm.exp(x[::-2]).tolist() == [math.exp(30.0), math.exp(0.5)]
    assert libm.tanhf(x.astype(np.float32)).dtype == np.float32
    table = np.array([[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]])
    assert libm.sqrt(table.T).tolist() == np.sqrt(table.T).tolist()


def test_an_array_of_another_format_is_refused() -> None:
    """Eight bytes a number would be written where there are four."""
    with pytest.raises(TypeError, match=r"exp of math\.h takes float64, not float32"):
        libm.exp(np.zeros(3, np.float32))
    with pytest.raises(TypeError, match=r"expf of math\.h takes float32, not float64"):
        libm.expf(np.zeros(3))


def test_what_math_h_does_not_declare_is_no_attribute() -> None:
    for name in ("frobnicatef", "frobnicate", "_private", "__path__"):
        assert not hasattr(libm, name)


def test_without_a_compiler_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RuntimeError, match=r"no C compiler no-such-compiler: .*; set CC"):
        libm.cosf(np.zeros(1, np.float32))


def test_a_library_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libm.sinf(np.zeros(1, np.float32))
    libm._compiled.cache_clear()
    monkeypatch.setattr(libm.subprocess, "run", lambda *_, **__: pytest.fail("compiled again"))
    assert libm.sinf(np.zeros(1, np.float32)).tolist() == [0.0]
    assert len(list((tmp_path / "actbench" / "libm").iterdir())) == 1
