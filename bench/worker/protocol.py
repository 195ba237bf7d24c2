"""Requests of the parent and answers of a worker: frozen records, pickled over a pipe.

A request names the type of its answer: `ask(Prepare(…))` gives a `Prepared`. Whatever goes wrong
is answered as a `Failure`. Both sides have this module from one tree, which VERSION confirms. It
needs the standard library alone, so that a worker can run in any interpreter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ForwardRef,
    Generic,
    Literal,
    TypeVar,
    get_args,
    get_origin,
)

from ..host.environment import Environment
from ..host.floating_point import FloatingPoint
from ..results.status import Status

if TYPE_CHECKING:
    import numpy as np

    Bits = np.ndarray[Any, Any]
    Outputs = tuple[Bits, ...]

VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
"""A digest of this file as it was when it was imported."""

Arm = Literal["base", "candidate"]
ARMS: tuple[Arm, Arm] = ("base", "candidate")
"""The two versions that a pair compares."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Failure:
    """The reason for no answer: a status other than `ok`, and one line of text."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Request(Generic[Answer]):
    """One operation, asked for. Its class says which; `Answer` is what it gives."""


def kind_of(request: Request[Any]) -> Any:
    """The type of a request's answer, for `isinstance`; of arrays and others, a tuple."""
    if isinstance(request, InArm):
        return kind_of(request.request)
    [kind] = get_args(type(request).__orig_bases__[0])  # type: ignore[attr-defined]
    if get_origin(kind) is tuple or isinstance(kind, ForwardRef):
        return tuple
    return float | int if kind is float else kind


Operations = Mapping[type[Request[Any]], Callable[[Any], Any]]
"""The operations of a worker: a function by the class of its request."""


# --- the process ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """The purpose of a process: the first record that it is sent, before it imports anything.

    `cpus` are those it may use, as many as it may have threads: frameworks count them at import.
    With `folders`, a tree by arm, it compares versions in place of serving its own. `own` is a
    function of the user's, `package.module:function`, among the forms of the framework, and
    `beside` it a second one; `gradient` is its derivative, and `dims` the dimensions of all arrays,
    if it is particular about them.
    `layout` is the seed by which its memory is laid out, where that is not left as it comes.
    """

    framework: str
    device: str
    threads: int
    cpus: tuple[int, ...]
    folders: Mapping[Arm, str] = field(default_factory=dict)
    own: str = ""
    beside: str = ""
    gradient: str = ""
    dims: int = 0
    layout: str = ""
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Started:
    """The description of a process by itself, once its framework is there.

    `loop_overhead` is the ns that the timed loop adds to a call. The floating-point environment was
    read `before` anything was imported and `after` the framework was; `environment` is what chose
    its code. `down` are the arms of a pair that could not be loaded. A function of the user's has a
    version as well, made of its files.
    """

    versions: Mapping[str, str]
    python: str
    pid: int
    loop_overhead: float | None = None
    before: FloatingPoint | None = None
    after: FloatingPoint | None = None
    environment: Environment | None = None
    down: Mapping[Arm, Failure] = field(default_factory=dict)


@dataclass(frozen=True)
class Pin(Request[None]):
    """Confine every thread of the process to some CPUs."""

    cpus: tuple[int, ...]


# --- a function of the user's own -----------------------------------------------------------------


@dataclass(frozen=True)
class Acquaint(Request[tuple[str, ...]]):
    """A question about the user's function: which frameworks may it be of? None says nothing."""


@dataclass(frozen=True)
class Fit(Request[int]):
    """Call the user's function on some `arrays`: 1 where these must have one dimension, else 2."""

    arrays: str
    device: str
    dtype: str


# --- one case -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learned:
    """A learned parameter, an array of one value."""

    shape: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Call:
    """A form with its arguments, and how it is called.

    A function that is `rowwise` works on whole rows, along an `axis`.
    `output_share` is how many elements the output has for each of the input; None leaves that
    unchecked. `domain` is where timing inputs are drawn.
    """

    function: str
    mode: str = "eager"
    direction: str = "forward"
    dtype: str = "float32"
    parameters: Mapping[str, float | int | bool] = field(default_factory=dict)
    learned: tuple[Learned, ...] = ()
    output_share: float | None = None
    domain: Literal["all", "positive"] = "all"
    output: str = "fresh"
    cache: str = "warm"
    rowwise: bool = False
    axis: int = -1


@dataclass(frozen=True)
class TimedCall:
    """A call on inputs of a shape, which goes round so many `buffers`.

    With several, none of them is in a cache when its turn comes. `values` and `layout` are by the
    names of `catalog.given`.
    """

    call: Call
    shape: tuple[int, ...]
    seed: int = 0
    buffers: int = 1
    values: str = "normal"
    layout: str = "contiguous"


