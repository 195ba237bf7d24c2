"""The catalogue: one record per activation, with its exact value and exact derivative.

The exact functions are of balls (`formulas`); `bench.exactness.reference` raises their precision
until the answer is decided.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from flint import arb, ctx

from ..host.errors import UsageError
from . import formula_text, frameworks, own_reference, plugins
from . import formulas as exact
from .nearest import nearest as nearest

Family = Literal["max", "exp", "algebraic", "primitive", "unknown"]
Exact = Callable[..., Any]


@dataclass(frozen=True)
class Bound:
    """The least value of a parameter; where it is `open`, every value above it, to `highest`."""

    lowest: float
    open: bool = False
    highest: float = math.inf

    @property
    def words(self) -> str:
        """`at least 1`, `above 0`, `from -1 to 0`."""
        if self.highest < math.inf:
            return f"from {self.lowest:g} to {self.highest:g}"
        return f"{'above' if self.open else 'at least'} {self.lowest:g}"

    def holds(self, value: float) -> bool:
        """Return whether the parameter may have this value."""
        return self.lowest <= value <= self.highest and not (self.open and value == self.lowest)


@dataclass(frozen=True)
class Activation:
    """A mathematical function with its parameters.

    `exact` and `derivative` map a ball and the parameters to a ball. A row-wise activation
    (`rowwise`) maps a row of balls to a row, and its `derivative` is the pull-back: it takes the
    row and an upstream row and returns the gradient of their inner product. `output_length` maps
    the length of a row to that of its result, `groups` gives the number by which the length must be
    divisible, and `ties` says that the gradient jumps where two numbers of a row are equal. An
    activation of the form `a · gate(b)`, for the halves of a row, has the exact `gate` and its
    slope.

    `parameters` are the defaults: a flag, a count where it is a whole number, or any number within
    its `bounds`. `learnable` parameters are arrays that have a gradient of their own
    (`parameter_derivative`). `kinks` are the inputs at which the derivative jumps. `thresholds` are
    those at which an implementation is known to take another branch, to saturate or to overflow.

    `operations` counts the primitives per input element that the first form written out takes, with
    equal subexpressions computed once. A subtraction counts as add; a negation, a division by a
    number and a square as multiply; a minimum, and a comparison with its choice, as maximum; ln as
    log1p. What is done once per row is not counted. `primitive` marks the single operations in
    which `operations` counts. They have no form but the framework's own, or one written out where
    it has none. `plugin` is the file that defines the activation, if it is not built in.

    `domain` is where timing inputs are drawn: outside it a function has no value and another speed.
    An activation that is not `standard` is measured only when it is named, and in the profile
    `full`.
    """

    name: str
    formula: str
    family: Family
    forms: tuple[str, ...]
    source: str
    operations: Mapping[str, float]
    exact: Exact
    derivative: Exact
    parameters: Mapping[str, float | int | bool] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    rowwise: bool = False
    output_length: Callable[..., int] = lambda length, **_: length
    groups: Callable[..., int] = lambda **_: 1
    ties: bool = False
    gate: Exact | None = None
    gate_slope: Exact | None = None
    learnable: tuple[str, ...] = ()
    parameter_derivative: Exact | None = None
    kinks: Callable[..., tuple[float, ...]] = lambda **_: ()
    delicate: Callable[..., tuple[float, ...]] = lambda **_: ()
    thresholds: tuple[float, ...] = ()
    variants: tuple[Mapping[str, float | int | bool], ...] = ()
    primitive: bool = False
    domain: Literal["all", "positive"] = "all"
    plugin: str = ""
    standard: bool = True
    changed: tuple[str, ...] = ()

    @property
    def axis(self) -> int:
        """The axis of a two-dimensional input along which its rows lie."""
        return int(self.parameters.get("axis", -1))

    @property
    def label(self) -> str:
        """The name with every parameter that is not at its default: `squareplus(b=0)`."""
        shown = ", ".join(f"{key}={_written(self.parameters[key])}" for key in self.changed)
        return f"{self.name}({shown})" if shown else self.name

    def output_share(self, length: int) -> float:
        """The number of output elements per input element, for rows of `length` elements."""
        return self.output_length(length, **self.parameters) / length

    def indivisible(self, length: int) -> str:
        """The reason why the activation cannot take rows of this length; empty if it can."""
        count = self.groups(**self.parameters)
        if length % count == 0:
            return ""
        return f"rows of {length} features do not split into {count} groups"

    def with_parameters(self, **values: float | int | bool) -> Activation:
        """Return the activation with other parameter values.

        Raises UsageError for a parameter it does not have or a value out of its domain.
        """
        for key, value in values.items():
            _check_parameter(self, key, value)
        given = {key: type(self.parameters[key])(value) for key, value in values.items()}
        merged = {**self.parameters, **given}
        defaults = REFERENCES[self.name].parameters
        changed = tuple(key for key in merged if merged[key] != defaults[key])
        return replace(self, parameters=merged, changed=changed)


def _written(value: float | int | bool) -> str:
    """The shortest text that reads back as the value."""
    if isinstance(value, bool):
        return str(value).lower()
    short = f"{value:g}"
    return short if float(short) == value else repr(value).removesuffix(".0")


def _check_parameter(activation: Activation, key: str, value: float | int | bool) -> None:
    if key not in activation.parameters:
        names = ", ".join(activation.parameters) or "none"
        raise UsageError(f"{activation.name} has no parameter {key!r}; it has: {names}")
    default = activation.parameters[key]
    if isinstance(default, bool) != isinstance(value, bool):
        kind = "true or false" if isinstance(default, bool) else "a number"
        raise UsageError(f"{activation.name}: {key} takes {kind}, not {value!r}")
    if isinstance(default, bool):
        return
    if isinstance(default, int) and not float(value).is_integer():
        raise UsageError(f"{activation.name}: {key} takes a whole number, not {value!r}")
    bound = activation.bounds.get(key)
    if bound and not bound.holds(value):
        raise UsageError(f"{activation.name}: {key} must be {bound.words}, not {value!r}")


_POSITIVE = Bound(0, open=True)


_EXP_OVERFLOWS = (100.0,)
"""The inputs beyond which eˣ leaves float32 (88.8) and float16 (11.1)."""
_EXP_NEGATED_OVERFLOWS = (-89.0,)
"""The inputs from which on e⁻ˣ leaves float32 while x · eˣ is still normal."""
_TANH_BRANCHES = (0.0004, 7.90531110763549805, 7.99881172180175781)
"""The branches of Eigen's and XLA's tanh in float32: x itself below the first, clamped at the
others."""
_ERF_CLAMPED = 3.832506856900711
"""The input beyond which XLA's erf in float32 returns ±1."""
_SOFTPLUS_BRANCHES = (20.0, 13.942385, -13.942385)
"""PyTorch's `threshold`, from which on softplus is x; and ±(ln ε + 2) of float32, TensorFlow's."""
_SQUAREPLUS_CANCELS = (-5800.0, -256.0, 256.0)
"""The printed form is 0 in float32 below the first; x² leaves float16 from ±256 on."""

