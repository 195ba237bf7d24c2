"""The command line: a file per command."""

from .command_line import cli, main

__all__ = ["cli", "main"]