@dataclass(frozen=True)
class Prepared:
    """Seconds until the first result and of a warm call; compilations, and how many were loaded.

    A case that shares its program with an earlier one needs no compilation. `from_cache` are those
    that an earlier process had left in the compile cache.
    """

    first: float
    later: float
    compilations: int
    from_cache: int


@dataclass(frozen=True)
class Prepare(Request[Prepared]):
    """Build the step of a case, check that it does its work, and call it until warm.

    Later requests refer to it by `number`. It need not be `checked` again where it was before.
    """

    number: int
    timed: TimedCall
    checked: bool = True


@dataclass(frozen=True)
class Turns:
    """Blocks of a batch of a case and a batch of its unit, with an entry per block.

    The ns of `loops` calls of the case (`elapsed`) and of `unit_loops` of the unit, whether
    somebody else had the CPU meanwhile, and the page faults of the case's batch.
    """

    loops: int
    unit_loops: int
    elapsed: tuple[int, ...]
    unit_elapsed: tuple[int, ...]
    spoilt: tuple[bool, ...]
    faults: tuple[int, ...]


@dataclass(frozen=True)
class TimeInTurn(Request[Turns]):
    """Time a prepared case and its unit in turn, in blocks of two batches of about `batch` seconds.

    A unit is timed against itself. Of long calls there are fewer blocks.
    """

    number: int
    unit: int
    batch: float
    blocks: int


@dataclass(frozen=True)
class Look:
    """The results of a call at places drawn after it, as bit patterns, and its inputs there.

    `places` are rows of a rowwise function, else elements. `given` and each result have a row per
    place; `upstream` is None where nothing is pulled back. Gradients of learned parameters, which
    are sums over all rows, are not among the results.
    """

    places: Bits
    given: Bits
    upstream: Bits | None
    results: Outputs


@dataclass(frozen=True)
class Observed:
    """A record of a case while it was timed, from `started` to `ended` by the worker's clock.

    The clock is the system's: it says the same to every process.
    """

    looks: tuple[Look, ...]
    started: int
    ended: int


@dataclass(frozen=True)
class Observe(Request[Observed]):
    """A question about a prepared case: its results after the first and the last batch timed.

    If it was not timed since this was last asked, one call is made and looked at.
    """

    number: int


@dataclass(frozen=True)
class Confirm(Request[None]):
    """Check a prepared case once more, now that it was timed."""

    number: int


@dataclass(frozen=True)
class Probed:
    """The dependence of a case's time on its inputs and format.

    `shuffled`: its time over that on the same values sorted, where a branch on their sign is
    foreseen. `wide`: its time in float64 over that in float32: twice the bytes, and half as many
    values in a vector; NaN for another dtype.
    """

    shuffled: float
    wide: float


@dataclass(frozen=True)
class Probe(Request[Probed]):
    """Time a case on other inputs, for the causes of surprises."""

    timed: TimedCall
    batch: float


@dataclass(frozen=True)
class Evaluate(Request["Outputs"]):
    """Compute the outputs of a call on given inputs, as bit patterns.

    `upstream` of None is ones. With `apart` each entry of the first axis is evaluated in a call of
    its own, and the outputs have that axis, too.
    """

    call: Call
    bits: Bits
    upstream: Bits | None = None
    apart: bool = False


class Layout(StrEnum):
    """The place of an input's elements in memory: all but the first are views of larger arrays.

    A layout that timings have as well (`catalog.given`) has its name there.
    """

    WHOLE = "contiguous"
    UNALIGNED = "unaligned"
    STRIDED = "strided"
    TRANSPOSED = "transposed"
    BROADCAST = "broadcast"


@dataclass(frozen=True)
class Laid:
    """The input of a call, as bit patterns, and how it lies in memory."""

    bits: Bits
    layout: Layout = Layout.WHOLE


@dataclass(frozen=True)
class Attempt:
    """The outputs of a call, or the reason why there are none.

    `wrote` says whether the memory of its input held something else afterwards, beside its
    elements too.
    """

    outputs: Outputs = ()
    failure: Failure | None = None
    wrote: bool = False


@dataclass(frozen=True)
class Try(Request[tuple[Attempt, ...]]):
    """Compute the outputs of a call on several inputs, one by one, whichever of them fail.

    Upstream is ones.
    """

    call: Call
    inputs: tuple[Laid, ...]


