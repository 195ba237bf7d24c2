"""Formulas as text, `relu(x)*(1 + sigmoid(2)) - 0.9*relu(-x)`, as exact functions of balls.

A text is parsed as a Python expression, of which only a few kinds of nodes are accepted; it is
never executed. Each step computes its value and, on request, its slope (forward mode), on Arb's
balls, on arrays of float64 balls and on rational numbers alike. A constant is the fraction that it
spells. Expressions that are known to cancel or to overflow are computed in another way
(`_Reader._stable`).
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial, reduce
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from flint import arb, ctx, fmpq

from ..host.errors import UsageError
from . import formulas as exact
from .nearest import nearest

if TYPE_CHECKING:
    from .activations import Activation

LONGEST = 1000
"""The most characters of a text."""
_DEEPEST = 100
_LARGE = 10**300
_POWERS = 64
_EXPONENTS = 400
"""The deepest nesting, the largest power, and the largest power of ten of a constant."""


class Unreadable(UsageError):
    """A formula that cannot be read, with the place and the reason."""


@dataclass(frozen=True)
class At:
    """A place: x, its slope (1, or None where only values are wanted) and the parameters."""

    x: Any
    slope: int | None
    parameters: Mapping[str, Any]

    def number(self, fraction: Fraction) -> Any:
        """A constant of the kind that x is: a ball, or a rational number."""
        rational = fmpq(fraction.numerator, fraction.denominator)
        return rational if isinstance(self.x, fmpq) else arb(rational)


Step = Callable[[At], tuple[Any, Any]]
"""A part of a formula: maps a place to its value and slope; the slope is None where it is 0 or not
wanted."""
Bends = Callable[[Mapping[str, Any]], Iterable[Step]]
"""The parts, for given parameters, that are 0 where a branch changes."""


@dataclass(frozen=True)
class Formula:
    """A formula that was read.

    `bends` give the parts that are 0 where a branch changes; `operations` counts primitives as the
    catalogue does.
    """

    step: Step
    family: Literal["max", "exp", "algebraic"]
    operations: Mapping[str, int]
    bends: tuple[Bends, ...]

    @property
    def exact(self) -> Callable[..., Any]:
        """The value at x, a function of a ball and the parameters."""
        step = self.step

        def value(x: Any, **parameters: Any) -> Any:
            return step(At(x, None, parameters))[0]

        return value

    @property
    def derivative(self) -> Callable[..., Any]:
        """The derivative at x; at a kink, that of the branch taken there."""
        step = self.step

        def slope(x: Any, **parameters: Any) -> Any:
            at = At(x, 1, parameters)
            slope_there = step(at)[1]
            return at.number(Fraction(slope_there or 0)) if _is_seed(slope_there) else slope_there

        return slope

    @property
    def kinks(self) -> Callable[..., tuple[float, ...]]:
        """The float64 inputs at which the derivative jumps."""
        kinks_of = cache(lambda given: _kinks(self, dict(given)))
        return lambda **parameters: kinks_of(tuple(parameters.items()))

    @property
    def domain(self) -> Literal["all", "positive"]:
        """`positive` where no negative number has a value, with every parameter 1."""
        return exact.domain(lambda x: self.step(At(x, None, _Ones())))


class _Ones(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return arb(1)


_LABEL = re.compile(r"\s*[^\W\d]\w*\s*(\((\s*\w+\s*=[^=(),]*,?)*\)?)?\s*")
_COMPUTES = re.compile(r"(\b|\d)x\b|[-+*/^−·×÷]")


def is_formula(text: str) -> bool:
    """Return whether a text computes something: a name with or without parameters does not."""
    named = _LABEL.fullmatch(text) and text.strip() != "x"
    return not named and bool(_COMPUTES.search(text))


def read(text: str, functions: Mapping[str, Activation], parameters: Iterable[str] = ()) -> Formula:
    """Read a formula of x and `parameters`, which may call `functions` by name.

    Raises Unreadable, with the place and the reason.
    """
    reader = _Reader(text, functions, tuple(parameters))
    part = reader.part(reader.tree, 0)
    names = set(reader.families)
    family: Literal["max", "exp", "algebraic"] = (
        "exp" if "exp" in names else "max" if "max" in names else "algebraic"
    )
    return Formula(part.step, family, dict(reader.operations), tuple(reader.bends))


# --- the text -------------------------------------------------------------------------------------

_SIGNS = str.maketrans({"−": "-", "·": "*", "×": "*", "÷": "/", "π": "pi", "\n": " ", "\t": " "})
_COMPARED = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
_ALIASES = {"abs": "absolute", "ln": "log"}
_FLAGS = {"true": True, "false": False}
_EXTREMES = {"max": ">", "maximum": ">", "min": "<", "minimum": "<"}
_STANDS_FOR = {"log": "log1p", "exp2": "exp", "erfc": "erf"}
"""Operations that are counted as another one, which is measured in every framework."""
_OF_EXP = ("exp", "expm1", "exp2", "log", "log1p", "tanh", "erf", "erfc")
_SHAPE = "write it as 2*relu(x) - exp(-x^2)"
_Value = Step | bool | int
_Given = Mapping[str, _Value]
"""The parameters of a call: steps, flags and counts."""


@dataclass(frozen=True)
class _Part:
    """A step, and what is known of it.

    `constant` is its fraction, if it is one; `call` its function and argument, if it is a call
    without parameters; `beside_one` the other term, if it is a sum with 1.
    """

    step: Step
    constant: Fraction | None = None
    call: tuple[str, _Part] | None = None
    beside_one: _Part | None = None

    def argument_of(self, name: str) -> _Part | None:
        """The argument, if this is a call of the named function."""
        return self.call[1] if self.call and self.call[0] == name else None


class _Reader:
    """Reads one text."""

    def __init__(
        self, text: str, functions: Mapping[str, Activation], parameters: tuple[str, ...]
    ) -> None:
        self._text = text.strip()
        self._functions, self._parameters = functions, parameters
        self.bends: list[Bends] = []
        self.families: list[str] = []
        self.operations: Counter[str] = Counter()
        self._counted: set[str] = set()
        if len(self._text) > LONGEST:
            raise Unreadable(
                f"a formula of {len(self._text):,} characters is too long: {LONGEST:,} at most"
            )
        self._python, self._origin = _as_python(self._text)
        self.tree = self._parsed()

    def _parsed(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self._python, mode="eval").body
        except SyntaxError as error:
            raise self._at((error.offset or 1) - 1, f"this is not a formula: {_SHAPE}") from None
        except (RecursionError, MemoryError):
            raise Unreadable("the formula is nested too deep") from None
        except ValueError:
            raise Unreadable("the formula has characters that no text has") from None

    def _refused(self, tree: ast.expr, reason: str) -> Unreadable:
        """Return an error with the place of a node."""
        before = self._python.encode()[: getattr(tree, "col_offset", 0)].decode(errors="ignore")
        return self._at(len(before), reason)

    def _at(self, place: int, reason: str) -> Unreadable:
        place = self._origin[min(max(place, 0), len(self._origin) - 1)]
        rest = self._text[place : place + 20] or "its end"
        return Unreadable(f"cannot read the formula at character {place + 1}, {rest!r}: {reason}")

    # --- parts

    def part(self, tree: ast.expr, depth: int) -> _Part:
        """The step of a node."""
        if depth > _DEEPEST:
            raise self._refused(tree, f"more than {_DEEPEST} steps are nested here")
        below = depth + 1
        match tree:
            case ast.Constant():
                return _constant(self._number(tree))
            case ast.Name(id=name):
                return self._named(tree, name)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.part(inner, below)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._negative(tree, self.part(inner, below))
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self._power(tree, base, exponent, below)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                assert isinstance(tree, ast.BinOp)
                first, second = self.part(left, below), self.part(right, below)
                return self._combined(tree, operator, first, second)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(tree, name, below)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._count(tree, "maximum")
                condition = self._condition(test, below)
                yes, no = self.part(body, below), self.part(orelse, below)
                return _Part(_choice(condition, yes.step, no.step))
        raise self._refused(tree, f"this is not read: {_SHAPE}")

    def _number(self, tree: ast.Constant) -> Fraction:
        text = ast.get_source_segment(self._python, tree) or ""
        plain = re.fullmatch(r"(\d[\d_]*\.?\d*|\.\d+)(?:[eE]([-+]?\d{1,9}))?", text)
        if not plain or isinstance(tree.value, bool):
            raise self._refused(tree, "a constant is a decimal number, as 0.044715 or 1e-3")
        if abs(int(plain[2] or 0)) > _EXPONENTS:
            raise self._refused(tree, f"a constant lies between 1e-{_EXPONENTS} and 1e{_EXPONENTS}")
        return Fraction(text)

    def _named(self, tree: ast.expr, name: str) -> _Part:
        if name in self._parameters:
            return _Part(_parameter(name))
        if name in _NAMED:
            return _Part(_NAMED[name])
        known = ["x", "pi", "e", *self._parameters]
        if self._function_of(name) or name in _EXTREMES:
            raise self._refused(tree, f"{name} is a function: write {name}(x)")
        raise self._refused(tree, f"unknown name {name!r}: {nearest(name, known)}")

    def _negative(self, tree: ast.expr, part: _Part) -> _Part:
        if part.constant is not None:
            return _constant(-part.constant)
        self._count(tree, "multiply")
        return _Part(_negated(part.step))

    def _combined(self, tree: ast.BinOp, operator: Any, first: _Part, second: _Part) -> _Part:
        folded, step, counted = _OPERATORS[type(operator)]
        if first.constant is not None and second.constant is not None:
            if isinstance(operator, ast.Div) and second.constant == 0:
                raise self._refused(tree, "this divides by zero")
            return _constant(folded(first.constant, second.constant))
        by_number = isinstance(operator, ast.Div) and not _depends(tree.right)
        self._count(tree, "multiply" if by_number else counted)
        plain = _Part(step(first.step, second.step))
        return self._stable(operator, first, second) or plain

    def _stable(self, operator: Any, first: _Part, second: _Part) -> _Part | None:
        """Two parts combined without what is known to cancel or to overflow.

        1 ± erf a, 1 ± tanh a, 1 − sigmoid a, e^a − 1, and what is divided by 1 + e^a.
        """
        match operator:
            case ast.Add() if 1 in (first.constant, second.constant):
                rest = second if first.constant == 1 else first
                return self._complement(rest, 1) or _Part(
                    _total(first.step, second.step), beside_one=rest
                )
            case ast.Sub() if second.constant == 1 and (power := first.argument_of("exp")):
                return self._applied("expm1", power)
            case ast.Sub() if first.constant == 1:
                return self._complement(second, -1)
            case ast.Div() if second.beside_one and (power := second.beside_one.argument_of("exp")):
                gate = self._applied("sigmoid", _Part(_negated(power.step)))
                return _Part(_product(first.step, gate.step))
        return None

    def _complement(self, part: _Part, sign: int) -> _Part | None:
        """Return 1 ± a call, computed without cancellation; None where that is not known."""
        name, inner = part.call or ("", part)
        turned = inner.step if sign > 0 else _negated(inner.step)
        if name == "erf":
            return self._applied("erfc", _Part(_negated(turned)))
        if name == "tanh":
            twice = _constant(Fraction(2)).step
            gate = self._applied("sigmoid", _Part(_product(twice, turned)))
            return _Part(_product(twice, gate.step))
        if name == "sigmoid" and sign < 0:
            return self._applied("sigmoid", _Part(turned))
        return None

    def _power(self, tree: ast.expr, base: ast.expr, exponent: ast.expr, depth: int) -> _Part:
        power = self.part(exponent, depth)
        if power.constant is None:
            return self._exponential(tree, base, power, depth)
        part = self.part(base, depth)
        if power.constant == Fraction(1, 2):
            return self._function(tree, "sqrt", part)
        if power.constant.denominator != 1 or abs(power.constant) > _POWERS:
            raise self._refused(
                exponent,
                f"a power is a whole number up to {_POWERS}, or 0.5; or write exp(b*ln(a))",
            )
        whole = int(power.constant)
        if part.constant is not None and (part.constant or whole >= 0):
            return _constant(part.constant**whole)
        self._count(tree, "multiply", max(abs(whole).bit_length() + abs(whole).bit_count() - 2, 0))
        if whole < 0:
            self._count(tree, "divide")
            return _Part(_quotient(_constant(Fraction(1)).step, _raised(part.step, -whole)))
        return _Part(_raised(part.step, whole))

    def _exponential(self, tree: ast.expr, base: ast.expr, power: _Part, depth: int) -> _Part:
        if isinstance(base, ast.Name) and base.id == "e" and "e" not in self._parameters:
            return self._function(tree, "exp", power)
        part = self.part(base, depth)
        if part.constant == 2:
            return self._function(tree, "exp2", power)
        raise self._refused(tree, "a power with x above is e^a or 2^a; or write exp(b*ln(a))")

    def _condition(self, tree: ast.expr, depth: int) -> Callable[[At], Any]:
        """A condition: comparisons in order of size, and those joined by `and` and `or`."""
        if isinstance(tree, ast.BoolOp):
            parts = [self._condition(value, depth + 1) for value in tree.values]
            join = _all if isinstance(tree.op, ast.And) else _any
            return reduce(join, parts)
        if not isinstance(tree, ast.Compare) or not {*map(type, tree.ops)} <= _COMPARED.keys():
            raise self._refused(tree, "a condition compares by size: a if x > 0 else b")
        sides = [self.part(side, depth).step for side in (tree.left, *tree.comparators)]
        signs = [_COMPARED[type(operator)] for operator in tree.ops]
        self._bend(sides)
        compared = [
            _comparison(sign, *pair) for sign, pair in zip(signs, pairwise(sides), strict=True)
        ]
        return reduce(_all, compared)

    # --- functions

    def _function_of(self, name: str) -> Activation | None:
        function = self._functions.get(_ALIASES.get(name, name))
        return None if function is None or function.rowwise else function

    def _call(self, tree: ast.Call, name: str, depth: int) -> _Part:
        given = tree.args
        if any(isinstance(argument, ast.Starred) for argument in given):
            raise self._refused(tree, f"this is not read: {_SHAPE}")
        if name in _EXTREMES and len(given) > 1 and not tree.keywords:
            self._count(tree, "maximum", len(given) - 1)
            steps = [self.part(argument, depth).step for argument in given]
            self._bend(steps)
            return _Part(reduce(partial(_extreme, _EXTREMES[name]), steps))
        if name in _EXTREMES and self._function_of(name) is None:
            raise self._refused(tree, f"{name} takes several numbers: {name}(x, 0)")
        if self._function_of(name) is None:
            known = [
                *_ALIASES,
                "max",
                "min",
                *(key for key in self._functions if self._function_of(key)),
            ]
            raise self._refused(tree, f"unknown function {name!r}: {nearest(name, known)}")
        if len(given) != 1:
            raise self._refused(tree, f"{name} takes one number, and parameters by name")
        argument = self.part(given[0], depth)
        return self._function(tree, name, argument, self._keywords(tree, name, depth))

    def _keywords(self, tree: ast.Call, name: str, depth: int) -> _Given:
        """The parameters of a call: numbers as steps, flags and counts unchanged."""
        function = self._function_of(name)
        assert function is not None
        given: dict[str, _Value] = {}
        for keyword in tree.keywords:
            key, value = keyword.arg or "", keyword.value
            if _depends(value):
                raise self._refused(value, f"a parameter does not change with x: {key}=2")
            literal = value.value if isinstance(value, ast.Constant) else None
            if isinstance(value, ast.Name) and value.id in _FLAGS:
                literal = _FLAGS[value.id]
            default = function.parameters.get(key, 0.0)
            if isinstance(literal, bool) or isinstance(default, int):
                number: float = literal if isinstance(literal, int) else float("nan")
            else:
                part = self.part(value, depth)
                number = default if part.constant is None else float(part.constant)
            try:
                checked = function.with_parameters(**{key: number})
            except (UsageError, TypeError, ValueError) as error:
                raise self._refused(value, str(error)) from None
            kept = checked.parameters[key]
            given[key] = kept if isinstance(kept, int) else part.step
        return given

    def _function(
        self, tree: ast.expr, name: str, argument: _Part, given: _Given | None = None
    ) -> _Part:
        """A function as it was written, counted as its operations."""
        name = _ALIASES.get(name, name)
        function = self._function_of(name)
        assert function is not None
        for operation, count in function.operations.items():
            self._count(tree, operation, round(count))
        if name == "log" and argument.beside_one and not given:
            name, argument = "log1p", argument.beside_one
        if name == "log1p" and (power := argument.argument_of("exp")):
            name, argument = "softplus", power
        return self._applied(name, argument, given or {})

    def _applied(self, name: str, argument: _Part, given: _Given = MappingProxyType({})) -> _Part:
        """A function of a part."""
        function = self._function_of(name)
        assert function is not None
        self.families.append("exp" if name in _OF_EXP else function.family)
        step = argument.step
        parameters = {key: _default(value) for key, value in function.parameters.items()}
        parameters.update(given)
        self.bends.append(_bends_of(function.kinks, step, parameters))
        value, slope = _PLAIN.get(name) or (function.exact, function.derivative)
        return _Part(
            _called(value, slope, step, parameters), call=None if given else (name, argument)
        )

    def _bend(self, sides: list[Step]) -> None:
        """Note that a branch changes where neighbours are equal."""
        self.families.append("max")
        parts = [_difference(side, next_side) for side, next_side in pairwise(sides)]
        self.bends.append(lambda _: parts)

    def _count(self, tree: ast.expr, operation: str, times: int = 1) -> None:
        """Count an operation once per distinct part of the formula, and not at all on numbers
        alone."""
        operation = _STANDS_FOR.get(operation, operation)
        key = f"{operation} {ast.dump(tree)}"
        if times and _depends(tree) and key not in self._counted:
            self._counted.add(key)
            self.operations[operation] += times


def _depends(tree: ast.expr) -> bool:
    """Return whether a part of a formula depends on x."""
    return any(isinstance(node, ast.Name) and node.id == "x" for node in ast.walk(tree))


def _as_python(text: str) -> tuple[str, list[int]]:
    """A text in Python's notation, and the original place of each character."""
    pairs = [
        (written, place)
        for place, character in enumerate(text)
        for written in ("**" if character == "^" else character.translate(_SIGNS))
    ]
    return "".join(written for written, _ in pairs), [*(place for _, place in pairs), len(text)]


