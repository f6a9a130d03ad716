"""Read keys: what a reader opens its slips with, as the files that age has (docs/spec/seals.md, "Read keys").

An age identity is a X25519 key in Bech32 (BIP 173), and so is its recipient: `age-keygen` makes read keys, and nothing
of age is needed to use one.
"""

from ledger.errors import Malformed
from ledger.masks.keys import check_point
from ledger.masks.secret import SIZE, Secret

RECIPIENT, IDENTITY = "age", "age-secret-key-"
_SIGNS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK = 6
LONGEST = 1 << 16
"""Bytes of a read key's file, at most."""


def show_point(point: bytes) -> str:
    """A reader's point as people pass it on: age1…"""
    return _encode(RECIPIENT, point)


def show_key(key: Secret) -> str:
    """A read key as its file has it: AGE-SECRET-KEY-1…"""
    return _encode(IDENTITY, key.reveal()).upper()


def read_point(text: str) -> bytes:
    """The point in age1…; raises Malformed for any other text, and for no point in its one form."""
    point = _decode(RECIPIENT, text, "a reader is age1 and 58 signs")
    check_point(point, "a read key")
    return point


def read_key_file(data: bytes) -> Secret:
    """The key in an identity file of age: lines, of which those that are empty or begin with # say nothing.

    Raises Malformed, which quotes nothing of the file, where it is not one line that is a X25519 identity.
    """
    try:
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
    except UnicodeDecodeError as error:
        raise Malformed("a read key's file is ASCII", advice="make one: fedledger seal key FILE") from error
    said = [line for line in lines if line and not line.startswith("#")]
    if len(said) != 1 or not said[0].startswith(IDENTITY.upper()):
        raise Malformed("a read key's file has one line AGE-SECRET-KEY-1…", advice="make one: fedledger seal key FILE")
    return Secret(
        _decode(IDENTITY, said[0].lower(), "the line AGE-SECRET-KEY-1… has a sign that is wrong", secret=True)
    )


def _encode(kind: str, data: bytes) -> str:
    words = _regrouped(data)
    check = _checksum(kind, [*words, *[0] * _CHECK]) ^ 1
    signs = [*words, *(check >> 5 * (_CHECK - 1 - place) & 31 for place in range(_CHECK))]
    return kind + "1" + "".join(_SIGNS[sign] for sign in signs)


def _decode(kind: str, text: str, problem: str, secret: bool = False) -> bytes:
    signs = text.removeprefix(kind + "1")
    size = -(-8 * SIZE // 5) + _CHECK
    facts = {} if secret else {"actual": text[:200]}
    if len(text) != len(kind) + 1 + size or len(signs) != size or any(sign not in _SIGNS for sign in signs):
        raise Malformed(problem, **facts)
    words = [_SIGNS.index(sign) for sign in signs]
    number = 0
    for word in words[:-_CHECK]:
        number = number << 5 | word
    data = (number >> 4).to_bytes(SIZE, "big")
    if _checksum(kind, words) != 1 or number & 15:
        raise Malformed(problem, **facts)
    return data


def _regrouped(data: bytes) -> list[int]:
    """32 bytes in groups of five bits, the last one filled with zeros."""
    number = int.from_bytes(data, "big") << 4
    return [number >> 5 * place & 31 for place in reversed(range(-(-8 * SIZE // 5)))]


def _checksum(kind: str, words: list[int]) -> int:
    value = 1
    for word in [*(ord(sign) >> 5 for sign in kind), 0, *(ord(sign) & 31 for sign in kind), *words]:
        top = value >> 25
        value = (value & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate(_GENERATORS):
            value ^= generator if top >> place & 1 else 0
    return value
