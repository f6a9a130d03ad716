"""Arguments of calls as the contracts' own decoder takes them: what it takes is read alike, what it reverts is refused.

The rule is that of docs/spec/bundle.md ("Calldata"): the compiler's ABI decoder (version 2), which is wider than the
ABI's one encoding. A contract acts on what it decodes, so who replays a call may read neither more nor less.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ledger.chain.codec import WORD, Decode, decoder, word_decoder

SELECTOR = 4
ENUMERATED: Mapping[str, int] = {
    "enum IBallots.Kind": 11,
    "enum IRoundLedger.Form": 3,
    "enum IAggregateCourt.Ground": 5,
}
"""How many values the contracts' enumerations have that are arguments."""
_WHOLE, _SIGN = 1 << 256, 1 << 255
_LENGTHS = 1 << 64
DecodeCall = Callable[[bytes], list[Any]]
_At = Callable[[bytes, int], Any]
"""Reads a value from calldata: where it stands."""


class _Part(NamedTuple):
    """An argument, or a member of a tuple. Static: `words` in the head, read where they stand. Else an offset in the
    head, from the tuple's beginning on, to at least `least` bytes, read from there on."""

    words: int
    read: _At
    least: int = 0


def call_decoder(fields: Sequence[Mapping[str, Any]]) -> DecodeCall:
    """The decoder of a function's arguments, by its ABI: from whole calldata, selector included.

    Tuples are lists. It raises ValueError where the contract's decoder reverts.
    """
    parts = [_part(field) for field in fields]
    head = SELECTOR + sum(part.words for part in parts) * WORD
    offsets = [place for place, part in zip(_places(parts, SELECTOR), parts, strict=True) if part.least]

    def decode(data: bytes) -> list[Any]:
        if len(data) < head:
            raise ValueError(f"{len(data)} bytes of calldata, at least {head} expected")
        for place in offsets:
            if _number(data, place) >= _LENGTHS:
                raise ValueError("an argument is beyond all calldata")
        return _values(parts, data, SELECTOR)

    return decode


def _values(parts: Sequence[_Part], data: bytes, base: int) -> list[Any]:
    """What stands in a tuple that begins at `base`."""
    values = []
    for place, part in zip(_places(parts, base), parts, strict=True):
        values.append(part.read(data, _start(data, base, place, part.least) if part.least else place))
    return values


def _places(parts: Sequence[_Part], base: int) -> list[int]:
    places = []
    for part in parts:
        places.append(base)
        base = (base + part.words * WORD) % _WHOLE
    return places


def _start(data: bytes, base: int, place: int, least: int) -> int:
    """Where a tuple's dynamic member begins. Raises ValueError where fewer than `least` bytes are left."""
    offset = _number(data, place)
    if _signed(offset) >= _signed(len(data) - base - least + 1):
        raise ValueError("a dynamic value begins behind the calldata's end")
    return (base + offset) % _WHOLE


def _bytes_at(data: bytes, at: int) -> bytes:
    start, length = _run(data, at, 1)
    return data[start : start + length]


def _text_at(data: bytes, at: int) -> str:
    return _bytes_at(data, at).decode("utf-8", errors="replace")


def _rows_at(decode: Decode, size: int, data: bytes, at: int) -> list[Any]:
    start, count = _run(data, at, size)
    return [decode(data[place : place + size]) for place in range(start, start + count * size, size)]


def _run(data: bytes, at: int, size: int) -> tuple[int, int]:
    """Where so many values of this size begin, behind their number, and how many there are."""
    count, start = _number(data, at), (at + WORD) % _WHOLE
    if count >= _LENGTHS or _signed(start) + count * size > len(data):
        raise ValueError("a dynamic value is longer than the calldata")
    return start, count


def _word_at(decode: Decode, words: int, data: bytes, at: int) -> Any:
    return decode(data[at : at + words * WORD].ljust(words * WORD, b"\0"))


def _part(field: Mapping[str, Any]) -> _Part:
    kind, components = field["type"], field.get("components", ())
    if kind in ("bytes", "string"):
        return _Part(1, _bytes_at if kind == "bytes" else _text_at, WORD)
    if kind == "tuple[]":
        return _Part(1, partial(_rows_at, decoder(components), len(components) * WORD), WORD)
    if kind == "tuple":
        parts = [_part(component) for component in components]
        words = sum(part.words for part in parts)
        if any(part.least for part in parts):
            return _Part(1, partial(_values, parts), words * WORD)
        return _Part(words, partial(_word_at, decoder(components), words))
    if kind == "bytes32[2]":
        return _Part(2, partial(_word_at, decoder([{"type": "bytes32"}] * 2), 2))
    limit, decode = ENUMERATED.get(field.get("internalType", "")), word_decoder(kind)
    return _Part(1, partial(_word_at, decode if limit is None else _enumerated(decode, limit), 1))


def _enumerated(decode: Decode, limit: int) -> Decode:
    def enumerated(word: bytes) -> int:
        value: int = decode(word)
        if value >= limit:
            raise ValueError(f"{value} is none of {limit} values")
        return value

    return enumerated


def _number(data: bytes, at: int) -> int:
    """The word there: behind the calldata there are zeros without end, and before it."""
    return int.from_bytes(data[at : at + WORD].ljust(WORD, b"\0"))


def _signed(number: int) -> int:
    return (number + _SIGN) % _WHOLE - _SIGN