# --- steps ----------------------------------------------------------------------------------------


def _is_seed(slope: Any) -> bool:
    """Return whether a slope is that of x itself, or None."""
    return slope is None or isinstance(slope, int)


def _constant(fraction: Fraction) -> _Part:
    """A constant as a step; as a ball it is read from its decimals, like the catalogue's
    parameters."""
    short = repr(float(fraction)) if abs(fraction) < _LARGE else ""
    written = short if short and Fraction(short) == fraction else ""

    def step(at: At) -> tuple[Any, Any]:
        decimal = written and not isinstance(at.x, fmpq)
        return arb(written) if decimal else at.number(fraction), None

    return _Part(step, fraction)


def _parameter(name: str) -> Step:
    return lambda at: (at.parameters[name], None)


_NAMED: Mapping[str, Step] = {
    "x": lambda at: (at.x, at.slope),
    "pi": lambda at: (arb.pi(), None),
    "e": lambda at: (arb.const_e(), None),
}


def _times(slope: Any, factor: Any) -> Any:
    """The product of a slope and a factor; None stays None, and the slope of x itself is 1."""
    if slope is None:
        return None
    return factor if isinstance(slope, int) else slope * factor


def _plus(first: Any, second: Any) -> Any:
    """The sum of two slopes, at most one of which is that of x itself."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _negated(part: Step) -> Step:
    def step(at: At) -> tuple[Any, Any]:
        value, slope = part(at)
        return -value, _times(slope, at.number(Fraction(-1)))

    return step


def _total(first: Step, second: Step) -> Step:
    def step(at: At) -> tuple[Any, Any]:
        (u, du), (v, dv) = first(at), second(at)
        return u + v, _plus(_times(du, at.number(_ONE)), dv)

    return step


def _difference(first: Step, second: Step) -> Step:
    return _total(first, _negated(second))


def _product(first: Step, second: Step) -> Step:
    def step(at: At) -> tuple[Any, Any]:
        (u, du), (v, dv) = first(at), second(at)
        return u * v, _plus(_times(du, v), _times(dv, u))

    return step


def _quotient(first: Step, second: Step) -> Step:
    def step(at: At) -> tuple[Any, Any]:
        (u, du), (v, dv) = first(at), second(at)
        if dv is None:
            return _divided(u, v), None if du is None else _divided(_times(du, at.number(_ONE)), v)
        rise = _plus(_times(du, v), _times(dv, -u))
        return _divided(u, v), _divided(rise, v * v)

    return step


_ONE = Fraction(1)


def _divided(u: Any, v: Any) -> Any:
    """Return u / v: at a pole ±∞ as in IEEE 754, no value for 0 / 0. Arrays are divided as they
    are."""
    zero = v == 0
    return _pole(u) if isinstance(zero, bool) and zero else u / v


def _pole(u: Any) -> Any:
    if not isinstance(u, arb | fmpq | int):
        return u / 0.0
    if u == 0:
        exact.no_value()
    return arb.pos_inf() if u > 0 else arb.neg_inf()


def _raised(part: Step, power: int) -> Step:
    if power == 1:
        return part

    def step(at: At) -> tuple[Any, Any]:
        value, slope = part(at)
        if slope is None:
            return value**power, None
        below = value ** (power - 1) if power > 2 else value
        return below * value, _times(slope, at.number(Fraction(power)) * below)

    return step


def _compared(sign: str, u: Any, v: Any) -> Any:
    """Compare two values; the condition stays open where balls of Arb overlap."""
    kinds = {type(u), type(v)}
    if arb in kinds and kinds <= {arb, fmpq}:
        u = exact.Enclosed(u)
    if sign in (">", "<"):
        return u > v if sign == ">" else u < v
    return u >= v if sign == ">=" else u <= v


def _comparison(sign: str, first: Step, second: Step) -> Callable[[At], Any]:
    return lambda at: _compared(sign, first(at)[0], second(at)[0])


def _all(first: Callable[[At], Any], second: Callable[[At], Any]) -> Callable[[At], Any]:
    return lambda at: first(at) & second(at)


def _any(first: Callable[[At], Any], second: Callable[[At], Any]) -> Callable[[At], Any]:
    return lambda at: first(at) | second(at)


def _choice(condition: Callable[[At], Any], yes: Step, no: Step) -> Step:
    return lambda at: _chosen(at, condition(at), lambda: yes(at), lambda: no(at))


def _extreme(sign: str, first: Step, second: Step) -> Step:
    def step(at: At) -> tuple[Any, Any]:
        taken, left = first(at), second(at)
        if taken[1] is None:  # of equals a constant is chosen, as max(x, 0) does at 0
            taken, left = left, taken
        return _chosen(at, _compared(sign, taken[0], left[0]), lambda: taken, lambda: left)

    return step


Pair = tuple[Any, Any]


def _chosen(at: At, condition: Any, yes: Callable[[], Pair], no: Callable[[], Pair]) -> Pair:
    """The value and slope of one of two branches, or of both where the condition is open."""
    if isinstance(condition, bool):
        return yes() if condition else no()
    (u, du), (v, dv) = _held(yes), _held(no)
    value = exact.bare(condition.choose(u, v))
    if du is None and dv is None:
        return value, None
    zero = at.number(Fraction(0))
    slopes = (zero if slope is None else _times(slope, zero + 1) for slope in (du, dv))
    return value, exact.bare(condition.choose(*slopes))


def _held(branch: Callable[[], Pair]) -> Pair:
    try:
        return branch()
    except exact.NoValue:
        return arb.nan(), arb.nan()


def _default(value: float | int | bool) -> _Value:
    """A parameter's default as a step; flags and counts unchanged."""
    if isinstance(value, int):
        return value
    return _constant(Fraction(repr(value))).step


