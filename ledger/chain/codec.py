"""From the ABI's words to values, strictly: what an honest node cannot have sent is refused.

Decoders are built once from the ABI; for logs of static words this is some ten times faster than a general decoder.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ledger.formats.digest import checksum_address

WORD = 32
Decode = Callable[[bytes], Any]


def signature(entry: dict[str, Any]) -> str:
    """The canonical signature of an ABI entry, as it is hashed into topics and selectors."""
    return f"{entry['name']}({','.join(canonical(field) for field in entry['inputs'])})"


def canonical(field: dict[str, Any]) -> str:
    """The canonical type of an ABI field, a struct's as that of a tuple."""
    kind: str = field["type"]
    if kind.startswith("tuple"):
        return f"({','.join(canonical(part) for part in field['components'])}){kind[5:]}"
    return kind


def word_decoder(kind: str) -> Decode:
    """The decoder of one static 32-byte word. It raises ValueError where unused bits are set."""
    if kind == "address":
        return _address
    if kind == "bool":
        return _bool
    if kind.startswith("uint"):
        return _unsigned(int(kind[4:]))
    if kind.startswith("int"):
        return _signed(int(kind[3:]))
    if kind.startswith("bytes"):
        return _fixed_bytes(int(kind[5:]))
    raise ValueError(f"no decoder for {kind}")


def encode_word(kind: str, value: Any) -> bytes:
    """One static argument as its 32-byte word. Raises ValueError where the value is not of that type."""
    if kind.startswith("uint") and isinstance(value, int) and 0 <= value < 1 << int(kind[4:]):
        return value.to_bytes(WORD, "big")
    if kind == "bytes32" and isinstance(value, bytes) and len(value) == WORD:
        return value
    if kind == "address" and isinstance(value, str) and len(value) == 42:
        return bytes(12) + bytes.fromhex(value.removeprefix("0x"))
    raise ValueError(f"{value!r} is not {kind}")


def decoder(fields: Sequence[dict[str, Any]]) -> Callable[[bytes], list[Any]]:
    """The decoder of an argument list: static words; as lists pairs of words, tuples, static tuples; `bytes`, `string`.

    It raises ValueError where the data is not the one canonical encoding.
    """
    parts = [_part(field) for field in fields]
    if all(tail is None and words == 1 for words, _, tail in parts):
        return _flat_decoder([static for _, static, _ in parts])
    read = _reader(parts)

    def decode(data: bytes) -> list[Any]:
        values, end = read(data, 0)
        if len(data) != end:
            raise ValueError(f"{len(data)} bytes of data, {end} expected")
        return values

    return decode


Tail = Callable[[bytes, int, int], tuple[Any, int]]
"""Reads what stands outside the head: the data, where its offset points, and where it must be; and where it ends."""
Part = tuple[int, Decode, Tail | None]
"""How many words of the head a field takes, the decoder of those, and that of its tail if it is dynamic."""


def _reader(parts: Sequence[Part]) -> Callable[[bytes, int], tuple[list[Any], int]]:
    """Reads an argument list that begins at a place in the data; and where it ends."""
    head = sum(words for words, _, _ in parts) * WORD

    def read(data: bytes, start: int) -> tuple[list[Any], int]:
        values = []
        place, end = start, start + head
        for words, static, tail in parts:
            chunk = data[place : place + words * WORD]
            if len(chunk) != words * WORD:
                raise ValueError(f"{len(data)} bytes of data, at least {start + head} expected")
            place += words * WORD
            if tail is None:
                values.append(static(chunk))
            else:
                value, end = tail(data, start + int.from_bytes(chunk), end)
                values.append(value)
        return values, end

    return read


def _flat_decoder(decoders: list[Decode]) -> Callable[[bytes], list[Any]]:
    size = len(decoders) * WORD
    places = [(place * WORD, place * WORD + WORD, decode) for place, decode in enumerate(decoders)]

    def decode_words(data: bytes) -> list[Any]:
        if len(data) != size:
            raise ValueError(f"{len(data)} bytes of data, {size} expected")
        return [decode(data[start:end]) for start, end, decode in places]

    return decode_words


