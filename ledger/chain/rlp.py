"""RLP, Ethereum's encoding of transactions: byte strings, and lists of items.

The one strict reading: every item has one encoding, the shortest, and no byte is left over. A reader of our own, since
a library's leniency would decide about evidence, and half its time would be spent on schemas.
"""

from collections.abc import Sequence
from typing import Union

Item = Union[bytes, "list[Item]"]
SHORT = 55
DEEPEST = 4
"""Levels of lists: a transaction's access list has three."""
_STRING, _LIST = 0x80, 0xC0
_PREFIXES = [bytes([_STRING + size]) for size in range(SHORT + 1)]


def decode(data: bytes) -> Item:
    """The one item that `data` encodes. Raises ValueError where it is not the canonical encoding of one."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise ValueError("bytes are left over")
    return item


def encode(item: bytes | Sequence[Item]) -> bytes:
    """The canonical encoding of an item."""
    if isinstance(item, bytes):
        return _text(item)
    return enclose(*[_text(part) if isinstance(part, bytes) else encode(part) for part in item])


def length(text: bytes) -> int:
    """How many bytes the encoding of a byte string of at most 55 has."""
    return len(text) + (len(text) != 1 or text[0] >= _STRING)


def content(data: bytes) -> memoryview:
    """The encodings of a list's items, one after another; `data` is what `decode` took for a list."""
    body, stop = _body(data, 0, len(data), data[0] - _LIST)
    return memoryview(data)[body:stop]


def enclose(*items: bytes | memoryview) -> bytes:
    """The encoding of a list, from those of its items."""
    body = b"".join(items)
    return _prefix(len(body), _LIST) + body


def number(value: int) -> bytes:
    """A number as the byte string that stands for it: big-endian, without zeros in front."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _text(text: bytes) -> bytes:
    size = len(text)
    if size == 1 and text[0] < _STRING:
        return text
    return (_PREFIXES[size] if size <= SHORT else _prefix(size, _STRING)) + text


def _prefix(length: int, kind: int) -> bytes:
    if length <= SHORT:
        return bytes([kind + length])
    size = number(length)
    return bytes([kind + SHORT + len(size)]) + size


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    """The item that begins at `at`, within `end`, and where it ends."""
    if at >= end:
        raise ValueError("an item is missing")
    first = data[at]
    if first < _STRING:
        return data[at : at + 1], at + 1
    kind = _LIST if first >= _LIST else _STRING
    start, stop = _body(data, at, end, first - kind)
    if kind == _STRING:
        text = data[start:stop]
        if len(text) == 1 and text[0] < _STRING:
            raise ValueError("a byte is not encoded as itself")
        return text, stop
    if depth >= DEEPEST:
        raise ValueError("lists are nested too deep")
    items: list[Item] = []
    while start < stop:
        code = data[start] - _STRING
        if 2 <= code <= SHORT and (after := start + 1 + code) <= stop:  # most items of a transaction
            items.append(data[start + 1 : after])
            start = after
        else:
            item, start = _item(data, start, stop, depth + 1)
            items.append(item)
    return items, stop


def _body(data: bytes, at: int, end: int, code: int) -> tuple[int, int]:
    """Where the content of an item starts and stops; `code` is the first byte less that of its kind."""
    start, length = at + 1, code
    if code > SHORT:
        start += code - SHORT
        size = data[at + 1 : start]
        length = int.from_bytes(size)
        if start > end or size[0] == 0 or length <= SHORT:
            raise ValueError("a length is not in its shortest form")
    if start + length > end:
        raise ValueError("an item is cut")
    return start, start + length
