"""The variables that choose code, what of them is kept, and that nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.bench.host import environment
from actbench.bench.host.environment import FEATURES, Environment

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name",
    [
        *("XLA_FLAGS", "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
        *("MKL_NUM_THREADS", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA"),
        *("DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"),
        *("NPY_DISABLE_CPU_FEATURES", "KMP_AFFINITY", "LD_PRELOAD", "LD_LIBRARY_PATH"),
        *("TORCHINDUCTOR_CPP_MARCH", "CUDA_VISIBLE_DEVICES", "GLIBC_TUNABLES"),
    ],
)
def test_what_chooses_code_is_kept(name: str) -> None:
    assert environment.choosing({name: "x", "HOME": "/root"}) == {name: "x"}


@pytest.mark.parametrize(
    "name", ["HOME", "PATH", "TF_TOKEN_app", "TF_CLI_CONFIG_FILE", "TORCHINDUCTOR_CACHE_DIR"]
)
def test_nothing_else_is(name: str) -> None:
    assert environment.choosing({name: "x"}) == {}


def test_bytes_that_are_no_text_and_folders_of_caches_are_left_out() -> None:
    given = {"XLA_FLAGS": "--dir=/home/me/.cache/actbench/jax", "LD_PRELOAD": os.fsdecode(b"\xff")}
    assert environment.choosing(given) == {
        "LD_PRELOAD": "\\xff",
        "XLA_FLAGS": "--dir=actbench/jax",
    }


def test_features_that_numpy_was_told_to_leave_alone_are_not_in_use() -> None:
    code = "from actbench.bench.host import environment\nimport numpy\n"
    code += "print(*environment.features())"

    def seen(**variables: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **variables},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return set(done.stdout.split())

    every = seen()
    dispatched = sorted(every & {"AVX512_SKX", "X86_V4", "AVX2", "X86_V3", "ASIMDHP"})
    if not dispatched:
        pytest.skip("this CPU has nothing that NumPy dispatches by and can leave alone")
    fewer = next(name for name in reversed(dispatched))
    assert fewer not in seen(NPY_DISABLE_CPU_FEATURES=fewer)


def test_the_parts_are_texts_by_name() -> None:
    chosen = Environment({"XLA_FLAGS": "a"}, ("SSE", "AVX2"))
    assert chosen.parts == {"XLA_FLAGS": "a", FEATURES: "SSE AVX2"}
    assert Environment().parts == {}