_RECTIFIERS = (
    "Maas, Hannun, Ng 2013, Rectifier nonlinearities improve neural network acoustic models"
)
_GATES = "Shazeer 2020, GLU variants improve transformer, arXiv 2002.05202"
_INVERSE_ROOTS = "Carlile, Delamarter, Kinney, Marti, Whitney 2017, arXiv 1710.09967"


def _primitive(
    name: str, formula: str, clause: str, value: Exact, derivative: Exact, **fields: Any
) -> Activation:
    """A single operation that every framework has, after a clause of IEEE 754."""
    return Activation(
        name=name,
        formula=formula,
        family="primitive",
        forms=(),
        source=clause if clause.startswith("ISO") else f"IEEE 754-2019, {clause}",
        operations={name: 1},
        exact=value,
        derivative=derivative,
        primitive=True,
        **fields,
    )


def _gated(
    name: str,
    formula: str,
    source: str,
    operations: Mapping[str, float],
    gate: Exact,
    slope: Exact,
    **fields: Any,
) -> Activation:
    """A product of one half of each row with a function of the other, which is its gate."""
    return Activation(
        name=name,
        formula=f"{formula}, with [a, b] = x halved on the last axis",
        source=source,
        operations=operations,
        exact=lambda row: exact.halves_gated(row, gate),
        derivative=lambda row, upstream: exact.halves_gradient(row, upstream, gate, slope),
        **{"family": "exp", "forms": ("textbook", "wide", "stable"), **fields},
        rowwise=True,
        output_length=lambda length: length // 2,
        groups=lambda: 2,
        gate=gate,
        gate_slope=slope,
        standard=False,
    )


