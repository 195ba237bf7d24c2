"""Settings: the fields that compared cases share, in order and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import USUAL, Case
from ...bench.words import of_input
from ..words import counted, title

DIRECTIONS = ("forward", "backward", "both")
MODES = ("compiled", "eager")


@dataclass(frozen=True)
class Setting:
    """The fields that cases must share to be compared; a size of 0 stands for any."""

    run: str
    framework: str
    mode: str
    direction: str
    device: str
    dtype: str
    size: int
    threads: int
    output: str
    cache: str
    input: str
    shape: str
    row: int
    axis: int
    layout: str

    @property
    def usual(self) -> bool:
        """Return whether each call returns new memory and finds its input in the cache."""
        return (self.output, self.cache) == (USUAL["output"], USUAL["cache"])

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return f"{title(self.framework)} {self.mode}"

    @property
    def conditions(self) -> Setting:
        """The setting without framework, mode and size."""
        return replace(self, framework="", mode="", size=0)

    @property
    def order(self) -> tuple[int, str]:
        """The rank of a framework and mode: compiled first, then by title."""
        return rank(MODES, self.mode), title(self.framework).lower()

    @property
    def prominence(self) -> tuple[bool, bool, bool, int, int]:
        """The rank of conditions: forward in float32 on the CPU first, on usual inputs."""
        direction, unusual_input = rank(DIRECTIONS, self.direction), bool(of_input(self))
        dtype = self.dtype != "float32"
        return self.device != "cpu", unusual_input, dtype, direction, self.threads

    @property
    def words(self) -> str:
        """The conditions in words: `forward, float32, cpu, 1 thread`."""
        conditions = [self.direction, self.dtype, self.device, counted(self.threads, "thread")]
        return ", ".join(filter(None, [*conditions, *outputs(self)]))


def setting_of(run: str, case: Case) -> Setting:
    """The setting of a case."""
    fields = {key: value for key, value in vars(case).items() if key not in ("activation", "form")}
    return Setting(run, **fields)


def unusual(case: Case | Setting) -> list[str]:
    """The departures from forward, float32 and one CPU thread, and those of `outputs`."""
    departures = {
        case.direction: case.direction != "forward",
        case.dtype: case.dtype != "float32",
        case.device: case.device != "cpu",
        counted(case.threads, "thread"): case.threads != 1,
    }
    return [words for words, holds in departures.items() if holds] + outputs(case)


def outputs(case: Case | Setting) -> list[str]:
    """The departures from fresh outputs, warm caches and usual inputs."""
    departures = ["output reused"] * (case.output == "reused")
    departures += ["caches cold"] * (case.cache == "cold")
    return [*departures, *filter(None, [of_input(case)])]


def rank(known: Sequence[str], word: str) -> int:
    """The index of a word among known ones; unknown words come last."""
    return known.index(word) if word in known else len(known)
