"""A measured value and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval: 0 and infinity where those are unknown."""

    value: float
    low: float = 0.0
    high: float = math.inf

    @classmethod
    def of(cls, value: float, low: float | None, high: float | None) -> Estimate:
        """The estimate from what is stored: an end of None is unknown."""
        return cls(value) if low is None or high is None else cls(value, low, high)

    @property
    def known(self) -> bool:
        """Return whether the interval is finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The ends of the interval as they are stored: None where they are unknown."""
        return (self.low, self.high) if self.known else (None, None)

    @property
    def half_width(self) -> float:
        """Half the interval as a share of the value; infinite where either is unknown or 0."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else math.inf

    def plus(self, amount: float) -> Estimate:
        """The estimate of the sum with an exact amount."""
        return Estimate(self.value + amount, self.low + amount, self.high + amount)

    def scaled(self, factor: float) -> Estimate:
        """The estimate of a positive multiple."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def over(self, other: Estimate) -> Estimate:
        """The ratio to another estimate of independent error; both have ends above 0.

        Zou, Donner 2008, Construction of confidence limits about effect measures, Statistics in
        Medicine 27.
        """
        value = self.value / other.value
        below = math.hypot(math.log(self.value / self.low), math.log(other.high / other.value))
        above = math.hypot(math.log(self.high / self.value), math.log(other.value / other.low))
        return Estimate(value, value * math.exp(-below), value * math.exp(above))

    def inverse(self, factor: float) -> Estimate:
        """The estimate of `factor` over the quantity."""
        return Estimate(factor / self.value, factor / self.high, factor / self.low)


UNKNOWN = Estimate(math.nan)
"""The estimate of a case without values."""
