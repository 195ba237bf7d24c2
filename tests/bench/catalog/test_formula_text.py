"""Formulas as text: what they are worth, their slopes and kinks, and what is refused."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from actbench.bench.catalog import formula_text
from actbench.bench.catalog import formulas as exact
from actbench.bench.catalog.activations import REFERENCES, find, find_reference
from actbench.bench.catalog.formula_text import Unreadable, is_formula
from actbench.bench.exactness import double, known, reference
from actbench.bench.exactness.balls import Balls
from actbench.bench.host.errors import UsageError

# --- random formulas, evaluated by mpmath as they are written -------------------------------------

ORACLES: dict[str, Any] = {
    **{name: getattr(mpmath, name) for name in ("exp", "expm1", "tanh", "erf", "erfc", "sqrt")},
    "log": mpmath.log,
    "ln": mpmath.log,
    "log1p": mpmath.log1p,
    "abs": abs,
    "max": max,
    "min": min,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "pi": mpmath.pi,
    "e": mpmath.e,
}
SLOW = [HealthCheck.filter_too_much, HealthCheck.too_slow]
"""Many random formulas have no value: that says nothing of the strategy."""
CONSTANTS = ["2", "0.5", "0.1", "3e-1", "1", "pi", "e", "6"]
SMOOTH = ["tanh", "sigmoid", "softplus", "gelu", "erf", "erfc"]
BENT = ["relu", "abs"]


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, st.sampled_from("+-*/"), parts).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    call = st.tuples(st.sampled_from([*SMOOTH, *BENT, "exp"]), parts).map(
        lambda t: f"{t[0]}({t[1]})"
    )
    power = st.tuples(parts, st.sampled_from(["2", "3", "-1"])).map(lambda t: f"({t[0]})^{t[1]}")
    negative = parts.map(lambda part: f"(-{part})")
    extreme = st.tuples(st.sampled_from(["max", "min"]), parts, parts).map(
        lambda t: f"{t[0]}({t[1]}, {t[2]})"
    )
    choice = st.tuples(parts, parts, st.sampled_from([">", "<="])).map(
        lambda t: f"({t[0]} if x {t[2]} 0.3 else {t[1]})"
    )
    stable = parts.map(lambda part: f"log(1 + exp({part}))") | parts.map(
        lambda part: f"({part})/(1 + exp(-{part})) + (1 - tanh({part})) - (1 + erf({part}))"
    )
    return binary | call | power | negative | extreme | choice | stable


def _is_readable(text: str) -> bool:
    """Not what divides by a constant that is 0, nor what has grown too long."""
    with suppress(Unreadable):
        return is_formula(text) and bool(find_reference(text))
    return False


FORMULAS = st.recursive(st.sampled_from(["x", "x", *CONSTANTS]), _grown, max_leaves=6).filter(
    _is_readable
)


def _decimals(text: str) -> str:
    """The formula for mpmath: constants as their decimals."""
    text = re.sub(r"\d+\.?\d*(?:e-?\d+)?", lambda match: f"mpf('{match[0]}')", text)
    return (
        text.replace("^mpf('2')", "**2").replace("^mpf('3')", "**3").replace("^-mpf('1')", "**-1")
    )


def _expected(text: str, x: Any) -> Any:
    names = {**ORACLES, "mpf": mpmath.mpf, "x": x}
    return eval(_decimals(text), {"__builtins__": {}}, names)


def _arb(text: str, direction: str, x: float) -> float:
    return float(
        reference.exact_at(
            reference.function_of(find_reference(text), direction), np.array([x])
        ).values[0]
    )


@settings(max_examples=150, suppress_health_check=SLOW)
@given(text=FORMULAS, x=st.floats(-6, 6).filter(lambda x: x == 0 or abs(x) > 1e-3))
def test_a_formula_is_worth_what_mpmath_makes_of_it(text: str, x: float) -> None:
    with mpmath.workdps(250):
        try:
            expected = _expected(text, mpmath.mpf(x))
        except (ZeroDivisionError, ValueError, OverflowError, MemoryError):
            assume(False)
        assume(isinstance(expected, mpmath.mpf) and mpmath.isfinite(expected))
        assume(expected == 0 or 1e-200 < abs(expected) < 1e200)
    assert _arb(text, "forward", x) == pytest.approx(float(expected), rel=1e-14, abs=1e-240)


@settings(max_examples=60, suppress_health_check=SLOW)
@given(text=FORMULAS, x=st.floats(-4, 4).filter(lambda x: abs(x) > 1e-3))
def test_its_slope_is_that_which_mpmath_finds(text: str, x: float) -> None:
    """From both sides alike: beside a kink there is no one slope."""
    with mpmath.workdps(300):
        step = mpmath.mpf(2) ** -300
        try:
            below, here, above = (
                _expected(text, mpmath.mpf(x) + shift) for shift in (-step, 0, step)
            )
        except (ZeroDivisionError, ValueError, OverflowError, MemoryError):
            assume(False)
        assume(all(mpmath.isfinite(y) and abs(y) < 1e100 for y in (below, here, above)))
        left, right = (here - below) / step, (above - here) / step
        assume(abs(left - right) < mpmath.mpf(10) ** -40 * (1 + abs(left)))
        slope = (left + right) / 2
    found = _arb(text, "backward", x)
    assert found == pytest.approx(float(slope), rel=1e-13, abs=1e-60)


@settings(max_examples=60, suppress_health_check=SLOW)
@given(text=FORMULAS, direction=st.sampled_from(["forward", "backward"]))
def test_arrays_of_balls_hold_the_exact_value(text: str, direction: str) -> None:
    x = np.concatenate([np.linspace(-9, 9, 41), [0.3, 1e30, -1e30, 1e-30]])
    function = reference.function_of(find_reference(text), direction)
    found = double._evaluate(function, x)
    mid, rad = (np.broadcast_to(part, x.shape) for part in (found.mid, found.rad))
    ctx.prec = 400
    for at in np.flatnonzero(np.isfinite(mid) & np.isfinite(rad)):
        try:
            value = function(arb(float(x[at])))
        except exact.NoValue:
            pytest.fail(f"no value at {x[at]}")
        assert not abs(value - arb(float(mid[at]))) > arb(float(rad[at])) * (1 + arb(2) ** -40)


# --- the same as an entry of the catalogue, bit for bit -------------------------------------------

SAME = {
    "relu": "max(x, 0)",
    "leaky_relu(alpha=0.2)": "x if x > 0 else 0.2*x",
    "relu6": "min(max(x, 0), 6)",
    "gelu": "x/2*(1 + erf(x/sqrt(2)))",
    "silu": "x/(1 + exp(-x))",
    "softplus": "ln(1 + e^x)",
    "squareplus": "(x + sqrt(x² + 4))/2".replace("²", "^2"),
    "softsign": "x/(1 + abs(x))",
}


@pytest.mark.parametrize(
    ("label", "direction"),
    [
        *((label, "forward") for label in SAME),
        *((label, "backward") for label in ("relu6", "leaky_relu(alpha=0.2)", "silu", "softplus")),
    ],
)
def test_all_float16_inputs_have_the_value_of_the_catalogue_entry(
    label: str, direction: str
) -> None:
    values, rounded = known._compute(find_reference(SAME[label]), direction, "float16")
    entry = known.known(label, direction, "float16")
    assert np.array_equal(rounded, entry.rounded)
    written, own = find_reference(SAME[label]), find(label)
    assert written.kinks() == own.kinks(**own.parameters)
    x = known.inputs.from_bits(known.all_inputs("float16"), "float16")
    kinks = np.isin(x, written.kinks()) & (direction == "backward")
    assert np.array_equal(values[~kinks], entry.exact.values[~kinks], equal_nan=True)
    lowest = reference.with_kinks(reference.Reference.of(values), written, direction, x).lowest
    assert np.array_equal(lowest, entry.exact.lowest, equal_nan=True)


def test_an_array_of_balls_is_as_narrow_as_that_of_the_entry() -> None:
    """A sweep over 2³² inputs asks Arb where float64 knows too little: hundreds of times slower."""
    x = -np.exp(np.linspace(-60, 70, 4001))
    for label, text in SAME.items():
        if label in ("squareplus", "softsign"):
            continue  # as printed the value or the slope cancels
        for direction in ("forward", "backward"):
            one, other = (
                double._evaluate(reference.function_of(find_reference(name), direction), x)
                for name in (text, label)
            )
            narrow = [
                np.broadcast_to(b.rad, x.shape) <= np.abs(b.mid) * 2.0**-35 + 2.0**-200
                for b in (one, other)
            ]
            assert narrow[0].sum() >= narrow[1].sum() - 2, (text, direction)


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("relu(x)*(1 + sigmoid(2)) - 0.9*relu(-x)", (0.0,)),
        ("relu(2*x - 3)", (1.5,)),
        ("relu(x - 0.1)", ()),  # which no float64 is
        ("abs(x^2 - 1)", (-1.0, 1.0)),
        ("relu(x)^2", ()),
        ("min(max(-2, x), 3)", (-2.0, 3.0)),
        ("hard_swish(2*x)", (-1.5, 1.5)),
        ("shifted_relu(x, alpha=2)", (-2.0,)),
        ("elu(x, alpha=0.5)", (0.0,)),
        ("elu(x, alpha=1)", ()),
        ("relu(sigmoid(x) - 0.5)", (0.0,)),
        ("x if 0 < x <= 4 and x < 9 else -x", (0.0, 4.0)),
        ("gelu(x)", ()),
    ],
)
def test_kinks_are_where_the_slope_jumps(text: str, places: tuple[float, ...]) -> None:
    assert find_reference(text).kinks() == places


@pytest.mark.parametrize(
    ("text", "below", "above"),
    [
        ("ln(x)", math.nan, math.inf),
        ("x - log1p(x)", math.nan, math.inf),
        ("relu(x)*exp(-x)", 0.0, 0.0),
        ("x*sigmoid(x)", 0.0, math.inf),
        ("1/ln(2 + abs(x))", 0.0, 0.0),
        ("sqrt(x^4 + 1) - x^2", 0.0, 0.0),
        ("(x + sqrt(x^2 + 4))/2", 0.0, math.inf),
        ("x/sqrt(1 + x^2)", -1.0, 1.0),
        ("-x^3", math.inf, -math.inf),
    ],
)
def test_at_infinity_it_has_its_limit(text: str, below: float, above: float) -> None:
    values = [_arb(text, "forward", end) for end in (-math.inf, math.inf)]
    assert values == pytest.approx([below, above], nan_ok=True)


def test_poles_and_places_without_a_value_are_as_ieee_754_has_them() -> None:
    assert _arb("1/(x - 1)", "forward", 1.0) == math.inf
    assert _arb("-1/(x - 1)", "forward", 1.0) == -math.inf
    assert _arb("1/x", "forward", -0.0) == -math.inf
    assert _arb("ln(x)", "forward", 0.0) == -math.inf
    assert _arb("sqrt(x)", "backward", 0.0) == math.inf
    assert math.isnan(_arb("x/x", "forward", 0.0))
    assert math.isnan(_arb("sqrt(x)", "forward", -1.0))


def test_constants_are_the_decimals_that_they_spell() -> None:
    """A tie at the middle between two numbers of float16 is decided by the fraction."""
    text = "x*0.10000000000000000000000000000000001"
    function = reference.function_of(find_reference(text), "forward", fmpq)
    tenth = Fraction("0.10000000000000000000000000000000001")
    assert function(fmpq(3)) == fmpq(3 * tenth.numerator, tenth.denominator)
    tie = find_reference("relu(x) - 0.9*relu(-x)")
    assert reference.rounded(tie, "forward", float.fromhex("-0x1.ff4p+15"), "float16") == -58880.0


def test_an_open_branch_holds_both_of_its_values() -> None:
    """At a low precision nobody knows the sign: a ball that held one branch would be wrong."""
    function = reference.function_of(find_reference("relu(x - 0.1*10*x + 1e-40)"), "forward")
    ctx.prec = 40
    ball = function(arb(3))
    assert ball.contains(arb("1e-40"))
    assert _arb("relu(x - 0.1*10*x + 1e-40)", "forward", 3.0) == 1e-40
    larger = "max(sigmoid(x) + 1e-70, sigmoid(x))"
    assert _arb(f"{larger} - sigmoid(x)", "forward", 0.7) == pytest.approx(1e-70)


def test_operations_are_counted_once_for_equal_parts() -> None:
    assert dict(find_reference("x*tanh(softplus(x))").operations) == {
        "tanh": 1, "add": 1, "multiply": 3, "exp": 1, "log1p": 1,
    }  # fmt: skip
    twice = find_reference("sigmoid(x) + x*sigmoid(x)")
    assert dict(twice.operations) == {"exp": 1, "multiply": 2, "add": 2, "divide": 1}


def test_a_formula_is_its_own_name_and_its_domain_is_found() -> None:
    record = find_reference("  relu(x) - 0.9*relu(-x) ")
    assert record.label == record.name == "relu(x) - 0.9*relu(-x)"
    assert find(record.label).name == record.name
    assert (record.family, record.rowwise, record.domain) == ("max", False, "all")
    assert find_reference("ln(x)").domain == "positive"
    assert find_reference("x*exp(x)").family == "exp"
    assert find_reference("x + sqrt(x^2 + 1)").family == "algebraic"


# --- what is refused ------------------------------------------------------------------------------

BAD = {
    "gleu(x)": "character 1.*unknown function 'gleu': did you mean gelu",
    "x + foo": "character 5.*unknown name 'foo'",
    "2x": "character 1.*2\\*relu",
    "x +": "this is not a formula",
    "relu + x": "write relu\\(x\\)",
    "x^x": "exp\\(b\\*ln",
    "x^2.5": "a power is a whole number",
    "x^1000000000": "a power is a whole number up to 64",
    "2^2^2^2^2^2*x": "a power",
    "1e999999999*x": "between 1e-400 and 1e400",
    "x + 1/0": "divides by zero",
    "x + 'a'": "a decimal number",
    "1j*x": "a decimal number",
    "0x10*x": "a decimal number",
    "True*x": "a decimal number",
    "x.real*2": "is not read",
    "x[0]": "is not read",
    "(lambda: x)()": "is not read",
    "[x for x in x]": "is not read",
    "(x := 2) + x": "is not read",
    "f'{x}'": "is not read",
    "__import__('os').system('true') + x": "is not read",
    "exp(x).__class__": "is not read",
    "x if x == 0 else 1": "compares by size",
    "x if x else 1": "compares by size",
    "relu(x, x)": "takes one number",
    "max(x)": "takes several numbers",
    "max(*x, 2)": "is not read",
    "relu(x, alpha=1)": "no parameter 'alpha'",
    "squareplus(x, b=-1)": "at least 0",
    "prelu(x, per_channel=2)": "true or false",
    "softmax(x)": "unknown function",
    "softplus(x, k=1 + relu(x))": "a parameter does not change with x",
    "α*x": "unknown name",
    "x\0+1": "not a formula|characters",
    "x\ud800+1": "not a formula|characters",
}


@pytest.mark.parametrize("text", BAD, ids=repr)
def test_what_is_no_formula_is_one_sentence_with_the_place(text: str) -> None:
    with pytest.raises(UsageError, match=BAD[text]) as caught:
        find_reference(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "x" + ")" * 10_000,
        "-" * 10_000 + "x",
        "-" * 900 + "x",
        "(" * 190 + "x" + ")" * 190 + "+1*(",
        "abs(" * 190 + "x" + ")" * 190,
        "+".join(["x"] * 450),
        "x**" * 300 + "x",
        "9" * 5000 + "*x",
    ],
    ids=range(8),
)
def test_what_is_too_deep_or_too_long_is_refused_at_once(text: str) -> None:
    with pytest.raises(Unreadable):
        find_reference(text)


@given(st.text(alphabet="x+-*/^().,0123456789e relumaxif<>=", max_size=40))
def test_no_text_ends_in_anything_but_a_formula_or_a_sentence(text: str) -> None:
    with suppress(UsageError):
        formula_text.read(text, REFERENCES)


@pytest.mark.parametrize("label", ["relu", "squareplus( b = 4.0 )", "elu(alpha=-1)", "elu(", ""])
def test_a_label_is_no_formula(label: str) -> None:
    assert not is_formula(label)


def test_names_that_look_like_formulas_are_tried_on_balls_of_every_kind() -> None:
    """The balls that the catalogue computes with stay what they are."""
    x = Balls(np.array([-2.0, 0.5]))
    for name, record in REFERENCES.items():
        if not record.rowwise and record.domain == "all":
            written = find_reference(f"{name}(x) + 0*x")
            assert np.isfinite(reference.function_of(written, "forward")(x).mid).all(), name