_RECORDS = (
    Activation(
        name="relu",
        formula="max(0, x)",
        family="max",
        forms=("max", "abs", "where", "blocked"),
        source="Glorot, Bordes, Bengio 2011, Deep sparse rectifier neural networks",
        operations={"maximum": 1},
        exact=lambda x: exact.where(x > 0, x, 0),
        derivative=lambda x: exact.where(x > 0, 1, 0),
        kinks=lambda: (0.0,),
    ),
    Activation(
        name="leaky_relu",
        formula="x if x > 0, else αx",
        family="max",
        forms=("where", "max", "wide", "blocked"),
        source=_RECTIFIERS,
        parameters={"alpha": 0.01},
        operations={"multiply": 1, "maximum": 1},
        exact=lambda x, alpha: exact.where(x > 0, x, alpha * x),
        derivative=lambda x, alpha: exact.where(x > 0, 1, alpha),
        kinks=lambda alpha: (0.0,),
    ),
    Activation(
        name="prelu",
        formula="x if x > 0, else αx; α is learned, one for all or one per channel (the last axis)",
        family="max",
        forms=("where", "wide", "blocked"),
        source="He, Zhang, Ren, Sun 2015, arXiv 1502.01852",
        parameters={"alpha": 0.25, "per_channel": False},
        operations={"multiply": 1, "maximum": 1},
        exact=lambda x, alpha, per_channel: exact.where(x > 0, x, alpha * x),
        derivative=lambda x, alpha, per_channel: exact.where(x > 0, 1, alpha),
        learnable=("alpha",),
        parameter_derivative=lambda x, alpha, per_channel: exact.where(x > 0, 0, x),
        kinks=lambda alpha, per_channel: (0.0,),
        variants=({"per_channel": True},),
    ),
    Activation(
        name="crelu",
        formula="[relu(x), relu(−x)] on the last axis",
        family="max",
        forms=("textbook", "blocked"),
        source="Shang, Sohn, Almeida, Lee 2016, arXiv 1603.05201",
        operations={"multiply": 1, "maximum": 2},
        exact=exact.crelu,
        derivative=exact.crelu_gradient,
        rowwise=True,
        output_length=lambda length: 2 * length,
        ties=True,
    ),
    Activation(
        name="maxout",
        formula="max over k groups of features: yⱼ = maxᵢ x[i·n/k + j]",
        family="max",
        forms=("textbook", "blocked"),
        source="Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013, arXiv 1302.4389",
        parameters={"k": 2},
        bounds={"k": Bound(1)},
        operations={"maximum": 1},
        exact=exact.maxout,
        derivative=exact.maxout_gradient,
        rowwise=True,
        output_length=lambda length, k: length // k,
        groups=lambda k: k,
        ties=True,
    ),
    Activation(
        name="shifted_relu",
        formula="max(−α, x)",
        family="max",
        forms=("max", "wide", "blocked"),
        source="Clevert, Unterthiner, Hochreiter 2015, arXiv 1511.07289",
        parameters={"alpha": 1.0},
        operations={"maximum": 1},
        exact=lambda x, alpha: exact.where(x > -alpha, x, -alpha),
        derivative=lambda x, alpha: exact.where(x > -alpha, 1, 0),
        kinks=lambda alpha: (-float(alpha),),
    ),
    Activation(
        name="relu6",
        formula="min(max(0, x), 6)",
        family="max",
        forms=("max", "blocked"),
        source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10; "
        "Howard et al. 2017, arXiv 1704.04861",
        operations={"maximum": 2},
        exact=lambda x: exact.clipped(x, 0, 6),
        derivative=lambda x: exact.where(exact.between(x, 0, 6), 1, 0),
        kinks=lambda: (0.0, 6.0),
    ),
    Activation(
        name="hardtanh",
        formula="min(max(−1, x), 1)",
        family="max",
        forms=("max", "blocked"),
        source="Collobert 2004, Large scale machine learning",
        operations={"maximum": 2},
        exact=lambda x: exact.clipped(x, -1, 1),
        derivative=lambda x: exact.where(exact.between(x, -1, 1), 1, 0),
        kinks=lambda: (-1.0, 1.0),
    ),
    Activation(
        name="squared_relu",
        formula="max(0, x)²",
        family="max",
        forms=("max", "blocked"),
        source="So, Mańke, Liu, Dai, Shazeer, Le 2021, arXiv 2109.08668",
        operations={"multiply": 1, "maximum": 1},
        exact=lambda x: exact.where(x > 0, x * x, 0),
        derivative=lambda x: exact.where(x > 0, 2 * x, 0),
    ),
    Activation(
        name="hard_sigmoid",
        formula="min(max(0, x + 3), 6) / 6",
        family="max",
        forms=("textbook", "wide", "blocked"),
        source="Courbariaux, Bengio, David 2015, arXiv 1511.00363; with this slope "
        "Howard et al. 2019, arXiv 1905.02244",
        operations={"add": 1, "multiply": 1, "maximum": 2},
        exact=lambda x: exact.clipped(x + 3, 0, 6) / 6,
        derivative=lambda x: exact.where(exact.between(x, -3, 3), arb(1) / 6, 0),
        kinks=lambda: (-3.0, 3.0),
    ),
    Activation(
        name="hard_swish",
        formula="x · min(max(0, x + 3), 6) / 6",
        family="max",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Howard et al. 2019, arXiv 1905.02244",
        operations={"add": 1, "multiply": 2, "maximum": 2},
        exact=lambda x: x * exact.clipped(x + 3, 0, 6) / 6,
        derivative=exact.hard_swish_slope,
        kinks=lambda: (-3.0, 3.0),
    ),
    Activation(
        name="elu",
        formula="x if x > 0, else α(eˣ − 1)",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Clevert, Unterthiner, Hochreiter 2015, arXiv 1511.07289",
        parameters={"alpha": 1.0},
        operations={"add": 1, "multiply": 1, "maximum": 1, "exp": 1},
        exact=exact.elu,
        derivative=exact.elu_slope,
        kinks=lambda alpha: () if alpha == 1 else (0.0,),
        thresholds=_EXP_OVERFLOWS,
    ),
    Activation(
        name="selu",
        formula="λx if x > 0, else λα(eˣ − 1); λ = 1.0507…, α = 1.6732…",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv 1706.02515",
        operations={"add": 1, "multiply": 2, "maximum": 1, "exp": 1},
        exact=lambda x: exact.selu_scale() * exact.elu(x, exact.selu_alpha()),
        derivative=lambda x: exact.selu_scale() * exact.elu_slope(x, exact.selu_alpha()),
        kinks=lambda: (0.0,),
        thresholds=_EXP_OVERFLOWS,
    ),
    Activation(
        name="celu",
        formula="max(0, x) + min(0, α(e^{x/α} − 1))",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Barron 2017, arXiv 1704.07483",
        parameters={"alpha": 1.0},
        bounds={"alpha": _POSITIVE},
        operations={"add": 2, "multiply": 2, "maximum": 2, "exp": 1},
        exact=lambda x, alpha: exact.where(x > 0, x, alpha * exact.elu(x / alpha, arb(1))),
        derivative=lambda x, alpha: exact.elu_slope(x / alpha, arb(1)),
        delicate=lambda alpha: (0.0,),
        thresholds=_EXP_OVERFLOWS,
    ),
    Activation(
        name="sigmoid",
        formula="1 / (1 + e⁻ˣ)",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Verhulst 1845; Rumelhart, Hinton, Williams 1986",
        operations={"add": 1, "multiply": 1, "divide": 1, "exp": 1},
        exact=exact.sigmoid,
        derivative=exact.sigmoid_slope,
        thresholds=(*_EXP_NEGATED_OVERFLOWS, 20.0),
    ),
    Activation(
        name="tanh",
        formula="(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)",
        family="exp",
        forms=("textbook", "wide", "stable"),
        source="LeCun, Bottou, Orr, Müller 1998, Efficient BackProp",
        operations={"tanh": 1},
        exact=exact.tanh,
        derivative=exact.tanh_slope,
        thresholds=_TANH_BRANCHES,
        primitive=True,
    ),
    Activation(
        name="softplus",
        formula="ln(1 + e^{kx}) / k",
        family="exp",
        forms=("textbook", "wide", "stable", "logaddexp", "blocked"),
        source="Dugas, Bengio, Bélisle, Nadeau, Garcia 2000",
        parameters={"k": 1.0},
        bounds={"k": _POSITIVE},
        operations={"add": 1, "multiply": 2, "exp": 1, "log1p": 1},
        exact=lambda x, k: exact.softplus(k * x) / k,
        derivative=lambda x, k: exact.sigmoid(k * x),
        thresholds=(*_SOFTPLUS_BRANCHES, *_EXP_OVERFLOWS),
    ),
    Activation(
        name="logsigmoid",
        formula="ln(1 / (1 + e⁻ˣ))",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Collobert, Kavukcuoglu, Farabet 2011, Torch7: a Matlab-like environment for "
        "machine learning; the negative of softplus(−x)",
        operations={"add": 1, "multiply": 1, "divide": 1, "exp": 1, "log1p": 1},
        exact=lambda x: -exact.softplus(-x),
        derivative=lambda x: exact.sigmoid(-x),
        thresholds=tuple(-edge for edge in (*_SOFTPLUS_BRANCHES, *_EXP_OVERFLOWS)),
    ),
    Activation(
        name="softplus_approximation",
        formula="x / (1 − e^{−x/ln 2}), ln 2 at 0",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Wikipedia, Softplus; the function x/(1 − e^{−x/ln 2}) meets softplus at 0",
        operations={"add": 1, "multiply": 2, "divide": 1, "maximum": 1, "exp": 1},
        exact=exact.softplus_approximation,
        derivative=exact.softplus_approximation_slope,
        delicate=lambda: (0.0,),
    ),
    Activation(
        name="silu",
        formula="x · sigmoid(x)",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415; Elfwing et al. 2017, arXiv 1702.03118",
        operations={"add": 1, "multiply": 1, "divide": 1, "exp": 1},
        exact=lambda x: exact.gated(x, x),
        derivative=lambda x: exact.gated_slope(x, x, arb(1)),
        thresholds=_EXP_NEGATED_OVERFLOWS,
    ),
    Activation(
        name="gelu",
        formula="x · Φ(x)",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415",
        operations={"add": 1, "multiply": 3, "erf": 1},
        exact=exact.gelu,
        derivative=exact.gelu_slope,
        thresholds=(-6.0, _ERF_CLAMPED * 2**0.5),
    ),
    Activation(
        name="gelu_tanh",
        formula="½x(1 + tanh(√(2/π)(x + 0.044715x³)))",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415",
        operations={"add": 2, "multiply": 6, "tanh": 1},
        exact=lambda x: exact.gated(x, exact.gelu_tanh_gate(x)),
        derivative=lambda x: exact.gated_slope(
            x, exact.gelu_tanh_gate(x), exact.gelu_tanh_gate_slope(x)
        ),
        thresholds=(-6.0,),
    ),
    Activation(
        name="gelu_sigmoid",
        formula="x · sigmoid(1.702x)",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Hendrycks, Gimpel 2016, arXiv 1606.08415",
        operations={"add": 1, "multiply": 1, "divide": 1, "exp": 1},
        exact=lambda x: exact.gated(x, arb("1.702") * x),
        derivative=lambda x: exact.gated_slope(x, arb("1.702") * x, arb("1.702")),
        thresholds=(_EXP_NEGATED_OVERFLOWS[0] / 1.702,),
    ),
    Activation(
        name="mish",
        formula="x · tanh(softplus(x))",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Misra 2019, arXiv 1908.08681",
        operations={"add": 1, "multiply": 1, "exp": 1, "log1p": 1, "tanh": 1},
        exact=lambda x: x * exact.mish_gate(x),
        derivative=exact.mish_slope,
        thresholds=(20.0, *_EXP_OVERFLOWS),
    ),
    Activation(
        name="squareplus",
        formula="(x + √(x² + b)) / 2",
        family="algebraic",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Barron 2021, arXiv 2112.11687",
        parameters={"b": 4.0},
        bounds={"b": Bound(0)},
        operations={"add": 2, "multiply": 2, "sqrt": 1},
        exact=exact.squareplus,
        derivative=exact.squareplus_slope,
        thresholds=_SQUAREPLUS_CANCELS,
        kinks=lambda b: (0.0,) if b == 0 else (),
        delicate=lambda b: (0.0,) if b == 0 else (),
    ),
    Activation(
        name="softsign",
        formula="x / (1 + |x|)",
        family="algebraic",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Turian, Bergstra, Bengio 2009, Quadratic features and deep architectures for "
        "chunking",
        operations={"add": 1, "divide": 1, "absolute": 1},
        exact=lambda x: x / (1 + abs(x)),
        derivative=lambda x: 1 / (1 + abs(x)) ** 2,
    ),
    Activation(
        name="isru",
        formula="x / √(1 + αx²)",
        family="algebraic",
        forms=("textbook", "wide", "stable", "blocked"),
        source=_INVERSE_ROOTS,
        parameters={"alpha": 1.0},
        bounds={"alpha": _POSITIVE},
        operations={"add": 1, "multiply": 2, "divide": 1, "sqrt": 1},
        exact=exact.isru,
        derivative=exact.isru_slope,
    ),
    Activation(
        name="isrlu",
        formula="x if x ≥ 0, else x / √(1 + αx²)",
        family="algebraic",
        forms=("textbook", "wide", "stable", "blocked"),
        source=_INVERSE_ROOTS,
        parameters={"alpha": 1.0},
        bounds={"alpha": _POSITIVE},
        operations={"add": 1, "multiply": 2, "divide": 1, "maximum": 1, "sqrt": 1},
        exact=lambda x, alpha: exact.where(x >= 0, x, lambda: exact.isru(x, alpha)),
        derivative=lambda x, alpha: exact.where(x >= 0, 1, lambda: exact.isru_slope(x, alpha)),
    ),
    Activation(
        name="logsumexp",
        formula="ln Σ exp(xᵢ) over the last axis; with the zero argument ln(1 + Σ exp(xᵢ))",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Nielsen, Sun 2016, arXiv 1606.05850",
        parameters={"with_zero": False},
        operations={"add": 1, "exp": 1},
        exact=exact.logsumexp,
        derivative=exact.logsumexp_gradient,
        rowwise=True,
        output_length=lambda length, with_zero: 1,
        variants=({"with_zero": True},),
    ),
    Activation(
        name="softmax",
        formula="exp(xᵢ) / Σ exp(xⱼ) over an axis, the last (−1) or the first (0); with the zero "
        "argument 1 + Σ below",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Bridle 1990, Probabilistic interpretation of feedforward classification networks",
        parameters={"with_zero": False, "axis": -1},
        bounds={"axis": Bound(-1, highest=0)},
        operations={"add": 1, "divide": 1, "exp": 1},
        exact=lambda row, with_zero, axis: exact.softmax(row, with_zero),
        derivative=lambda row, upstream, with_zero, axis: exact.softmax_gradient(
            row, upstream, with_zero
        ),
        rowwise=True,
        variants=({"with_zero": True}, {"axis": 0}),
    ),
    Activation(
        name="log_softmax",
        formula="xᵢ − ln Σ exp(xⱼ) over the last axis",
        family="exp",
        forms=("textbook", "wide", "stable", "blocked"),
        source="Bridle 1990, Probabilistic interpretation of feedforward classification networks; "
        "its logarithm",
        operations={"add": 2, "exp": 1},
        exact=exact.log_softmax,
        derivative=exact.log_softmax_gradient,
        rowwise=True,
        standard=False,
    ),
    _gated(
        "glu",
        "a · sigmoid(b)",
        "Dauphin, Fan, Auli, Grangier 2016, arXiv 1612.08083",
        {"add": 0.5, "multiply": 0.5, "divide": 0.5, "exp": 0.5},
        exact.sigmoid,
        exact.sigmoid_slope,
    ),
    _gated(
        "swiglu",
        "a · b · sigmoid(b)",
        _GATES,
        {"add": 0.5, "multiply": 1, "divide": 0.5, "exp": 0.5},
        lambda b: exact.gated(b, b),
        lambda b: exact.gated_slope(b, b, arb(1)),
    ),
    _gated(
        "geglu",
        "a · b · Φ(b)",
        _GATES,
        {"add": 0.5, "multiply": 2, "erf": 0.5},
        exact.gelu,
        exact.gelu_slope,
    ),
    _gated(
        "reglu",
        "a · max(0, b)",
        _GATES,
        {"multiply": 0.5, "maximum": 0.5},
        lambda b: exact.where(b > 0, b, 0),
        lambda b: exact.where(b > 0, 1, 0),
        family="max",
        forms=("textbook", "wide"),
    ),
    _primitive("copy", "x", "5.5.1", lambda x: x, lambda x: arb(1)),
    _primitive("add", "x + ½", "5.4.1", lambda x: x + arb("0.5"), lambda x: arb(1)),
    _primitive("multiply", "1.5x", "5.4.1", lambda x: arb("1.5") * x, lambda x: arb("1.5")),
    _primitive(
        "divide",
        "1 / x",
        "5.4.1",
        exact.reciprocal,
        lambda x: -exact.reciprocal(x * x),
        delicate=lambda: (0.0,),
    ),
    _primitive(
        "maximum",
        "max(x, ½)",
        "9.6",
        lambda x: exact.where(2 * x > 1, x, "0.5"),
        lambda x: exact.where(2 * x > 1, 1, 0),
        kinks=lambda: (0.5,),
    ),
    _primitive(
        "absolute", "|x|", "5.5.1", abs, lambda x: exact.where(x > 0, 1, -1), kinks=lambda: (0.0,)
    ),
    _primitive(
        "sqrt",
        "√x",
        "5.4.1",
        exact.root,
        lambda x: exact.reciprocal(2 * exact.root(x)),
        domain="positive",
    ),
    _primitive("exp", "eˣ", "9.2", exact.exp, exact.exp),
    _primitive("expm1", "eˣ − 1", "9.2", exact.expm1, exact.exp),
    _primitive(
        "log1p",
        "ln(1 + x)",
        "9.2",
        exact.log1p,
        lambda x: exact.reciprocal(1 + x),
        domain="positive",
    ),
    Activation(
        name="erf",
        formula="2/√π ∫ e^{−t²} dt from 0 to x",
        family="primitive",
        forms=("textbook",),
        source="ISO C 7.12.8.1",
        operations={"erf": 1},
        exact=lambda x: x.erf(),
        derivative=lambda x: 2 * (-x * x).exp() / arb.pi().sqrt(),
        thresholds=(_ERF_CLAMPED,),
        primitive=True,
    ),
)

