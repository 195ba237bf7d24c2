"""The harness beside a bare paired loop, for six cases: do both say the same cost over relu?

    python -m tools.bare_loop --processes 6

The loop (`LOOP`) knows nothing of this project: it calls two functions in turn, in batches of half
a millisecond, in a fresh process each time. Two costs agree if they differ by no more than both
intervals together allow.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from actbench.bench.catalog.cases import Case
from actbench.bench.compare.coverage import Cell, cells
from actbench.bench.host.cpus import measuring_cpus
from actbench.bench.run.reading import load
from actbench.bench.timing.ratios import common_spread
from actbench.bench.words import Table

SIZE = 2**15
LOOP = """
import math, os, statistics, time
os.sched_setaffinity(0, {cpus})
import numpy as np
given = np.random.default_rng(0).standard_normal(({size} // 256, 256), dtype=np.float32)
{setup}

def batch(step, loops):
    started = time.perf_counter_ns()
    for _ in range(loops):
        step()
    return (time.perf_counter_ns() - started) / loops

def calls(step):
    batch(step, 20)
    return max(1, round(500_000 / batch(step, 20)))

sides = {{case: calls(case), unit: calls(unit)}}
logs = []
for block in range(24):
    taken = {{}}
    for step in ((case, unit), (unit, case))[block % 2]:
        batch(step, max(1, sides[step] // 8))
        taken[step] = batch(step, sides[step])
    logs.append(math.log(taken[case] / taken[unit]))
print(statistics.median(logs))
"""
_TORCH = (
    "import torch; torch.set_num_threads(1); x = torch.from_numpy(given); f = torch.nn.functional"
)
_JAX = "import jax, jax.numpy as jnp; x = jnp.asarray(given)"


@dataclass(frozen=True)
class Subject:
    """A case, and the lines that define `case` and `unit` for the bare loop.

    `unit` is the form of relu that those lines write out.
    """

    framework: str
    mode: str
    activation: str
    form: str
    unit: str
    setup: str

    @property
    def case(self) -> Case:
        """The case as the harness has it."""
        return Case(
            *(self.framework, self.activation, self.form, self.mode, "forward"),
            *("cpu", "float32", SIZE, 1),
        )


SUBJECTS = (
    Subject(
        *("numpy", "eager", "tanh", "native", "abs"),
        "case, unit = lambda: np.tanh(given), lambda: (given + np.abs(given)) / 2",
    ),
    Subject(
        *("numpy", "eager", "squareplus", "textbook", "abs"),
        "case = lambda: (given + np.sqrt(given * given + 4)) / 2\n"
        "unit = lambda: (given + np.abs(given)) / 2",
    ),
    Subject(
        *("torch", "eager", "gelu", "native", "native"),
        f"{_TORCH}\ncase, unit = lambda: f.gelu(x), lambda: f.relu(x)",
    ),
    Subject(
        *("torch", "compiled", "gelu", "native", "native"),
        f"{_TORCH}\ngelu = torch.compile(lambda x: f.gelu(x))\n"
        "relu = torch.compile(lambda x: f.relu(x))\n"
        "case, unit = lambda: gelu(x), lambda: relu(x)",
    ),
    Subject(
        *("jax", "compiled", "silu", "native", "native"),
        f"{_JAX}\nsilu, relu = jax.jit(jax.nn.silu), jax.jit(jax.nn.relu)\n"
        "case = lambda: silu(x).block_until_ready()\nunit = lambda: relu(x).block_until_ready()",
    ),
    Subject(
        *("tensorflow", "eager", "elu", "native", "native"),
        "import tensorflow as tf; tf.config.threading.set_intra_op_parallelism_threads(1)\n"
        "x = tf.constant(given)\ncase, unit = lambda: tf.nn.elu(x), lambda: tf.nn.relu(x)",
    ),
)


def bare(subject: Subject, processes: int) -> list[float]:
    """The log ratio of a case to relu in fresh processes of the bare loop."""
    code = LOOP.format(cpus=measuring_cpus(1), size=SIZE, setup=subject.setup)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-c", code]
    return [
        float(
            subprocess.run(
                command, env=os.environ | quiet, capture_output=True, text=True, check=True
            ).stdout.split()[-1]
        )
        for _ in range(processes)
    ]


def harness(subject: Subject, processes: int, folder: Path) -> tuple[Cell, str]:
    """The cost of a case as `actbench run` measures it, and the form of relu that is its unit."""
    case = subject.case
    out = folder / f"{case.framework}-{case.mode}-{case.activation}"
    options = {
        "framework": case.framework,
        "activation": case.activation,
        "form": case.form,
        "mode": case.mode,
        "direction": "forward",
        "dtype": "float32",
        "size": SIZE,
        "epochs": processes,
        "budget": 0,
        "only": "timing",
        "out": out,
    }
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "actbench", "run", *given, "--json"]
    subprocess.run(command, capture_output=True, check=True)
    records = load(out).records
    (unit,) = {row.against.form for row in records if row.case == case and row.against}
    return cells(records)[case], unit


def cell_of(case: Case, logs: list[float], spread_of: list[list[float]]) -> Cell:
    """A cost from the log ratios of several processes, with an interval as in the harness."""
    estimate = common_spread(spread_of).ratio(logs).interval(0.05)
    return Cell(case, estimate.value, estimate.low, estimate.high)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--processes", type=click.IntRange(2), default=6, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(processes: int, as_json: bool) -> None:
    """Measure six cases both ways; exit 1 where one of them does not agree."""
    logs = {subject: bare(subject, processes) for subject in SUBJECTS}
    rows, agree = [], True
    with tempfile.TemporaryDirectory() as folder:
        for subject in SUBJECTS:
            ours, unit = harness(subject, processes, Path(folder))
            loop = cell_of(subject.case, logs[subject], list(logs.values()))
            agrees = unit == subject.unit and ours.agrees(loop)
            why = f", its unit is {unit}" if unit != subject.unit else ""
            verdict = "yes" if agrees else f"no{why}"
            agree &= agrees
            who = f"{subject.framework} {subject.mode} {subject.activation}"
            rows.append((who, _words(ours), _words(loop), verdict))
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo("\n".join(Table(("case", "actbench", "bare loop", "agree"), rows).markdown()))
    sys.exit(not agree)


def _words(cell: Cell) -> str:
    half = (math.log(cell.high) - math.log(cell.low)) / 2
    return f"{cell.value:.3g} ±{half:.1%}"


if __name__ == "__main__":
    main()
