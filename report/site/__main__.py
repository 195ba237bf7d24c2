"""`python -m report.site`, in the source tree: the same as `actbench site`."""

import sys

from actbench.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["site", *sys.argv[1:]]))
