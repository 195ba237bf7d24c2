"""The process of a user's own reference: `python reference_server DESCRIPTOR FUNCTION GRADIENT`.

It answers with balls. A function of Arb's balls returns one itself. A function of mpmath's numbers
is computed at two precisions, and the ball around the finer value is 16 times as wide as their
difference. Where no gradient is given, it is the central difference over two steps, at three times
the bits, in a ball twice as wide as their difference.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from flint import arb, ctx

from .formulas import NoValue
from .own_reference import PLACES, SECONDS, Answer, Exact, Failed, No

_FINEST = 2**14
"""The bits at which a value that is 0 at fewer bits must still be 0."""
_LONG = 1536
"""The bits from which on a ball that is not finite is evaluated from both sides."""
_TRIED = 0.75
_BESIDE, _AGREED = 500, 120
_STEP, _JUMP = 200, 100
"""Powers of 1/2: the distances of the sides of a pole and of a kink, and their difference."""
Number = Callable[[Any], Any]


class _Refused(Exception):
    """Something that a reference cannot be; the text says what."""


class _Reference:
    """A function that was loaded."""

    def __init__(self, address: str) -> None:
        self.address = address
        where, _, name = address.partition(":")
        try:
            module: Any = importlib.import_module(where)
        except Exception as error:
            raise _Refused(f"cannot import {where}: {error}") from None
        loaded: Any = module
        for part in name.split("."):
            loaded = getattr(loaded, part, None)
        if not callable(loaded):
            raise _Refused(f"{where} has no function {name}")
        self._function: Number = loaded
        file = getattr(module, "__file__", None)
        self.source = sha256(Path(file).read_bytes()).hexdigest() if file else ""
        self._of_balls = self._takes_balls()

    def _takes_balls(self) -> bool:
        """Return whether it computes with flint: mpmath's numbers would drop a ball's radius."""
        packages = set(_packages(self._function))
        if {"mpmath", "flint"} & packages:
            return "mpmath" not in packages
        try:
            self._at(arb(_TRIED), 64)
        except (AttributeError, TypeError):
            return True
        except Exception:
            pass
        return False

    def value(self, x: arb, bits: int) -> arb:
        """The value at an exact number. Raises NoValue where there is none."""
        try:
            ball = self._plain(x, bits)
        except ZeroDivisionError:
            return self._beside(x)
        except ValueError:
            raise NoValue from None
        lost = not ball.is_finite() and (ball.is_nan() or not ball.is_exact())
        return self._beside(x) if lost and bits >= _LONG else ball

    def _plain(self, x: arb, bits: int) -> arb:
        if not self._of_balls:
            return self._between(x, bits)
        with _precision(bits):
            ball = self._function(x)
            return ball if isinstance(ball, arb) else arb(ball)

    def _between(self, x: arb, bits: int) -> arb:
        coarse, fine = self._at(x, bits), self._at(x, 2 * bits)
        if fine.is_zero() and bits < _FINEST:
            coarse, fine = fine, self._at(x, _FINEST)
        if not fine.is_finite():
            return fine
        with _precision(4 * bits):
            return arb(fine, 16 * abs(fine - coarse).upper())

    def _at(self, x: arb, bits: int) -> arb:
        import mpmath
        from mpmath.libmp import from_man_exp

        mantissa, exponent = x.man_exp()
        number = mpmath.mp.make_mpf(from_man_exp(int(mantissa), int(exponent)))
        with mpmath.workprec(bits):
            value = self._function(number)
        if isinstance(value, float):
            raise _Refused(f"{self.address} returns a float: compute with mpmath's functions")
        value = mpmath.mpmathify(value)
        if isinstance(value, mpmath.mpc):
            value = value.real if value.imag == 0 else mpmath.nan
        if mpmath.isnan(value):
            raise NoValue
        if mpmath.isinf(value):
            return arb.pos_inf() if value > 0 else arb.neg_inf()
        sign, mantissa, exponent, _ = value._mpf_
        return arb(((-1) ** sign * int(mantissa), int(exponent)))

    def _beside(self, x: arb) -> arb:
        """The value at a division by zero: the limit of both sides, or else a pole."""
        with _precision(4 * _BESIDE):
            step = arb((1, -_BESIDE)) * (1 if x.is_zero() else abs(x))
            below, above = (self._plain((x + side * step).mid(), 4 * _BESIDE) for side in (-1, 1))
            if abs(above - below) <= abs(above) * arb((1, -_AGREED)):
                return arb(above, abs(above - below).upper())
            if abs(above) > arb((1, _BESIDE // 2)) and abs(below) > arb((1, _BESIDE // 2)):
                return arb.pos_inf() if above > 0 else arb.neg_inf()
        raise NoValue

    def slope(self, x: arb, bits: int) -> arb:
        """The derivative at an exact number, by central differences."""
        size = 0 if x.is_zero() else _binade(x)
        if not self.value(x, 4 * _BESIDE).is_finite():
            return self._at_pole(x)
        with _precision(3 * bits + 64 + 2 * max(0, -size)):
            steps = [arb((1, size - bits // 3 - half)) for half in (0, 1)]
            first, second = (
                (self._moved(x, step) - self._moved(x, -step)) / (2 * step) for step in steps
            )
            return second + arb(0, 2 * abs(first - second).upper())

    def _at_pole(self, x: arb) -> arb:
        """The sign that an infinite derivative has on the upper side."""
        with _precision(4 * _BESIDE):
            beside = self.slope((x + arb((1, -_BESIDE))).mid(), 4 * _BESIDE)
        if not abs(beside) > arb((1, _BESIDE)):
            raise NoValue
        return arb.pos_inf() if beside > 0 else arb.neg_inf()

    def _moved(self, x: arb, step: arb) -> arb:
        return self.value((x + step).mid(), ctx.prec)

    def jumps(self, x: arb) -> bool:
        """Return whether the slopes on both sides of a number differ."""
        with _precision(4 * _STEP):
            step = arb((1, -_STEP))
            try:
                here = self.value(x, ctx.prec)
                above = (self._moved(x, step) - here) / step
                below = (here - self._moved(x, -step)) / step
            except NoValue:
                return False
            finite = above.is_finite() and below.is_finite()
            return bool(finite and abs(above - below) > arb((1, -_JUMP)))


def _packages(function: Any, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    """The packages that a function's code names, and that of the functions it calls."""
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen:
        return
    names = [name for part in _codes(code) for name in part.co_names]
    for name in names:
        held = getattr(function, "__globals__", {}).get(name, name)
        where = held if isinstance(held, str) else getattr(held, "__module__", None)
        where = held.__name__ if isinstance(held, ModuleType) else where
        yield str(where or type(held).__module__).partition(".")[0]
        yield from _packages(held, seen | {id(code)})


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _binade(x: arb) -> int:
    mantissa, exponent = x.man_exp()
    return abs(int(mantissa)).bit_length() + int(exponent) - 1