_FUNCTIONS = (
    _primitive("exp2", "2ˣ", "9.2", exact.exp2, lambda x: arb(2).log() * exact.exp2(x)),
    _primitive(
        "log",
        "ln x",
        "9.2",
        lambda x: exact.logarithm(x, lambda: exact.rising(x, lambda: x.log())),
        exact.reciprocal,
        domain="positive",
    ),
    _primitive(
        "erfc",
        "1 − erf x",
        "ISO C 7.12.8.2",
        lambda x: x.erfc(),
        lambda x: -2 * (-x * x).exp() / arb.pi().sqrt(),
    ),
)

CATALOG: dict[str, Activation] = {record.name: record for record in _RECORDS}
"""The records of this file, and those of plug-ins once they are loaded."""
PRIMITIVES: tuple[str, ...] = tuple(
    record.name
    for record in sorted(_RECORDS, key=lambda record: record.family != "primitive")
    if record.primitive
)
"""The single operations that all other activations are made of, roughly from cheap to dear."""
REFERENCES: dict[str, Activation] = {
    **CATALOG,
    **{record.name: record for record in _FUNCTIONS},
}
"""References for a function of one's own: the catalogue, and functions that are not measured."""
UNKNOWN = Activation(
    name="unknown",
    formula="",
    family="unknown",
    forms=(),
    source="",
    operations={},
    exact=exact.unknown,
    derivative=exact.unknown,
)
"""The activation of a user's function without a reference: nothing judges it."""
BASELINE = "relu"
"""The activation that `relative_cost` divides by."""


