"""Every error a caller may meet.

    FedledgerError
    ├── Refuted          evidence contradicts a claim                        exit 1
    ├── UsageError       the caller asked for something impossible           exit 2
    │   └── Malformed    bytes or text break their format                    exit 2
    ├── Unavailable      could not look: nothing was checked                 exit 3
    │   └── Corrupt      a copy is damaged; says nothing about its author    exit 3
    └── Rejected         the contract said no                                exit 4

Exit 0 is success. The numbers are documented and never reused.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

SHOWN = re.compile(
    r"(?![\u061c\u115f\u1160\u1680\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\uffa0"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(0x1, 0xE))
    + r"])[ -~\u00a1-\u00ac\u00ae-\ud7ff\uf900-\ufdcf\ufdf0-\ufdff\ufe10-\ufefe\uff00-\uffef\U00010000-\U000dffff]"
)
"""One sign that a screen shows as it is: a closed set (docs/spec/grammar.md, "Text for people")."""

_ASCII = re.compile(r"[\n -~]*")
"""Signs that are all shown."""
_PRINTED = 10_000
"""Bits of the largest number that a message shows."""


def plain(text: str) -> str:
    """Text without signs that control a terminal or cannot be encoded: messages quote foreign strings."""
    if _ASCII.fullmatch(text):  # nearly all are
        return text
    return "".join(sign if SHOWN.fullmatch(sign) or sign == "\n" else ascii(sign)[1:-1] for sign in text)


class FedledgerError(Exception):
    """The root: a message that names the thing, `facts` (expected, actual, …) and `advice`, the way out."""

    exit_code = 3

    @property
    def kind(self) -> str:
        """What it is called in JSON and journals."""
        return type(self).__name__

    def __init__(self, message: str, *, advice: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = plain(message)
        self.advice = advice
        self.facts: Mapping[str, object] = MappingProxyType(facts)

    def __str__(self) -> str:
        known = "".join(f"\n  {name.replace('_', ' ')}: {shown(value)}" for name, value in self.facts.items())
        return self.message + plain(known)


def shown(value: object) -> str:
    """A fact for a message: bytes in hexadecimal. Python refuses to print a number of more than 4,300 digits."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return "a number of thousands of digits" if isinstance(value, int) and value.bit_length() > _PRINTED else str(value)


class Refuted(FedledgerError):
    """Evidence contradicts a claim."""

    exit_code = 1


class UsageError(FedledgerError):
    """The caller asked for something that cannot be done."""

    exit_code = 2


class Malformed(UsageError):
    """Bytes or text break the format they claim to have."""


class Unavailable(FedledgerError):
    """Something could not be reached or read, so nothing was checked."""

    exit_code = 3


class Corrupt(Unavailable):
    """A stored copy does not have the digest it is filed under: its holder's fault, never its author's."""


class Rejected(FedledgerError):
    """The contract refused a transaction; `facts` carries the error's name and arguments."""

    exit_code = 4
