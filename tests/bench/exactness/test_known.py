"""Exact values of all 16-bit inputs: right ones, the names of their files, and damage."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import Activation, find
from actbench.bench.exactness import known, reference
from actbench.bench.host import cache, temporary
from actbench.bench.host.progress import Reporter

ROOT = Path(__file__).resolve().parents[3]
Array = np.ndarray[Any, Any]

# In float64 these are exact at every float16 number, but for root and quotient, rounded twice: that
# does no harm where the wider format has more than twice the digits (Figueroa 1995).
ALGEBRAIC: dict[str, Callable[[Array], Array]] = {
    "add": lambda x: x + 0.5,
    "multiply": lambda x: 1.5 * x,
    "absolute": np.abs,
    "sqrt": np.sqrt,
    "divide": lambda x: 1 / x,
    "squared_relu": lambda x: np.maximum(x, 0) ** 2,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "actbench" / "exact"


@pytest.mark.parametrize("label", ALGEBRAIC)
def test_float16_is_rounded_as_numpy_rounds(label: str, folder: Path) -> None:
    x = inputs.from_bits(known.all_inputs("float16"), "float16")
    with np.errstate(all="ignore"):
        values = ALGEBRAIC[label](x)
        expected = values.astype(np.float16)
    found = known.known(label, "forward", "float16")
    rounded = found.rounded.view(np.float16)
    same = (rounded == expected) | (np.isnan(rounded) & np.isnan(expected))
    assert np.array_equal(same, np.ones(2**16, bool)), x[~same][:3]
    number = np.isfinite(values) & (values != 0)
    exact = np.ldexp(found.exact.high, found.exact.exponent.astype(np.int32))
    assert np.abs(exact[number] / values[number] - 1).max() <= 2.0**-52


def test_bfloat16_is_rounded_once(folder: Path) -> None:
    """By the carry into the upper half of float32, which holds these sums exactly."""
    x = known.all_inputs("bfloat16").astype(np.uint32) << 16
    wide = x.view(np.float32)
    small = (np.abs(wide) < 2**15) & (np.abs(wide) > 2.0**-15)
    sums = (wide[small] + np.float32(0.5)).view(np.uint32)
    expected = (sums + 0x7FFF + (sums >> 16 & 1)) >> 16
    rounded = known.known("add", "forward", "bfloat16").rounded[small]
    assert np.array_equal(rounded, expected.astype(np.uint16))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_next_to_a_tie_arb_decides_and_zero_keeps_its_sign(dtype: str, folder: Path) -> None:
    """Gelu of the numbers next to 0 is a hair more than half of them: in float64 just half."""
    found = known.known("gelu", "forward", dtype)
    assert found.rounded[[0x8001, 0x0001, 0x8003, 0x0003]].tolist() == [0x8000, 1, 0x8001, 2]


def test_a_gradient_has_both_slopes_at_a_kink(folder: Path) -> None:
    for _ in ("computed", "read"):
        found = known.known("leaky_relu", "backward", "bfloat16").exact
        kinks = np.flatnonzero(~np.isnan(found.lowest))
        assert kinks.tolist() == [0x0000, 0x8000]
        assert found.lowest[kinks].tolist() == [0.01, 0.01]
        assert found.highest[kinks].tolist() == [1.0, 1.0]


# --- names of files -------------------------------------------------------------------------------


def _named(activation: Activation, direction: str = "forward", dtype: str = "float16") -> str:
    return known.path_of(activation, direction, dtype).name


def test_another_function_parameter_direction_or_format_has_another_file(folder: Path) -> None:
    relu, half = find("relu"), 0.5
    offset = {amount: replace(relu, exact=lambda x, a=amount: x + a) for amount in (0.5, 0.25)}

    def shifted(by: float) -> Activation:
        return replace(relu, exact=lambda x: x + by)

    names = [
        _named(relu),
        _named(relu, "backward"),
        _named(relu, dtype="bfloat16"),
        _named(find("squareplus")),
        _named(find("squareplus(b=1)")),
        _named(replace(relu, exact=lambda x: x + 1)),
        _named(replace(relu, exact=lambda x: x + 2)),
        _named(replace(relu, exact=lambda x: x - 2)),
        _named(replace(relu, exact=lambda x: x.exp())),
        _named(replace(relu, exact=lambda x: x.log())),
        _named(replace(relu, exact=lambda x: [x + 1 for _ in range(2)])),
        _named(replace(relu, exact=lambda x: [x + 3 for _ in range(2)])),
        _named(shifted(half)),
        _named(shifted(0.25)),
        *map(_named, offset.values()),
    ]
    assert len(set(names)) == len(names)


def test_functions_in_closures_count_by_what_they_compute(folder: Path) -> None:
    def scaled(inner: Callable[[Any], Any]) -> Activation:
        return replace(find("relu"), exact=lambda x: inner(x))

    names = [
        _named(scaled(lambda x: x + 1)),
        _named(scaled(lambda x: x + 2)),
        _named(scaled(abs)),
    ]
    assert len(set(names)) == 3
    assert _named(scaled(lambda x: x + 1)) == names[0]


def test_the_same_has_the_same_file_in_another_process(folder: Path) -> None:
    labels = ["relu", "absolute", "squareplus(b=1)", "selu", "log1p", "hard_swish"]
    code = (
        "import sys; from actbench.bench.exactness import known\n"
        "from actbench.bench.catalog.activations import find\n"
        "for label in sys.argv[1:]: print(known.path_of(find(label), 'backward', 'float16').name)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code, *labels],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [_named(find(label), "backward") for label in labels]


# --- damage ---------------------------------------------------------------------------------------


def _count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Labels that were computed from now on."""
    computed: list[str] = []
    compute = known._compute

    def counted(activation: Activation, direction: str, dtype: str) -> tuple[Array, Array]:
        computed.append(activation.label)
        return compute(activation, direction, dtype)

    monkeypatch.setattr(known, "_compute", counted)
    return computed