_LABEL = re.compile(r"^\s*(?P<name>\w+)\s*(?:\((?P<parameters>[^()]*)\))?\s*$")


@cache
def find(label: str) -> Activation:
    """Return the activation that a label names: `gelu`, `squareplus(b=0)`,
    `softmax(with_zero=true)`.

    A formula of x is a label as well: `relu(x) - 0.9*relu(-x)` is an activation that no framework
    has. Raises UsageError, with the nearest names, for a name that the catalogue does not have.
    """
    return _find(label, CATALOG)


@cache
def find_reference(label: str) -> Activation:
    """Return what a label names among everything with exact values: `exp2`, `log` and `erfc` too.

    UNKNOWN is found by its name as well.
    """
    return UNKNOWN if label == UNKNOWN.name else _find(label, REFERENCES)


def _find(label: str, records: Mapping[str, Activation]) -> Activation:
    if own_reference.is_named(label):
        return _own(label)
    if formula_text.is_formula(label):
        return _written_as(label.strip())
    match = _LABEL.match(label)
    name = match["name"] if match else label
    if name not in records:
        load_plugins()  # which this process may not have done
    if match is None or name not in records:
        raise UsageError(f"unknown activation {name!r}: {nearest(name, list(records))}")
    values = [part.split("=", 1) for part in (match["parameters"] or "").split(",") if part.strip()]
    try:
        parsed = {key.strip(): _parse_value(value.strip()) for key, value in values}
    except ValueError:
        raise UsageError(
            f"cannot read the parameters of {label!r}: write them as in squareplus(b=0)"
        ) from None
    return records[name].with_parameters(**parsed)


