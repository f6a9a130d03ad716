"""Numbers that people and programs write: read exactly, or not at all."""

import re

_NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?[ \t]*", re.ASCII)
_WHOLE = re.compile(r"[ \t]*[+-]?[0-9]+[ \t]*", re.ASCII)
_EXACT_DIGITS = 15
"""Every whole number of so many digits is a float64."""


class TooLarge(ValueError):
    """A number that no float64 holds: too large, too near to zero, or a whole number that would be another one."""


def read_number(text: str) -> float:
    """The float64 nearest to a decimal number in ASCII digits, with a point and an exponent or without.

    Raises ValueError for any other text ("1_000", digits of other scripts, "nan"), and TooLarge, one of them.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise TooLarge("larger than any float64")
    if number == 0 and any(digit in "123456789" for digit in re.split("[eE]", text)[0]):
        raise TooLarge("nearer to zero than any float64")
    if len(text) > _EXACT_DIGITS and _WHOLE.fullmatch(text) and len(text.strip()) < 400 and int(text) != number:
        raise TooLarge("a whole number that no float64 holds exactly")
    return number
