"""Encoding: how a field of an action stands in the contract's encoding, and what a wallet shows of it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ledger.errors import Malformed
from ledger.events.members import Role
from ledger.formats.digest import checksum_address, parse_address
from ledger.formats.member_name import NameWords, name_in, name_words

WORD = 32
ALL_ROLES = 7
_NO_NAME = re.compile(r"0x[0-9a-f]{128}")


class Word(NamedTuple):
    """How a field stands in the contract's encoding: `size` words of 32 bytes, both ways.

    `show` makes of it what a wallet shows, of the EIP-712 type `shown`. All three raise ValueError, OverflowError or
    Malformed for a value that has no such form.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    size: int = 1
    shown: str = "uint256"
    show: Callable[[Any], Any] = lambda value: value


def number_word(value: int) -> bytes:
    """A number as one word. Raises OverflowError for one that is negative or does not fit."""
    return value.to_bytes(WORD, "big")


def name_word(name: str) -> bytes:
    """A release's name or version as one word. Raises ValueError for what the contract would refuse."""
    plain = name.replace(".", "a").replace("-", "a")
    letters = plain.isascii() and plain.isalnum() and plain == plain.lower() and name[0] not in ".-"
    if not letters or len(name) > WORD:
        raise ValueError(f"not 1 to 32 of a-z, 0-9, '.' and '-', first a letter or digit: {name!r}")
    return name.encode().ljust(WORD, b"\x00")


def name_text(word: bytes) -> str:
    """The text in a word. Raises ValueError where there is no name in it."""
    name = word.rstrip(b"\x00").decode("ascii")
    if not name:
        raise ValueError("an empty name")
    name_word(name)
    return name


def member_name_words(name: str) -> bytes:
    """A member's name as two words; bytes that are not one stand as 0x and 128 digits, which is longer than a name."""
    return bytes.fromhex(name[2:]) if _NO_NAME.fullmatch(name) else b"".join(name_words(name))


def member_name(words: NameWords) -> str:
    """A member's name as an action has it."""
    return name_in(words) or f"0x{b''.join(words).hex()}"


def shown_member_name(name: str) -> str | bytes:
    """What a wallet shows of a name: itself, or the bytes of what is not one, which no wallet can show."""
    return bytes.fromhex(name[2:]).rstrip(b"\x00") if _NO_NAME.fullmatch(name) else name


def roles_text(roles: int) -> str:
    """Roles by name. Raises Malformed for what is none of the roles there are, or more."""
    if not 0 < roles <= ALL_ROLES:
        raise Malformed("these roles are not valid", actual=roles)
    return ", ".join(str(role.name).lower() for role in Role if role in Role(roles))


def reason_text(word: bytes) -> str | None:
    """The text in a reason's word: None where it is a digest, "" where it is zero."""
    data = word.rstrip(b"\x00")
    plain = all(0x20 <= sign <= 0x7E for sign in data)
    return data.decode("ascii") if plain else None


def shown_reason(reason: str) -> str:
    """The text of a reason in 64 hexadecimal digits, or 0x and the digits where those are a digest."""
    text = reason_text(bytes.fromhex(reason))
    return f"0x{reason}" if text is None else text


def address_word(address: str) -> bytes:
    """An address as one word. Raises Malformed for what is not one."""
    return bytes.fromhex(parse_address(address, "action")[2:]).rjust(WORD, b"\x00")


def word_address(word: bytes) -> str:
    return checksum_address(word[12:])


def digest_word(digest: str) -> bytes:
    word = bytes.fromhex(digest)
    if len(word) != WORD or word.hex() != digest:
        raise ValueError(f"not 64 hexadecimal digits: {digest!r}")
    return word