def _written_as(text: str) -> Activation:
    """The activation that a formula defines; the formula is its name.

    Raises UsageError, with the place, for a formula that cannot be read.
    """
    return Activation(name=text, formula=text, forms=(), source="", **_of_formula(text))


def _of_formula(text: str, parameters: Iterable[str] = ()) -> dict[str, Any]:
    """The fields of a record that follow from its formula."""
    formula = formula_text.read(text, REFERENCES, parameters)
    names = ("family", "operations", "exact", "derivative", "kinks", "domain")
    return {name: getattr(formula, name) for name in names}


def _own(label: str) -> Activation:
    """The user's function that was named as a reference. Raises UsageError if it cannot be one."""
    reference = own_reference.OwnReference(label)
    value = reference.function("forward")
    return Activation(
        name=label,
        formula=label,
        family="exp",
        forms=(),
        source="",
        operations={},
        exact=value,
        derivative=reference.function("backward"),
        kinks=reference.kinks,
        domain=exact.domain(value),
    )


def load_plugins() -> None:
    """Load the records of every plug-in that is named and not loaded yet.

    Raises UsageError, with the file and the line, for a plug-in that cannot be loaded.
    """
    for path in plugins.paths():
        if path not in _taken:
            plugin = plugins.load(path)
            for framework in plugin.imported.intersection(frameworks.names()):
                raise plugin.error(
                    framework,
                    f"imports {framework} at its top: import it within the functions that need it, "
                    "because every process runs this file",
                )
            records = [_of_plugin(plugin, record) for record in plugin.records]
            for record in records:
                CATALOG[record.name] = REFERENCES[record.name] = record
            for framework in frameworks.names():
                frameworks.add(framework, plugin.functions(framework))
            _taken.add(path)
            find.cache_clear()
            find_reference.cache_clear()