def _empty(content: bytes) -> bytes:
    return b""


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _no_end(content: bytes) -> bytes:
    return content[:-1]


def _no_archive(content: bytes) -> bytes:
    return b"\x80\x04nothing"


def _zeros(content: bytes) -> bytes:
    return content[:200] + bytes(400) + content[600:]


@pytest.mark.parametrize("damage", [_empty, _half, _no_end, _no_archive, _zeros])
def test_a_damaged_file_is_made_again(
    damage: Callable[[bytes], bytes], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = _count(monkeypatch)
    first = known.known("relu", "forward", "float16")
    [file] = folder.iterdir()
    content = file.read_bytes()
    known.known("relu", "forward", "float16")
    assert computed == ["relu"]
    file.write_bytes(damage(content))
    again = known.known("relu", "forward", "float16")
    assert computed == ["relu", "relu"]
    assert np.array_equal(again.rounded, first.rounded)
    assert [each.name for each in folder.iterdir()] == [file.name]
    known.known("relu", "forward", "float16")
    assert computed == ["relu", "relu"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        known.known("relu", "forward", "float16")
        return known.path_of(find("relu"), "forward", "float16").read_bytes()


def _held(path: Path, content: bytes) -> Mapping[str, Array] | None:
    path.write_bytes(content)
    return known.read(path)


@given(st.data())
@settings(max_examples=50)
def test_a_file_with_any_bits_flipped_is_not_believed(kept: bytes, data: st.DataObject) -> None:
    flips = st.tuples(st.integers(0, len(kept) - 1), st.integers(0, 7))
    broken = bytearray(kept)
    for place, bit in data.draw(st.sets(flips, min_size=1, max_size=3)):
        broken[place] ^= 1 << bit
    with TemporaryDirectory() as folder:
        path = Path(folder, _named(find("relu")))
        assert _held(path, kept) is not None
        assert _held(path, bytes(broken)) is None
        assert _held(path, bytes(broken)[: data.draw(st.integers(0, len(broken)))]) is None


def test_the_file_of_another_function_is_not_believed_and_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same layout, as somebody may have copied it."""
    right = known.known("relu", "forward", "float16")
    known.known("copy", "forward", "float16")
    path, other = (known.path_of(find(name), "forward", "float16") for name in ("relu", "copy"))
    assert capsys.readouterr().err == ""
    path.write_bytes(other.read_bytes())
    computed = _count(monkeypatch)
    assert np.array_equal(known.known("relu", "forward", "float16").rounded, right.rounded)
    assert computed == ["relu"]
    said = "".join(capsys.readouterr().err.split())
    assert "".join(f"note: {path} is not what was written there".split()) in said
    known.known("relu", "forward", "float16")
    assert (computed, capsys.readouterr().err) == (["relu"], "")


def test_a_full_disk_costs_nothing_but_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full answers every write as a full disk does."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    open_ = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, mode, *more: open_(full if "w" in mode else self, mode, *more)
    )
    found = known.known("relu", "forward", "float16")
    assert found.rounded[0x3C00] == 0x3C00
    monkeypatch.undo()
    assert not list(folder.iterdir())


def test_a_cache_that_cannot_be_a_folder_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "spare").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path / "spare"))
    monkeypatch.setattr(temporary, "_PLACES", ())
    computed = _count(monkeypatch)
    for _ in range(2):
        assert known.known("relu", "forward", "float16").rounded[0x3C00] == 0x3C00
    assert computed == ["relu"], "the spare folder keeps it"
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    monkeypatch.setattr(cache, "_forgotten", lambda: tmp_path / "spare")
    assert known.known("relu", "forward", "float16").rounded[0x3C00] == 0x3C00


# --- ahead of time --------------------------------------------------------------------------------


def test_only_what_is_missing_is_computed_ahead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.known("relu", "forward", "float16")
    [first] = folder.iterdir()
    written = first.stat().st_mtime_ns
    keys = [("relu", "forward", "float16"), ("copy", "forward", "float16")]
    known.prepare([*keys, *keys], Reporter(quiet=True))
    files = {each.name for each in folder.iterdir()}
    assert files == {first.name, _named(find("copy"))}
    assert first.stat().st_mtime_ns == written
    computed = _count(monkeypatch)
    known.prepare(keys, Reporter(quiet=True))
    known.known(*keys[1])
    assert computed == []


def test_a_process_that_dies_ahead_of_time_costs_nothing_but_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(ProcessPoolExecutor):
        def map(self, *_: Any, **__: Any) -> Any:
            return super().map(os._exit, [1])

    monkeypatch.setattr(known, "ProcessPoolExecutor", Dying)
    keys = [("relu", "forward", "float16"), ("copy", "forward", "float16")]
    known.prepare(keys, Reporter(quiet=True))
    assert known.known(*keys[0]).rounded[0x3C00] == 0x3C00


def test_values_that_were_read_are_those_that_arb_gives(folder: Path) -> None:
    """Through the file and back, at inputs of every binade."""
    known.known("silu", "forward", "bfloat16")
    found = known.known("silu", "forward", "bfloat16").exact
    places = known.all_inputs("bfloat16")[::97]
    x = inputs.from_bits(places, "bfloat16")
    exact = reference.exact_values(find("silu"), "forward", x)
    for i, place in enumerate(places):
        value = found.value(int(place))
        right = exact.in_binade[i]
        assert value == right or (np.isnan(value) and np.isnan(right))
