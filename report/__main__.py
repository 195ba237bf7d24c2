"""`python -m report RUN…`, in the source tree: the same as `actbench report`."""

import sys

from actbench.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