_taken: set[str] = set()


def _of_plugin(plugin: plugins.Plugin, record: Mapping[str, Any]) -> Activation:
    """The activation of a plug-in's record; its formula gives what functions do not."""
    name = record["name"]
    if name in REFERENCES:
        raise plugin.error(name, f"{name} is in the catalogue already: choose another name")
    known = frameworks.names()
    for form, framework, _ in plugin.forms_of(record):
        if framework not in known:
            raise plugin.error(
                f"{name}_{form}_{framework}",
                f"{name}_{form}: unknown framework {framework!r}: {nearest(framework, known)}",
            )
    try:
        made = _made(plugin, record)
        for key, value in (item for values in made.variants for item in values.items()):
            _check_parameter(made, key, value)
    except (UsageError, TypeError, ValueError) as error:
        raise plugin.error(name, f"{name}: {error}") from None
    if "exact" in record and (reason := _wrong_slope(made)):
        raise plugin.error(name, f"{name}: {reason}")
    return made


def _made(plugin: plugins.Plugin, record: Mapping[str, Any]) -> Activation:
    """A record, completed from its formula where it leaves a field out."""
    forms = dict.fromkeys(form for form, *_ in plugin.forms_of(record) if form != "native")
    given = {key: value for key, value in record.items() if key not in _READ}
    parameters = dict(record.get("parameters", {}))
    for key, other in (("exact", "derivative"), ("exact", "family"), ("derivative", "exact")):
        if key in record and other not in record:
            raise UsageError(f"{key} needs {other} beside it")
    own: dict[str, Any] = {"operations": {}}
    if "exact" not in record:
        own = _of_formula(record["formula"], parameters)
    places = {key: _places(record[key]) for key in ("kinks", "delicate") if key in record}
    return Activation(
        **{
            "source": plugin.path,
            **own,
            **given,
            **places,
            "plugin": plugin.path,
            "parameters": parameters,
            "bounds": _bounds(record),
            "forms": tuple(forms),
        }
    )


