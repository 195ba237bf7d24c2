"""Free beside relu and a copy where data streams, and beside a compiled copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actbench.bench.results.rows import Row
from actbench.report.questions.free import fused, streaming
from actbench.report.read.evidence import Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]


def line(framework: str, mode: str, size: str, times: dict[str, float]) -> dict[Any, Any]:
    """Times within 1 %."""
    return {
        (framework, mode, name, size): (value, value * 0.99, value * 1.01)
        for name, value in times.items()
    }


STREAMING = {
    **line("torch", "compiled", "memory", {"relu": 100, "copy": 50, "gelu": 100, "silu": 300}),
    **line("jax", "compiled", "memory", {"relu": 100, "copy": 100, "gelu": 50, "silu": 101}),
}
STREAMING["jax", "compiled", "gelu", "memory"] = (100.0, 50.0, 150.0)


def test_free_is_what_is_shown_to_be_the_same(measured: Measured, planted: Planted) -> None:
    """gelu over relu is 1 ± 2 % in PyTorch and open in JAX; silu 3 in PyTorch, 1.01 in JAX."""
    found = streaming(measured(planted(STREAMING)))
    lead, over_relu, over_copy = found.sentences
    assert lead == (
        "Streaming from DRAM, 8,388,608 elements (2^23): shown to be free, within 5% of relu, is "
        "gelu in 1 of 2 settings and silu in 1 of 2."
    )
    same, open_ = (99 / 101, 101 / 99), (50 / 101, 150 / 99)
    dearer, near = (297 / 101, 303 / 99), (0.99 * 101 / 101, 1.01 * 101 / 99)
    assert over_relu == (
        f"Over relu, gelu: the same within 5% in 1 of 2 ({same[0]:.3f}–{same[1]:.2f}×), not told "
        f"apart in 1 ({open_[0]:.3f}–{open_[1]:.2f}×); silu: the same within 5% in 1 of 2 "
        f"({near[0]:.3f}–{near[1]:.2f}×), longer in 1 ({dearer[0]:.2f}–{dearer[1]:.2f}×)."
    )
    assert over_copy.startswith(
        f"Over a copy, relu: the same within 5% in 1 of 2 ({same[0]:.3f}–{same[1]:.2f}×), "
        f"longer in 1 ({99 / 50.5:.2f}–{101 / 49.5:.2f}×); gelu: "
    )
    assert [panel.label.split(":")[0] for panel in found.figures[0].panels] == [
        "Streaming, over relu",
        "Streaming, over a copy",
    ]


def test_nothing_shown_to_be_free_is_said_once(measured: Measured, planted: Planted) -> None:
    times = line("torch", "eager", "memory", {"relu": 100, "gelu": 200, "squareplus": 300})
    lead, *rest = streaming(measured(planted(times))).sentences
    assert lead.endswith("within 5% of relu, is none of gelu and squareplus in any setting.")
    assert len(rest) == 1


def test_in_cache_it_does_not_stream(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    times = line("torch", "eager", "l2", {"relu": 100, "copy": 50, "gelu": 100})
    found = streaming(measured(planted(times)))
    assert not found.measured
    wanted = {("torch", "eager", name, "memory") for name in ("gelu", "copy")}
    assert wanted <= measures(found.command)


def test_on_a_device_of_its_own_memory(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    found = streaming(measured(planted(STREAMING, device="cuda")))
    assert found.sentences[0].startswith("Streaming from the device's memory, 8,388,608 elements")
    assert "--device cuda" in found.command
    assert ("torch", "compiled", "gelu", "memory") in measures(found.command)


FUSED = {
    **line("torch", "compiled", "l2", {"copy": 100, "relu": 101, "gelu": 150}),
    **line("torch", "eager", "l2", {"copy": 1, "relu": 1, "gelu": 900}),
    **line("torch", "compiled", "memory", {"copy": 100, "gelu": 100}),
}


def test_fused_rests_on_compiled_code_alone(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    found = fused(measured(planted(FUSED)))
    assert found.sentences[:4] == (
        "In cache, 65,536 elements (2^16): shown to be free, within 5% of a compiled copy, is "
        "relu in 1 of 1 settings and gelu in none of 1.",
        f"Over that copy, relu: the same within 5% in 1 of 1 ({0.99 * 101 / 101:.3f}–"
        f"{1.01 * 101 / 99:.2f}×); gelu: longer in 1 of 1 ({148.5 / 101:.2f}–{151.5 / 99:.2f}×).",
        "Streaming from DRAM, 8,388,608 elements (2^23): shown to be free, within 5% of a "
        "compiled copy, is gelu in 1 of 1 settings.",
        f"Over that copy, gelu: the same within 5% in 1 of 1 ({99 / 101:.3f}–{101 / 99:.2f}×).",
    )
    assert "at most" in found.sentences[4]
    assert "No fused chain was timed." in found.sentences[4]
    chosen = measures(found.command)
    assert {key[1] for key in chosen} == {"compiled"}
    assert {key for key in FUSED if key[1] == "compiled"} <= chosen


def test_a_single_place_is_measured_again_beside_its_copy(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    """One size alone brings no copy along: only what has several sizes is split."""
    cached = {key: each for key, each in FUSED.items() if key[1] == "compiled" and key[3] == "l2"}
    assert set(cached) <= measures(fused(measured(planted(cached), "cache")).command)
    assert set(STREAMING) <= measures(streaming(measured(planted(STREAMING), "far")).command)


def test_without_compiled_code_nothing_is_said_of_fusing(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    eager = {key: time for key, time in FUSED.items() if key[1] == "eager"}
    found = fused(measured(planted(eager)))
    assert not found.measured
    wanted = {("torch", "compiled", name, "l2") for name in ("gelu", "copy")}
    assert wanted <= measures(found.command)