@dataclass(frozen=True)
class OnWhole:
    """The result of whole numbers: its dtype and its values, or the reason why there is none."""

    dtype: str = ""
    values: tuple[float, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class TryWhole(Request[tuple[OnWhole, ...]]):
    """Call a function eagerly on arrays of whole numbers, or of truth values."""

    call: Call
    inputs: tuple[Bits, ...]


@dataclass(frozen=True)
class Count(Request[None]):
    """Run windows of so many calls under valgrind, then as many of a step that does nothing."""

    timed: TimedCall
    calls: int
    windows: int


# --- networks -------------------------------------------------------------------------------------


class Weights(StrEnum):
    """Ways to draw the weights of a layer, by their variance."""

    HE = "2/in"
    GLOROT = "2/(in + out)"
    LECUN = "1/in"
    SMALL = "0.01²"


@dataclass(frozen=True)
class Phase:
    """Epochs of training with a learning rate, on inputs that are multiplied by `scale`."""

    epochs: int
    rate: float
    scale: float = 1.0


@dataclass(frozen=True)
class Network:
    """A fully connected network for classes, and how it learns.

    `widths` are the units of its hidden layers. Their biases begin at `bias`; weights are normal
    unless `uniform`. What goes into an activation is `normalised` over the batch or not. `l1` is
    the price of a unit's output, beside the cross-entropy. Phases follow one another; the state is
    looked at `looks` times per epoch, and at the end of each phase.
    """

    widths: tuple[int, ...]
    phases: tuple[Phase, ...] = ()
    weights: Weights = Weights.HE
    uniform: bool = False
    bias: float = 0.0
    normalised: bool = False
    l1: float = 0.0
    momentum: float = 0.9
    batch: int = 32
    looks: int = 0


@dataclass(frozen=True)
class Samples:
    """Inputs, a row of features per sample, and their classes, counted from 0."""

    inputs: Bits
    labels: Bits


@dataclass(frozen=True)
class LayerState:
    """A hidden layer, seen on all samples that are learned from.

    `zeros` is the share of its outputs that are exactly 0; `mean` and `variance` are those of its
    outputs. `shift` is how far the mean of what goes into an activation lies from 0, in standard
    deviations, in the mean over units; `gradient` the root mean square of the loss's gradient
    there, per sample. Per unit: `active` is the share of samples at which what goes in is positive,
    and `dead` says whether the slope is exactly 0 at all of them. `slope` is that of a learned
    activation, NaN for others.
    """

    zeros: float
    mean: float
    variance: float
    shift: float
    gradient: float
    active: Bits
    dead: Bits
    slope: float


@dataclass(frozen=True)
class State:
    """A network after so many steps: loss and share of errors, on what it learns from and on what
    is held out, and its hidden layers from the input on."""

    step: int
    loss: float
    errors: float
    held_loss: float
    held_errors: float
    layers: tuple[LayerState, ...]


@dataclass(frozen=True)
class Train(Request[tuple[State, ...]]):
    """Train a network with an activation, and give its state at the start and at each look.

    All arithmetic is in the dtype of the call.
    """

    call: Call
    network: Network
    learned: Samples
    held: Samples
    seed: int = 0


# --- two versions of a case -----------------------------------------------------------------------


@dataclass(frozen=True)
class InArm(Request[Answer]):
    """Ask one arm of a pair what a worker of its own would be asked."""

    arm: Arm
    request: Request[Answer]


@dataclass(frozen=True)
class Slowdown:
    """More time of a kind (`planted.KINDS`), a share of a call's own."""

    kind: str
    share: float


@dataclass(frozen=True)
class Plant(Request[float]):
    """Make the candidate of a prepared case slower, for a test. Gives the seconds.

    Both arms are wrapped alike, and then differ by that alone.
    """

    number: int
    slowdown: Slowdown


@dataclass(frozen=True)
class Hogs:
    """Processes that run in the time of one arm alone, for a test."""

    pids: tuple[int, ...]
    arm: Arm


@dataclass(frozen=True)
class Blocks:
    """Blocks of a batch of `loops` calls of either arm: the ns of both, and whether it is spoilt.

    A block is spoilt where either batch was preempted for a tenth of its time; the ns of such a
    batch are those of its CPU time. `aside` has the ns that waking and stopping hogs took.
    """

    loops: int
    base: tuple[int, ...]
    candidate: tuple[int, ...]
    spoilt: tuple[bool, ...]
    aside: int = 0


@dataclass(frozen=True)
class ArmsFailed:
    """The arms that failed while they were timed; `lost` where a process is gone as well."""

    failures: Mapping[Arm, Failure]
    lost: bool = False


@dataclass(frozen=True)
class Compare(Request[Blocks | ArmsFailed]):
    """Time both arms of a prepared case in blocks of two batches of about `batch` seconds.

    Of long calls there are fewer blocks.
    """

    number: int
    batch: float
    blocks: int
    hogs: Hogs | None = None


@dataclass(frozen=True)
class Loops(Request[int]):
    """The calls of a prepared case, whichever arm is slower, that fill `batch` seconds."""

    number: int
    batch: float


@dataclass(frozen=True)
class Turn:
    """Batches of one arm: the nanoseconds of each, CPU time where it was spoilt, and whether so."""

    elapsed: tuple[int, ...]
    spoilt: tuple[bool, ...]


@dataclass(frozen=True)
class TakeTurn(Request[Turn]):
    """Time some batches of a prepared case in one arm, after another process had the CPU."""

    arm: Arm
    number: int
    loops: int
    batches: int