_READ = ("parameters", "bounds", "forms", "kinks", "delicate")
"""Fields of a record that are written otherwise than those of an activation."""


def _places(given: Any) -> Callable[..., tuple[float, ...]]:
    """A function of the parameters, even where a record gives only numbers."""
    if callable(given):
        places_of: Callable[..., tuple[float, ...]] = given
        return places_of
    places = tuple(map(float, given))
    return lambda **_: places


def _bounds(record: Mapping[str, Any]) -> dict[str, Bound]:
    """Bounds of parameters, given as `{"above": 0}` or `{"at least": 0}`."""
    bounds = {}
    for key, given in record.get("bounds", {}).items():
        [(word, lowest)] = given.items()
        if word not in ("above", "at least"):
            raise UsageError(f'the bound of {key} is {{"above": …}} or {{"at least": …}}')
        bounds[key] = Bound(float(lowest), open=word == "above")
    return bounds


_TRIED = (-7.3, -2.6, -1.1, -0.37, 0.29, 0.83, 1.9, 4.4)
_STEP, _SLOPE_BITS = arb(2) ** -150, 600


def _wrong_slope(record: Activation) -> str:
    """A sentence on where a derivative is not the slope of the exact value; empty if nowhere."""
    for x in _TRIED:
        ctx.prec = _SLOPE_BITS
        numbers = {
            name: value if isinstance(value, int) else arb(repr(value))
            for name, value in record.parameters.items()
        }
        try:
            rise = record.exact(arb(x) + _STEP, **numbers) - record.exact(arb(x) - _STEP, **numbers)
            slope = record.derivative(arb(x), **numbers)
        except exact.NoValue:
            continue
        risen = rise / (2 * _STEP)
        if x not in record.kinks(**record.parameters) and not abs(risen - slope) < _CLOSE:
            return (
                f"its derivative at {x:g} is {float(slope):.3g}, the slope of its exact value "
                f"there is {float(risen):.3g}"
            )
    return ""


_CLOSE = arb(2) ** -100


def _parse_value(text: str) -> float | int | bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value
