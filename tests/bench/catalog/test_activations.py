"""The catalogue: its records, labels and exact functions, against independent oracles."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import pytest
from flint import arb, ctx
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from actbench.bench.catalog.activations import CATALOG, PRIMITIVES, Activation, find
from actbench.bench.catalog.formulas import selu_alpha, selu_scale
from actbench.bench.exactness.reference import parameters_of
from actbench.bench.host.errors import UsageError

ELEMENTWISE = [record for record in CATALOG.values() if not record.rowwise]
ROWWISE = [record for record in CATALOG.values() if record.rowwise]
VARIANTS = [
    *CATALOG,
    "elu(alpha=0.5)",
    "softplus(k=3)",
    "squareplus(b=0.25)",
    "leaky_relu(alpha=0.2)",
    "celu(alpha=0.5)",
    "isru(alpha=3)",
    "isrlu(alpha=0.25)",
    "elu(alpha=1.6732632423543772)",
    "elu(alpha=1.0000001)",
    "elu(alpha=1e-07)",
    "squareplus(b=12345678)",
]

# The definitions as the literature prints them, in the C library's float64.
PRINTED: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(0.0, x),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "prelu": lambda x: x if x > 0 else 0.25 * x,
    "shifted_relu": lambda x: max(-1.0, x),
    "relu6": lambda x: min(max(0.0, x), 6.0),
    "hardtanh": lambda x: min(max(-1.0, x), 1.0),
    "squared_relu": lambda x: max(0.0, x) ** 2,
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
    "hard_swish": lambda x: x * min(max(0.0, x + 3), 6.0) / 6,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x: max(0.0, x) + min(0.0, math.exp(x) - 1),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "logsigmoid": lambda x: math.log(1 / (1 + math.exp(-x))),
    "softplus_approximation": lambda x: x / (1 - math.exp(-x / math.log(2))) if x else math.log(2),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: (
        0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    ),
    "gelu_sigmoid": lambda x: x / (1 + math.exp(-1.702 * x)),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    "copy": lambda x: x,
    "add": lambda x: x + 0.5,
    "multiply": lambda x: 1.5 * x,
    "divide": lambda x: 1 / x,
    "maximum": lambda x: max(x, 0.5),
    "absolute": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "expm1": math.expm1,
    "log1p": math.log1p,
    "erf": math.erf,
    "squareplus": lambda x: (x + math.sqrt(x * x + 4)) / 2,
    "softsign": lambda x: x / (1 + abs(x)),
    "isru": lambda x: x / math.sqrt(1 + x * x),
    "isrlu": lambda x: x if x >= 0 else x / math.sqrt(1 + x * x),
}


def _exponentials(row: list[float]) -> list[float]:
    return [math.exp(x) for x in row]


def _gated(gate: Callable[[float], float]) -> Callable[[list[float]], list[float]]:
    """A half of a row by a function of the other half, as the papers have it but for weights."""
    return lambda row: [a * gate(b) for a, b in zip(row[:4], row[4:], strict=True)]


PRINTED_ROWS: dict[str, Callable[[list[float]], list[float]]] = {
    "crelu": lambda row: [max(x, 0.0) for x in row] + [max(-x, 0.0) for x in row],
    "maxout": lambda row: [max(pair) for pair in zip(row[:4], row[4:], strict=True)],
    "logsumexp": lambda row: [math.log(sum(_exponentials(row)))],
    "softmax": lambda row: [math.exp(x) / sum(_exponentials(row)) for x in row],
    "log_softmax": lambda row: [math.log(math.exp(x) / sum(_exponentials(row))) for x in row],
    "glu": _gated(PRINTED["sigmoid"]),
    "swiglu": _gated(PRINTED["silu"]),
    "geglu": _gated(PRINTED["gelu"]),
    "reglu": _gated(PRINTED["relu"]),
}


def _value(record: Activation, x: float) -> float:
    ctx.prec = 200
    return float(record.exact(arb(x), **parameters_of(record)))


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda record: record.name)
@given(x=st.floats(-8, 8))
def test_exact_is_the_printed_definition(record: Activation, x: float) -> None:
    assume(record.domain == "all" or x >= 0)
    assume(record.name != "divide" or abs(x) > 1e-9)
    if record.name == "softplus_approximation" and abs(x) < 1e-6:
        return  # as printed it divides a rounding error by a rounding error
    expected = PRINTED[record.name](x)
    assert _value(record, x) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda record: record.name)
@given(x=st.floats(-30, 30))
def test_derivative_is_the_slope_of_exact(record: Activation, x: float) -> None:
    bends = {0.0, *record.kinks(**record.parameters)}  # at 0 a second derivative may jump, too
    assume(all(abs(x - bend) > 1e-6 for bend in bends))
    assume(record.domain == "all" or x > 0)
    ctx.prec = 600
    parameters, step = parameters_of(record), arb(2) ** -150
    rise = record.exact(arb(x) + step, **parameters) - record.exact(arb(x) - step, **parameters)
    slope = record.derivative(arb(x), **parameters)
    # The error of a central difference is of the order of the step squared; near the pole of 1/x
    # the third derivative that stands before it is up to 2^80.
    assert abs(rise / (2 * step) - slope) < arb(2) ** -200 * (1 + abs(slope))


@pytest.mark.parametrize("record", ROWWISE, ids=lambda record: record.name)
@given(data=st.data())
def test_row_gradient_is_the_slope_of_exact(record: Activation, data: st.DataObject) -> None:
    ctx.prec = 600
    entries = st.lists(st.integers(-400, 400), min_size=4, max_size=4, unique=True)
    row = [arb(n) / 16 + arb(1) / 64 for n in data.draw(entries)]
    parameters, step = parameters_of(record), arb(2) ** -150
    width = len(record.exact(row, **parameters))
    upstream = [
        arb(n) for n in data.draw(st.lists(st.integers(-5, 5), min_size=width, max_size=width))
    ]

    def total(shift: arb, place: int) -> arb:
        moved = [x + shift if i == place else x for i, x in enumerate(row)]
        outputs = record.exact(moved, **parameters)
        return sum((u * y for u, y in zip(upstream, outputs, strict=True)), arb(0))

    gradient = record.derivative(row, upstream, **parameters)
    for place, slope in enumerate(gradient):
        rise = (total(step, place) - total(-step, place)) / (2 * step)
        assert abs(rise - slope) < arb(2) ** -200 * (1 + abs(slope))


@pytest.mark.parametrize("record", ROWWISE, ids=lambda record: record.name)
@given(row=st.lists(st.floats(-8, 8), min_size=8, max_size=8))
def test_exact_rows_are_the_printed_definition(record: Activation, row: list[float]) -> None:
    ctx.prec = 200
    found = record.exact([arb(x) for x in row], **parameters_of(record))
    expected = PRINTED_ROWS[record.name](row)
    assert [float(x) for x in found] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(row=st.lists(st.floats(-700, 700), min_size=4, max_size=4))
def test_exact_rows_and_tails_are_those_of_scipy(row: list[float]) -> None:
    """Exponentials overflow or vanish by themselves there. SciPy is off by some ulp itself."""
    ctx.prec = 2000
    balls = [arb(x) for x in row]
    for name, function in (
        ("softmax", special.softmax),
        ("log_softmax", special.log_softmax),
        ("logsumexp", lambda values: [special.logsumexp(values)]),
        ("logsigmoid", special.log_expit),
    ):
        record = find(name)
        if record.rowwise:
            found = record.exact(balls, **parameters_of(record))
        else:
            found = [record.exact(ball) for ball in balls]
        assert [float(x) for x in found] == pytest.approx(list(function(row)), rel=1e-12, abs=1e-15)


def test_what_is_left_beside_the_largest_is_exact() -> None:
    """ln(e⁰ + e⁻⁴⁰) and its kin, with 100 decimal digits."""
    ctx.prec = 300
    row = [arb(0), arb(-40)]
    with localcontext(prec=100):
        tail = Decimal(-40).exp()
        logarithm = (1 + tail).ln()
        expected = {
            "logsumexp": [logarithm],
            "softmax": [1 / (1 + tail), tail / (1 + tail)],
            "log_softmax": [-logarithm, -40 - logarithm],
        }
        for name, values in expected.items():
            found = find(name).exact(row, **parameters_of(find(name)))
            for got, value in zip(found, values, strict=True):
                apart = Decimal(got.str(60, radius=False)) / value - 1
                assert abs(apart) < Decimal("1e-50")


@given(row=st.lists(st.floats(-8, 8), min_size=4, max_size=4))
def test_the_zero_argument_is_one_number_more(row: list[float]) -> None:
    ctx.prec = 200
    for name in ("logsumexp", "softmax"):
        record = find(f"{name}(with_zero=true)")
        found = record.exact([arb(x) for x in row], **parameters_of(record))
        expected = PRINTED_ROWS[name]([*row, 0.0])[: len(row)]
        assert [float(x) for x in found] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_row_has_the_same_values_on_either_axis() -> None:
    ctx.prec = 100
    row, (last, first) = [arb(1), arb(2)], (find(f"softmax(axis={axis})") for axis in (-1, 0))
    assert (last.label, first.label) == ("softmax", "softmax(axis=0)")
    values = [record.exact(row, **parameters_of(record)) for record in (last, first)]
    assert [float(x) for x in values[0]] == [float(x) for x in values[1]]


@pytest.mark.parametrize("label", VARIANTS)
def test_labels_read_back(label: str) -> None:
    assert find(label).label == label
    assert find(find(label).label) == find(label)


def test_a_default_value_is_not_part_of_the_label() -> None:
    assert find("squareplus( b = 4.0 )").label == "squareplus"
    assert find("logsumexp(with_zero=false)").label == "logsumexp"


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("gleu", "gelu"),
        ("squarplus", "squareplus"),
        ("squareplus(c=1)", "it has: b"),
        ("squareplus(b=-1)", "at least 0"),
        ("softplus(k=0)", "above 0"),
        ("celu(alpha=0)", "above 0"),
        ("isru(alpha=-1)", "above 0"),
        ("softmax(with_zero=2)", "true or false"),
        ("maxout(k=1.5)", "whole number"),
        ("softmax(axis=1)", "from -1 to 0"),
        ("softmax(axis=0.5)", "whole number"),
        ("elu(alpha=)", "write them as"),
        ("elu(alpha=nan)", "write them as"),
        ("elu(", "unknown activation"),
    ],
)
def test_a_bad_label_is_refused_with_a_hint(label: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        find(label)


def test_a_parameter_keeps_the_kind_of_its_default() -> None:
    """What is no count is a number, however it is written."""
    assert repr(find("squareplus(b=0)").parameters["b"]) == "0.0"
    assert repr(find("maxout(k=4.0)").parameters["k"]) == "4"


@pytest.mark.parametrize("name", [name for name, record in CATALOG.items() if record.rowwise])
def test_the_length_of_a_result_is_that_of_the_exact_one(name: str) -> None:
    record = find("maxout(k=4)") if name == "maxout" else CATALOG[name]
    row = [arb(number) for number in range(8)]
    result = record.exact(row, **record.parameters)
    assert record.output_share(len(row)) == len(result) / len(row)


def test_the_constants_of_selu_keep_mean_0_and_variance_1() -> None:
    """The closed form of the paper's fixed point, to the digits of the decimals."""
    ctx.prec = 200
    one, two = ((x.exp() * x.sqrt().erfc()) for x in (arb("0.5"), arb(2)))
    pi = arb.pi()
    alpha = (2 / pi).sqrt() / (1 - one)
    spread = 2 * two + pi * one**2 - 2 * (2 + pi) * one + pi + 2
    scale = (1 - one) * (2 * pi / spread).sqrt()
    assert abs(alpha - selu_alpha()) < arb("1e-30")
    assert abs(scale - selu_scale()) < arb("1e-30")


