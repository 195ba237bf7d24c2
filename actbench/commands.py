"""The commands of the harness and of the report, together."""

from .bench.commands import cli, main
from .report.commands.chart import chart
from .report.commands.history import history
from .report.commands.page import report
from .report.commands.site import site

__all__ = ["cli", "main"]

cli.add_command(chart)
cli.add_command(history)
cli.add_command(report)
cli.add_command(site)