def _called(
    value: Callable[..., Any],
    derivative: Callable[..., Any],
    argument: Step,
    parameters: Mapping[str, _Value],
) -> Step:
    """A function of the catalogue as a step; an inexact ball leaves overlapping branches open."""

    def step(at: At) -> tuple[Any, Any]:
        u, du = argument(at)
        named = {
            name: given if isinstance(given, int) else given(at)[0]
            for name, given in parameters.items()
        }
        if isinstance(u, arb) and not u.is_exact():
            u = exact.Enclosed(u)
        slope = None if du is None else _times(du, _of_kind(u, derivative(u, **named)))
        return _of_kind(u, value(u, **named)), slope

    return step


def _of_kind(x: Any, value: Any) -> Any:
    """A value as a number of the same kind as x; constants of the catalogue are balls."""
    value = exact.bare(value)
    known = isinstance(x, fmpq) and isinstance(value, arb) and value.is_exact()
    return value.fmpq() if known and value.is_finite() else value


def _exp(x: Any) -> Any:
    return x.exp()


def _over(x: Any) -> Any:
    return _divided(1, x)


_PLAIN: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "exp": (_exp, _exp),
    "expm1": (lambda x: x.expm1(), _exp),
    "log": (lambda x: exact.logarithm(x, lambda: x.log()), _over),
    "log1p": (
        lambda x: exact.logarithm(1 + x, lambda: x.log1p()),
        lambda x: _over(1 + x),
    ),
}
"""Functions that are finite at ±FAR, because a part may grow more slowly than the other side."""