def _part(field: dict[str, Any]) -> Part:
    kind = field["type"]
    if kind == "tuple":
        parts = [_part(component) for component in field["components"]]
        if any(tail is not None for _, _, tail in parts):
            return 1, bytes, _tuple_tail(parts)
        return sum(words for words, _, _ in parts), decoder(field["components"]), None
    if kind == "tuple[]":
        return 1, bytes, _rows_tail(decoder(field["components"]), len(field["components"]) * WORD)
    if kind == "bytes32[2]":
        return 2, _pair, None
    tail = {"bytes": _tail, "string": _text_tail}.get(kind)
    return 1, bytes if tail else word_decoder(kind), tail


def _pair(words: bytes) -> list[bytes]:
    return [words[:WORD], words[WORD:]]


def _tuple_tail(parts: Sequence[Part]) -> Tail:
    """The decoder of a tuple with dynamic parts."""
    read = _reader(parts)

    def tail(data: bytes, offset: int, end: int) -> tuple[list[Any], int]:
        if offset != end:
            raise ValueError(f"dynamic data at {offset}, {end} expected")
        return read(data, offset)

    return tail


def _tail(data: bytes, offset: int, end: int) -> tuple[bytes, int]:
    if offset != end:
        raise ValueError(f"dynamic data at {offset}, {end} expected")
    start = offset + WORD
    length = int.from_bytes(data[offset:start])
    after = start + (length + WORD - 1) // WORD * WORD
    if after > len(data) or any(data[start + length : after]):
        raise ValueError("dynamic data is cut or not padded with zeros")
    return data[start : start + length], after


def _text_tail(data: bytes, offset: int, end: int) -> tuple[str, int]:
    """A member chooses the bytes, so bytes that are not UTF-8 must not make the ledger unreadable."""
    value, after = _tail(data, offset, end)
    return value.decode("utf-8", errors="replace"), after


def _rows_tail(decode: Callable[[bytes], list[Any]], size: int) -> Tail:
    """The decoder of a list of static tuples, each of `size` bytes."""

    def rows(data: bytes, offset: int, end: int) -> tuple[list[Any], int]:
        start = offset + WORD
        count = int.from_bytes(data[offset:start])
        after = start + count * size
        if offset != end or after > len(data):
            raise ValueError("a list is cut or elsewhere")
        return [decode(data[at : at + size]) for at in range(start, after, size)], after

    return rows


def _address(word: bytes) -> str:
    if word[:12] != bytes(12):
        raise ValueError(f"not an address: {word.hex()}")
    return checksum_address(word[12:])


def _bool(word: bytes) -> bool:
    value = int.from_bytes(word)
    if value > 1:
        raise ValueError(f"not a boolean: {word.hex()}")
    return value == 1


def _signed(bits: int) -> Decode:
    limit = 1 << bits - 1

    def signed(word: bytes) -> int:
        value = int.from_bytes(word, signed=True)
        if not -limit <= value < limit:
            raise ValueError(f"not an integer of {bits} bits: {word.hex()}")
        return value

    return signed


def _unsigned(bits: int) -> Decode:
    limit = 1 << bits

    def unsigned(word: bytes) -> int:
        value = int.from_bytes(word)
        if value >= limit:
            raise ValueError(f"more than {bits} bits: {word.hex()}")
        return value

    return unsigned


def _fixed_bytes(size: int) -> Decode:
    if size == WORD:
        return bytes
    zeros = bytes(WORD - size)

    def fixed_bytes(word: bytes) -> bytes:
        if word[size:] != zeros:
            raise ValueError(f"more than {size} bytes: {word.hex()}")
        return word[:size]

    return fixed_bytes
