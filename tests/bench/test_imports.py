"""The direction of imports: no framework in the parent, no implementation in another."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.bench.catalog.frameworks import IMPLS, frameworks

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (*sorted({*frameworks()} - {"numpy"}), "jaxlib", "keras", "actbench.impls")
PARENT = sorted(
    "actbench." + ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "bench").rglob("*.py")
    if "worker/" not in str(path)
    and path.stem not in ("__main__",)
    and not path.stem.startswith("test_")
)


def test_the_parent_imports_no_framework() -> None:
    code = f"import importlib, sys\nfor name in {PARENT!r}: importlib.import_module(name)\n"
    code += f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("name", list(frameworks()))
def test_no_implementation_imports_another(name: str) -> None:
    others = {*frameworks()} - {"numpy", name}
    for imported in _imported(IMPLS / f"{name}.py"):
        assert imported.split(".")[0] not in others, imported
        assert not imported.startswith(".") or imported in ("._adapter", f"._{name}_kernels")
        assert imported.split(".")[0] not in ("actbench", "bench", "report", "impls")


def test_the_worker_needs_numpy_and_its_framework_only() -> None:
    code = "import sys, actbench.bench.worker.operations\n"
    code += "print(sorted({'click', 'rich', 'pandas', 'flint', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