def _bends_of(
    kinks: Callable[..., tuple[float, ...]], argument: Step, parameters: Mapping[str, _Value]
) -> Bends:
    """The bends of a function: its argument less each of its kinks."""

    def bends(given: Mapping[str, Any]) -> list[Step]:
        at = At(arb(0), None, given)
        numbers = {
            name: value if isinstance(value, int) else float(value(at)[0])
            for name, value in parameters.items()
        }
        return [_total(argument, _constant(Fraction(-kink)).step) for kink in kinks(**numbers)]

    return bends


# --- kinks ----------------------------------------------------------------------------------------

_GRID = sorted(
    {0.0}
    | {
        sign * part * 2.0**power
        for sign in (1, -1)
        for part in (1, 1.25, 1.5, 1.75)
        for power in range(-30, 31)
    }
)
_COARSE, _FINE = 128, 4096
_STEPS = 200
_BESIDE, _JUMP = arb(2) ** -3000, arb(2) ** -1000


def _kinks(formula: Formula, parameters: Mapping[str, float | int | bool]) -> tuple[float, ...]:
    """The inputs of size 2⁻³⁰ to 2³¹, and 0, where a branch changes and the derivative jumps."""
    given = {name: _exactly(value) for name, value in parameters.items()}
    ctx.prec = _COARSE
    parts = [part for bends in formula.bends for part in bends(given)]
    places = {place for part in parts for place in _zeros(part, given)}
    return tuple(place for place in sorted(places) if _jumps(formula.derivative, place, given))