@contextmanager
def _precision(bits: int) -> Iterator[None]:
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def _exactly(ball: arb) -> Answer:
    if not ball.is_finite():
        known = ball.is_exact() and not ball.is_nan()
        return Exact(infinite=1 if ball > 0 else -1) if known else Exact(unknown=True)
    middle, radius = (tuple(map(int, part.man_exp())) for part in (ball.mid(), ball.rad()))
    return Exact((middle[0], middle[1]), (radius[0], radius[1]))


def _answered(references: tuple[_Reference, ...], request: tuple[str, Any, int]) -> Any:
    way, given, bits = request
    function, *gradient = references
    try:
        if way == "kinks":
            return tuple(x for x in PLACES if function.jumps(arb(x)))
        x = arb(given)
        if way == "forward":
            return _exactly(function.value(x, bits))
        return _exactly(gradient[0].value(x, bits) if gradient else function.slope(x, bits))
    except NoValue:
        return No()
    except (Exception, RecursionError) as error:
        words = str(error) if isinstance(error, _Refused) else f"{type(error).__name__}: {error}"
        return Failed(words.splitlines()[0][:300])


def main(arguments: list[str]) -> int:
    """Load the functions and answer until the parent is gone; a call that hangs ends it."""
    pipe = Connection(int(arguments[0]))
    try:
        references = tuple(_Reference(address) for address in filter(None, arguments[1:]))
    except _Refused as error:
        pipe.send(Failed(str(error)))
        return 0
    pipe.send(" ".join(reference.source for reference in references))
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return 0
        signal.alarm(round(2 * SECONDS))
        pipe.send(_answered(references, request))
        signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
