"""`actbench`, in the source tree: the same as `actbench`."""

import sys

from actbench.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
