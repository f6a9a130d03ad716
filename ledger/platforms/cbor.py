"""CBOR of strangers (RFC 8949), looked over before a library makes objects of it.

Some tags ask a decoder for more than the bytes that they are: shared values (28, 29) make a kilobyte endless once it is
written out again, and so do references to strings (25, 256); numbers in parts (4, 5, 30), patterns (35) and mails (36)
are computed. No token needs them.
"""

MOST_ITEMS = 1 << 12
DEEPEST = 16
COSTLY = frozenset({4, 5, 25, 28, 29, 30, 35, 36, 256})
_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = 2, 3, 4, 5, 6, 7
_WITHOUT_END, _BREAK = 31, 0xFF


def check_plain(data: bytes) -> None:
    """Raises ValueError where data are not one item, of at most 4,096 within it, nested at most 16 levels deep, without
    costly tags.
    """
    at, items = 0, 0
    left = [1]
    """Items that are still to come, level by level; below zero where a break ends them."""
    while left:
        if not left[-1]:
            left.pop()
        elif left[-1] < 0 and data[at : at + 1] == bytes([_BREAK]):
            at += 1
            left.pop()
        else:
            left[-1] -= 1
            items += 1
            at, within = _next(data, at)
            left.append(within)
            if items > MOST_ITEMS or len(left) > DEEPEST:
                raise ValueError(f"it has more than {MOST_ITEMS} items, or {DEEPEST} levels")
    if at != len(data):
        raise ValueError("there is more behind it")


def _next(data: bytes, at: int) -> tuple[int, int]:
    """Where the item at a place ends but for what it holds, and how many items it holds; below zero: until a break."""
    if at >= len(data):
        raise ValueError("it is cut off")
    sort, size = data[at] >> 5, data[at] & 31
    at += 1
    if size == _WITHOUT_END and sort in (_BYTES, _TEXT, _ARRAY, _MAP):
        return at, -1
    if size > 27:
        raise ValueError("an item has a length that there is not")
    width = 1 << (size - 24) if size >= 24 else 0
    number = int.from_bytes(data[at : at + width], "big") if width else size
    at += width
    if sort in (_BYTES, _TEXT):
        return at + number, 0
    if sort == _TAG and number in COSTLY:
        raise ValueError(f"it has tag {number}")
    return at, {_ARRAY: number, _MAP: 2 * number, _TAG: 1}.get(sort, 0)