def test_primitives_are_marked_and_count_themselves_once() -> None:
    assert sorted(PRIMITIVES) == sorted(name for name in CATALOG if CATALOG[name].primitive)
    for name in PRIMITIVES:
        assert CATALOG[name].operations == {name: 1}
    of_the_family = {name for name in CATALOG if CATALOG[name].family == "primitive"}
    assert of_the_family == {*PRIMITIVES} - {"tanh"}


@pytest.mark.parametrize("record", CATALOG.values(), ids=lambda record: record.name)
def test_operations_are_counted_in_primitives(record: Activation) -> None:
    assert record.operations
    assert set(record.operations) <= {*PRIMITIVES}
    assert all(count > 0 for count in record.operations.values())


def test_celu_is_elu_where_its_constant_is_one() -> None:
    ctx.prec = 100
    for x in (-30.0, -1e-30, 0.0, 2.5):
        one, other = find("celu"), find("elu")
        expected = other.exact(arb(x), **parameters_of(other))
        assert float(one.exact(arb(x), **parameters_of(one))) == float(expected)


def test_squareplus_without_its_constant_is_relu() -> None:
    ctx.prec = 100
    for x in (-3.0, -1e-30, 0.0, 2.5):
        exact = find("squareplus(b=0)")
        assert float(exact.exact(arb(x), **parameters_of(exact))) == max(x, 0.0)