def _exactly(value: float | int | bool) -> Any:
    if isinstance(value, int):
        return value
    fraction = Fraction(repr(value))
    return fmpq(fraction.numerator, fraction.denominator)


def _zeros(bend: Step, parameters: Mapping[str, Any]) -> Iterator[float]:
    """The float64 inputs at which a part is 0, bracketed by a change of its sign."""
    signs = [(place, _sign(bend, place, parameters)) for place in _GRID]
    yield from (place for place, sign in signs if sign == 0)
    for (low, below), (high, above) in pairwise(signs):
        if below and above and below != above:
            for _ in range(_STEPS):
                middle = low + (high - low) / 2
                if not low < middle < high:
                    break
                sign = _sign(bend, middle, parameters)
                if sign == 0:
                    yield middle
                    break
                low, high = (middle, high) if sign == below else (low, middle)


def _sign(bend: Step, place: float, parameters: Mapping[str, Any]) -> int | None:
    """The sign of a part at a place; None where it has no value."""
    ctx.prec = _COARSE
    try:
        value = bend(At(arb(place), None, parameters))[0]
    except exact.NoValue:
        return None
    return 1 if value > 0 else -1 if value < 0 else 0


def _jumps(slope: Callable[..., Any], place: float, parameters: Mapping[str, Any]) -> bool:
    ctx.prec = _FINE
    try:
        below, above = (slope(arb(place) + side * _BESIDE, **parameters) for side in (-1, 1))
    except exact.NoValue:
        return False
    return bool(abs(above - below) > _JUMP)


_OPERATORS: Mapping[type[ast.operator], tuple[Callable[..., Any], Callable[..., Step], str]] = {
    ast.Add: (lambda a, b: a + b, _total, "add"),
    ast.Sub: (lambda a, b: a - b, _difference, "add"),
    ast.Mult: (lambda a, b: a * b, _product, "multiply"),
    ast.Div: (lambda a, b: a / b, _quotient, "divide"),
}
"""For each operator: the function of two constants, that of two steps, and the operation counted.
"""
