"""Limits of a sentence of the page: at most 25 words, and two numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,.]*(?:e[-−]?\d+)?(?:–[−-]?\d[\d,.]*(?:e[-−]?\d+)?)?")
"""A number by itself; a range is one."""


def numbers(sentence: str) -> list[str]:
    """The numbers of a sentence, without those in names such as `float32`."""
    return [number.rstrip(".,") for number in _NUMBER.findall(sentence)]


def is_short(sentence: str) -> bool:
    """True for at most 25 words and two numbers."""
    return len(sentence.split()) <= 25 and len(numbers(sentence)) <= 2
