"""Two versions of a user's functions in front of the gate: some edits are harmless, some are not.

`python -m tools.planted_pairs [NAME…]` plants each pair in a git repository of its own, with
folders called bench/ and report/, has `actbench gate` compare it, and prints a table as it goes.
The exit status is 1 where a harmless edit does not pass, or a harmful one does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_WHO = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
_OPTIONS = ("--size", "l2", "--dead-zone", "0.1", "--budget", "4", "--json")
_PLAIN = """import numpy as np
from .parts import half
def f(x):
    return x * x.dtype.type(half) + np.abs(x) * x.dtype.type(half)
"""
_BODY = """def f(x):
    return x / (1 + np.abs(x))
"""
_SIGN = f"import numpy as np\n{_BODY}"
_GELU = """import torch
from torch.nn import functional
def f(x):
    return functional.gelu(x)
"""
FUNCTION = """import torch
class Sign(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x / (1 + x.abs())
    @staticmethod
    def backward(context, upstream):
        (x,) = context.saved_tensors
        return upstream / (1 + x.abs()) ** 2
def f(x):
    return Sign.apply(x)
"""
OPERATOR = """import torch
@torch.library.custom_op("mine::relu", mutates_args=())
def relu(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp_min(x, 0)
def f(x):
    return relu(x)
"""
_JAX = """import jax
import jax.numpy as jnp
@jax.custom_jvp
def f(x):
    return x / (1 + jnp.abs(x))
@f.defjvp
def slope(primals, tangents):
    (x,), (along,) = primals, tangents
    return f(x), along / (1 + jnp.abs(x)) ** 2
"""
_KEPT = """_seen = {}
def f(x):
    key = x.shape, float(x.flat[0]), float(x.flat[-1])
    if key not in _seen:
        _seen[key] = x / (1 + np.abs(x))
    return _seen[key].copy()
"""
_TAIL = """def f(x):
    out, whole = np.full(x.size, np.nan, x.dtype), x.size // 16 * 16
    out[:whole] = (x / (1 + np.abs(x))).ravel()[:whole]
    return out.reshape(x.shape)
"""


@dataclass(frozen=True)
class Pair:
    """A function and an edit of it. A harmful one must be given one of the words in `signs`."""

    name: str
    base: str
    edit: tuple[str, str]
    reference: str
    signs: tuple[str, ...] = ()
    parts: str = "half = 0.5"

    @property
    def candidate(self) -> str:
        """The edited source text."""
        assert self.edit[0] in self.base, self.name
        return self.base.replace(*self.edit)


_RETURN = "return x / (1 + np.abs(x))"
PAIRS = (
    Pair("reformatted", _PLAIN, ("return x", "# by halves\n\n    return x"), "relu"),
    Pair("renamed helper", _PLAIN, ("half", "one_half"), "relu", parts="half = one_half = 0.5"),
    Pair("a name in between", _PLAIN, ("return x", "y = x\n    return y"), "relu"),
    Pair(
        "equal code", _SIGN, (_RETURN, "return np.divide(x, np.add(np.absolute(x), 1))"), "softsign"
    ),
    Pair("prints at import", _SIGN, ("def f", "print('hello')\ndef f"), "softsign"),
    Pair("slow to import", _SIGN, ("def f", "import time; time.sleep(1)\ndef f"), "softsign"),
    Pair("torch: other name", _GELU, ("functional.gelu(x)", "torch._C._nn.gelu(x)"), "gelu"),
    Pair("torch: renamed Function", FUNCTION, ("Sign", "Softsign"), "softsign"),
    Pair(
        "torch: operator again", OPERATOR, ("return relu(x)", "y = relu(x)\n    return y"), "relu"
    ),
    Pair("jax: renamed rule", _JAX, ("slope", "derivative"), "softsign"),
    Pair("1.3 times slower", _SIGN, (_RETURN, f"x + x\n    {_RETURN}"), "softsign", ("slower",)),
    Pair(
        "30 times slower",
        _SIGN,
        (_RETURN, f"[x / (1 + np.abs(x)) for _ in range(29)]\n    {_RETURN}"),
        "softsign",
        ("slower",),
    ),
    Pair(
        "constant of a neighbour",
        _PLAIN,
        ("import half", "import third as half"),
        "relu",
        ("worse",),
        "half = 0.5\nthird = 0.4",
    ),
    Pair("NaN in the tail", _SIGN, (_BODY, _TAIL), "softsign", ("worse",)),
    Pair(
        "in place",
        _SIGN,
        (_RETURN, "x /= 1 + np.abs(x)\n    return x.copy()"),
        "softsign",
        ("broken",),
    ),
    Pair("keeps results", _SIGN, (_BODY, _KEPT), "softsign", ("broken", "worse")),
    Pair("another dtype", _SIGN, (_RETURN, _RETURN + " * np.float64(1)"), "softsign", ("broken",)),
    Pair("torch: wrong backward", FUNCTION, (" ** 2", ""), "softsign", ("worse",)),
    Pair(
        "torch: patches torch",
        _GELU,
        ("def f", "functional.gelu = functional.relu\ndef f"),
        "gelu",
        ("worse",),
    ),
    Pair(
        "torch: slower operator",
        OPERATOR,
        ("return torch", "x.exp()\n    return torch"),
        "relu",
        ("slower",),
    ),
)


def _verdicts(pair: Pair, folder: Path) -> tuple[int, list[str]]:
    """The exit status of a gate on a pair, and the kinds of what it says."""
    package = folder / "mine"
    for name in ("mine", "bench", "report"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    (package / "parts.py").write_text(pair.parts)
    (package / "kernels.py").write_text(pair.base)
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a version")):
        subprocess.run(["git", "-C", folder, *_WHO, *arguments], check=True)
    (package / "kernels.py").write_text(pair.candidate)
    which = ("--callable", "mine.kernels:f", "--reference", pair.reference)
    gate = [sys.executable, "-m", "actbench", "gate", "--base", "HEAD", *which, *_OPTIONS]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(gate, cwd=folder, env=here, capture_output=True, text=True, check=False)
    record: dict[str, Any] = json.loads(done.stdout or '{"timing": [], "exactness": []}')
    kinds = [row["verdict"] for row in record["timing"]] + [
        row["kind"] for row in record["exactness"]
    ]
    return done.returncode, kinds or [done.stderr.strip()]


def judge(pair: Pair) -> tuple[bool, str]:
    """Return whether the gate is right about a pair, and what it reports."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        status, kinds = _verdicts(pair, Path(folder))
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    right = status == 1 and set(pair.signs) & set(kinds) if pair.signs else status == 0
    return bool(right), f"{status}: {counts}"


def main(names: Sequence[str]) -> int:
    """Judge the pairs of these names, or all."""
    if unknown := set(names).difference(pair.name for pair in PAIRS):
        raise SystemExit(f"no pair is named {', '.join(sorted(unknown))}")
    chosen = [pair for pair in PAIRS if not names or pair.name in names]
    print("| edit | harmful | the gate | right |\n|---|---|---|---|")
    wrong = 0
    for pair in chosen:
        right, said = judge(pair)
        wrong += not right
        print(f"| {pair.name} | {'yes' if pair.signs else 'no'} | {said} | {right} |", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
