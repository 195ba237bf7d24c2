"""`actbench` with sweeps in many small parts, so that one of 2^16 inputs takes a while."""

from __future__ import annotations

import sys

from actbench import __main__
from actbench.bench.exactness import ranges

ranges.STRETCH = 2**13

if __name__ == "__main__":
    sys.exit(__main__.main())
