"""What a member is called: text for people in two words of the ledger (docs/spec/grammar.md, "Names of members")."""

import re
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.grammar import check_text

WORD = 32
LONGEST = 2 * WORD
_OVERLAID = re.compile(
    "[\u0334-\u0338\u0488\u0489\u1abe\u1cd4\u1ce2-\u1ce8\u20d2\u20d3\u20d8-\u20da\u20dd-\u20e0"
    "\u20e2-\u20e6\u20ea\u20eb\ua670-\ua672\U00010a39\U00016af0-\U00016af4\U0001bc9e\U0001d167-\U0001d169]"
)
"""Marks that are drawn across or around the sign before them: they strike names out, or show one sign as another."""
_PLAIN = re.compile(r"member [0-9]+", re.ASCII | re.IGNORECASE)


class NameWords(NamedTuple):
    """A name as the ledger has it: UTF-8, filled up with zeros. Nobody checked what it says."""

    first: bytes
    second: bytes


def check_member_name(text: str, what: str) -> None:
    """Refuse what is not text for people in 1 to 64 bytes of UTF-8, or has marks across others. Raises Malformed."""
    check_text(text, what)
    if found := _OVERLAID.search(text):
        raise Malformed(f"{what} has a mark that is drawn across another sign", actual=f"U+{ord(found[0]):04X}")
    size = len(text.encode())
    if size > LONGEST:
        raise Malformed(f"{what} is longer than {LONGEST} bytes of UTF-8", actual=size)


def name_words(text: str) -> NameWords:
    """A name as the ledger has it. Raises Malformed for what is not one."""
    check_member_name(text, "a member's name")
    data = text.encode().ljust(LONGEST, b"\x00")
    return NameWords(data[:WORD], data[WORD:])


def name_in(words: NameWords) -> str | None:
    """The name that the ledger has; None where it breaks the rule."""
    try:
        text = b"".join(words).rstrip(b"\x00").decode()
        check_member_name(text, "a member's name")
    except (UnicodeDecodeError, Malformed):
        return None
    return text


def plain_name(index: int) -> str:
    """What a member is called that has no name of its own."""
    return f"member {index}"


def is_plain(text: str) -> bool:
    """Whether a text is what some member without a name is called, in small letters or capitals."""
    return _PLAIN.fullmatch(text) is not None
