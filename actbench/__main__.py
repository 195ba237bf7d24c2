"""`actbench`, `python -m actbench`: the commands of the harness and of the report."""

import signal
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Ctrl-C ends the process at once until the commands are there to hear it."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from .commands import main as run
    finally:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
