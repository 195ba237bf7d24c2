"""Run a module of this package in any interpreter: `python -P start.py MODULE ARGUMENTS…`.

The package is found by where this file lies. No folder is added to the path, so that neither the
packages of the parent's interpreter nor a user's folder called bench/ come in the way.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

_NAME = "actbench"


def main(module: str) -> None:
    """Import the package by its place and run one of its modules as the main program."""
    folder = Path(__file__).absolute().parents[2]
    place = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        _NAME, place, submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    runpy.run_module(f"{_NAME}.{module}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    del sys.argv[0]
    main(sys.argv[0])
