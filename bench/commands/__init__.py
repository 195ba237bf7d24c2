"""The command line: a file per command."""

from .command_line import main

__all__ = ["main"]
